from datetime import UTC, datetime, timedelta

from arbsite.demo.journal import Journal
from arbsite.supervisor import EventKind, ProcessEvent

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def texts(journal: Journal) -> list[str]:
    return [line.text for line in journal.lines()]


def test_a_death_and_a_return_are_told_with_the_time_between():
    journal = Journal()
    journal.on_process(ProcessEvent(at(0), "stream", EventKind.DIED, 1, "killed by SIGKILL"))
    journal.on_process(ProcessEvent(at(1.5), "stream", EventKind.RESTARTED, 2))
    assert texts(journal) == [
        "stream is gone: killed by SIGKILL",
        "stream is back after 1.5 s: started again as pid 2",
    ]


def test_trading_goes_on_with_the_first_trade_after_the_return():
    journal = Journal()
    journal.gone("Redis", "no answer", at=at(0))
    journal.traded(at(1))  # it is still away: this trade proves nothing
    journal.back("Redis", at=at(2))
    journal.traded(at(4))
    journal.traded(at(9))
    (told,) = journal.disturbances
    assert told.as_json(START) == {
        "at_s": 0.0,
        "subject": "Redis",
        "what": "no answer",
        "back_after_s": 2.0,
        "trading_again_after_s": 4.0,
    }
    assert sum("trading goes on" in text for text in texts(journal)) == 1


def test_a_start_is_no_disturbance_and_neither_is_a_return_of_what_was_there():
    journal = Journal()
    journal.on_process(ProcessEvent(at(0), "stream", EventKind.STARTED, 1))
    journal.back("PostgreSQL", at=at(1))
    assert journal.disturbances == []
    assert texts(journal) == []


def test_what_is_away_is_told_once():
    journal = Journal()
    journal.gone("PostgreSQL", "no answer", at=at(0))
    journal.gone("PostgreSQL", "no answer", at=at(1))
    assert len(journal.disturbances) == 1


def test_an_outage_explains_trouble_while_it_lasts_and_for_thirty_seconds_after():
    journal = Journal()
    assert not journal.explains(at(0))
    journal.gone("Redis", "no answer", at=at(10))
    assert journal.explains(at(60))
    journal.back("Redis", at=at(20))
    assert journal.explains(at(49))
    assert not journal.explains(at(51))
    assert not journal.explains(at(5))


def test_the_end_of_the_demo_explains_lost_connections():
    journal = Journal()
    journal.stopping(at(90))
    assert journal.explains(at(91))
    assert not journal.explains(at(89))
