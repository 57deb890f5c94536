import io
from dataclasses import replace

from arbsite.demo.plain import PlainScreen, report_lines
from arbsite.demo.screens import screen_for


def test_a_report_says_how_it_goes_and_what_is_down(snapshot):
    text = "\n".join(report_lines(snapshot))
    for words in ("12,345 looks", "30 opportunities", "11 executed", "won 73 %", "net +7.50 USD"):
        assert words in text
    assert "PostgreSQL is away, stream is waiting" in text
    assert "web" not in text  # it has not been started yet, which is no trouble
    assert "breakers: consecutive failures open" in text
    assert "max open executions 3, not crossed 1,388" in text


def test_every_event_is_written_once_and_reports_come_every_few_seconds(snapshot):
    stream = io.StringIO()
    with PlainScreen(stream, every_s=5) as screen:
        for elapsed_s in (0, 1, 2, 5, 6):
            screen.show(replace(snapshot, elapsed_s=elapsed_s))
    lines = stream.getvalue().splitlines()
    assert sum("all is well" in line for line in lines) == 1
    assert sum("12,345 looks" in line for line in lines) == 2


def test_where_there_is_no_terminal_the_screen_is_plain():
    assert isinstance(screen_for(io.StringIO()), PlainScreen)
