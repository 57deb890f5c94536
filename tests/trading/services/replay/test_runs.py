"""The runs there are: listed with how far they came, held by one process, deleted with every row."""

import pytest
from django.db import connection

from domain.errors import BadInput, Refused
from domain.scope import Mode, Scope
from ops.locks import key_of
from ops.models import OperatorAction
from ops.services.history import scoped_models
from tests.recorded import write_candles
from tests.trading.services.replay.test_replay import HIGH, LOW, OPTIONS
from trading.models import Opportunity, Run
from trading.services.replay import runs
from trading.services.replay.run import new_scope, replay, resume

pytestmark = pytest.mark.django_db


@pytest.fixture
def files(tmp_path):
    prices = {"kraken": dict.fromkeys(range(6), LOW), "binanceus": dict.fromkeys(range(5), HIGH)}
    return [write_candles(tmp_path, venue, quotes) for venue, quotes in prices.items()]


def rows_of(run_id):
    scope = Scope(Mode.REPLAY, run_id)
    return {model.__name__: model.objects.filter(**scope.columns).count() for model in scoped_models()}


@pytest.fixture
def another_session():
    other = connection.copy()
    yield other.cursor()
    other.close()


def test_runs_are_listed_latest_first_with_where_they_came_to(files):
    first, second = replay(files, OPTIONS), replay(files, OPTIONS)
    lines = runs.run_lines()
    assert [line.run_id for line in lines] == [second.run_id, first.run_id]
    told = lines[1].as_json()
    assert (told["state"], told["digest"], told["can_resume"]) == ("complete", first.digest, False)
    assert told["last_instant"] == "2023-03-11T00:05:59.999000+00:00"


def test_a_deleted_run_leaves_who_did_it_and_no_row(files):
    kept, gone = replay(files, OPTIONS), replay(files, OPTIONS)
    there = rows_of(gone.run_id)
    assert there["StateEvent"] and there["Fill"] and there["Outcome"]
    assert runs.delete_run(gone.run_id, actor="ann", reason="a wrong fee") == sum(there.values())
    assert not any(rows_of(gone.run_id).values())
    assert Opportunity.objects.filter(run_id=kept.run_id).exists()
    deed = OperatorAction.objects.get()
    assert (deed.actor, deed.action, deed.subject, deed.reason) == (
        "ann",
        "delete_run",
        f"replay {gone.run_id}",
        "a wrong fee",
    )
    assert replay(files, OPTIONS).digest == kept.digest


def test_without_a_reason_nothing_is_deleted(files):
    kept = replay(files, OPTIONS).run_id
    with pytest.raises(BadInput, match="reason"):
        runs.delete_run(kept, actor="ann", reason=" ")
    assert Run.objects.filter(run_id=kept).exists()
    with pytest.raises(BadInput, match="there is no run 'r7'"):
        runs.delete_run("r7", actor="ann", reason="because")


def test_a_run_that_another_process_holds_is_neither_gone_on_with_nor_deleted(files, another_session, monkeypatch):
    scope = new_scope()
    with pytest.raises(KeyboardInterrupt):
        replay(files, OPTIONS, scope=scope, progress=_interrupt)
    another_session.execute("SELECT pg_advisory_lock(%s)", [key_of(f"run:{scope}")])
    monkeypatch.setattr(runs, "LET_GO_S", 0.0)
    (line,) = runs.run_lines()
    assert (line.state, line.can_resume) == ("under way", False)
    with pytest.raises(Refused, match=f"run {scope.run_id} is under way in another process"):
        runs.delete_run(scope.run_id, actor="ann", reason="because")
    with pytest.raises(Refused, match="under way"):
        resume(scope.run_id)
    another_session.execute("SELECT pg_advisory_unlock(%s)", [key_of(f"run:{scope}")])
    assert resume(scope.run_id).digest == replay(files, OPTIONS).digest


def _interrupt(done: int, total: int) -> None:
    raise KeyboardInterrupt
