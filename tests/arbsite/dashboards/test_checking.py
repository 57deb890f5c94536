"""The check itself: clean on what is shipped, and failing on each thing that a dashboard or an alert can get wrong."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connection

from arbsite.dashboards.broken import BREAKS
from arbsite.dashboards.checking import check, problems_when_run
from arbsite.dashboards.parts import Dashboard, Files, Panel, Rule, Target
from arbsite.dashboards.problems import Problem
from arbsite.dashboards.running import problems_of_panels, verdicts
from domain.errors import BadInput

SERIES = "SELECT timestamp AS time, edge_bps FROM arbitrage_opportunities ORDER BY 1"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def page(sql: str, *, shape: str = "time_series", no_value: str = "Nothing yet.") -> Files:
    """Return the files of one dashboard with one panel with one query."""
    target = Target("A", sql, shape, "arbsite")
    panel = Panel(1, "timeseries", "Edge", "", (0, 0, 24, 8), "bps", no_value, "arbsite", (target,))
    return Files(dashboards=(Dashboard("d.json", "d", "D", False, 39, "utc", "now-24h", (panel,), ()),))


def said_of(files: Files, *, is_fresh: bool = True) -> list[str]:
    return [problem.what for problem in problems_of_panels(files, now=NOW, mode="dry_run", is_fresh=is_fresh)]


def rule_of(shipped: Files, uid: str) -> Rule:
    return next(rule for rule in shipped.rules if rule.uid == uid)


def asking(rule: Rule, sql: str) -> Rule:
    return replace(rule, steps=(replace(rule.steps[0], sql=sql), *rule.steps[1:]))


def test_what_is_shipped_holds_what_it_promises(role, shipped):
    report = check(shipped)
    assert [str(problem) for problem in report.problems] == []
    assert report.rules == len(dict(BREAKS)) < len(BREAKS)
    assert report.queries >= report.panels > 40


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (SERIES.replace("edge_bps", "edge_pbs"), 'column "edge_pbs" does not exist'),
        (SERIES.replace("AS time", "AS at"), 'it has no column called "time", which a time series needs'),
        ("SELECT symbol AS time, edge_bps FROM arbitrage_opportunities", "neither an instant nor a number"),
        ("SELECT timestamp AS time, symbol FROM arbitrage_opportunities", "it has no column of numbers"),
        ("SELECT now() AS time, 1 AS a, 2 AS a", "two of its columns are called 'a'"),
        ("SELECT NULL::timestamptz AS time, 1", 'its column "time" is null in a row'),
        ("SELECT now() - n * interval '1 s' AS time, n FROM generate_series(1, 2) AS n", "not ordered"),
        ("SELECT now() AS time, 'NaN'::float8 AS a", "holds a value that is no number"),
        ("SELECT now() AS time, amount FROM public.trading_balance", "permission denied"),
        ("SET ROLE none", "it is no question"),
        ("SELECT now() AS time, 1 AS a; SELECT 2 AS b", "it is more than one statement"),
    ],
)
def test_a_query_that_grafana_could_not_show_is_named(role, sql, said):
    assert any(said in what for what in said_of(page(sql)))


def test_a_setting_of_a_column_that_no_query_gives_is_named(role):
    sound = page("SELECT now() AS time, 'kraken' AS metric, 1 AS a")
    panel = replace(sound.dashboards[0].panels[0], named=("a", "kraken", "b"))
    spoken = replace(sound, dashboards=(replace(sound.dashboards[0], panels=(panel,)),))
    assert said_of(spoken, is_fresh=False) == ["its settings speak of the column 'b', which no query gives"]


def test_a_panel_that_is_empty_on_a_fresh_database_states_why(role):
    assert said_of(page(SERIES)) == []
    assert said_of(page(SERIES, no_value="")) == ["it shows nothing on a fresh database, and noValue does not say why"]
    assert said_of(page("SELECT now() AS time, 0 AS a", no_value="")) == []


def test_a_panel_that_is_empty_although_there_is_everything_to_show_is_named(role):
    nulls_alone = page("SELECT now() AS time, NULL::int AS a")
    assert said_of(nulls_alone, is_fresh=False) == ["it shows nothing although there is everything to show"]


def test_an_alert_that_cannot_fire_or_always_does_or_is_unproven_is_named(role, shipped):
    sound = rule_of(shipped, "arb-breaker-open")
    deaf = replace(sound, steps=(*sound.steps[:2], replace(sound.steps[2], params=(1.0,))))
    nervous = replace(
        asking(sound, "SELECT 'dry_run' AS mode, 1 AS value"),
        uid="nervous",
        annotations={"summary": "{{ $labels.kin }}"},
    )
    breaks = [(sound.uid, dict(BREAKS)[sound.uid]), ("gone", lambda now: None)]
    found = [str(one) for one in problems_when_run(Files(rules=(deaf, nervous)), breaks=breaks)]
    (said,) = (said for said in found if said.startswith("arb-breaker-open"))
    assert said.startswith("arb-breaker-open: it cannot fire: on the database broken for it, it finds {")
    assert {
        "nervous: it fires on a fresh database: dry_run 1",
        "nervous: it speaks of the label kin, which its query does not give",
        "nervous: it fires on a healthy system: dry_run 1",
        "nervous: it fires where only arb-breaker-open should: dry_run 1",
        "nervous: no broken database shows that it can fire",
        "gone: a database is broken for it, and there is no such rule",
    } <= set(found)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT mode, 1 AS value FROM gates", "query A found nothing: an alert needs a row of its own for zero"),
        ("SELECT 1 AS value, 2 AS other", "an alert takes one column of numbers, its query has 2"),
        ("SELECT now() AS at, 1 AS value", "its column 'at' is no text"),
        ("SELECT 'live' AS mode, n FROM generate_series(1, 2) AS n", "two of its rows have the same labels"),
        ("SELECT 'live' AS mode, NULL::int AS value", "query A gives no number for mode=live"),
        ("SELECT mood FROM gates", 'column "mood" does not exist'),
    ],
)
def test_an_alert_that_cannot_be_evaluated_is_named(role, shipped, sql, said):
    ((_, problem),) = verdicts([asking(shipped.rules[0], sql)])
    assert isinstance(problem, Problem)
    assert said in problem.what


def test_the_command_ends_with_3_and_names_what_is_wrong(copied, capsys):
    (copied / "dashboards" / "risk.json").unlink()
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("dashboards", "lint", "--json", folder=copied, stdout=out)
    report = json.loads(out.getvalue())
    assert (ended.value.code, report["ok"]) == (3, False)
    assert any("of 'arb-risk', which there is not" in one["what"] for one in report["problems"])


def test_the_command_says_in_words_that_nothing_is_wrong():
    out = io.StringIO()
    call_command("dashboards", "lint", stdout=out)
    assert out.getvalue().endswith("alert rules: nothing is wrong\n")


def test_the_command_refuses_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(BadInput, match="there is no folder"):
        call_command("dashboards", "check", folder=tmp_path / "none")


@pytest.mark.campaign
@pytest.mark.django_db(transaction=True)
def test_the_command_checks_on_a_database_of_its_own_and_leaves_none_behind():
    out = io.StringIO()
    call_command("dashboards", "check", "--json", stdout=out)
    assert json.loads(out.getvalue())["problems"] == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE '%\\_scratch\\_%'")
        assert cursor.fetchone() == (0,)
