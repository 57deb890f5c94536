"""What the files alone give away: each fault that Grafana would show, or keep to itself, is named."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from arbsite.dashboards import files
from arbsite.dashboards.checking import problems_in_files
from domain.errors import BadInput
from tests.arbsite.dashboards.conftest import GRAFANA

SOURCE = {"type": "grafana-postgresql-datasource", "uid": "arbsite"}
RULES = "provisioning/alerting/rules.yaml"


@pytest.fixture
def bare(tmp_path) -> Path:
    """Return a folder with what is provisioned, and no dashboards: quick to read."""
    shutil.copytree(GRAFANA / "provisioning", tmp_path / "grafana" / "provisioning")
    (tmp_path / "grafana" / "dashboards").mkdir()
    return tmp_path / "grafana"


def panel(**changed) -> dict:
    """Return a panel that is sound."""
    return {
        "id": 1,
        "type": "timeseries",
        "title": "Opportunities",
        "description": "How many there were.",
        "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": "short"}},
        "targets": [target()],
    } | changed


def target(**changed) -> dict:
    sql = "SELECT $__time(timestamp), edge_bps FROM arbitrage_opportunities WHERE $__timeFilter(timestamp) AND mode = '$mode'"
    return {"refId": "A", "datasource": SOURCE, "format": "time_series", "rawQuery": True, "rawSql": sql} | changed


def dashboard(*panels: dict, **changed) -> dict:
    variable = {"name": "mode", "type": "custom", "query": "dry_run,live", "current": {"value": "dry_run"}}
    return {
        "id": None,
        "uid": "extra",
        "title": "Extra",
        "schemaVersion": 39,
        "timezone": "utc",
        "time": {"from": "now-24h", "to": "now"},
        "panels": list(panels or (panel(),)),
        "templating": {"list": [variable]},
    } | changed


def said_of(folder: Path, extra: dict) -> list[str]:
    (folder / "dashboards" / "extra.json").write_text(json.dumps(extra))
    return [str(problem) for problem in problems_in_files(files.read(folder))]


def test_the_files_as_shipped_are_sound(shipped):
    assert [str(problem) for problem in problems_in_files(shipped)] == []
    assert {dashboard.uid for dashboard in shipped.dashboards} == {
        "arb-monitoring",
        "arb-risk",
        "arb-models",
        "arb-system",
    }


def test_a_sound_dashboard_beside_them_is_sound(copied):
    assert said_of(copied, dashboard()) == []


def test_two_dashboards_of_one_uid_are_named(copied):
    assert said_of(copied, dashboard(uid="arb-risk")) == ["arb-risk: the uid 'arb-risk' names more than one dashboard"]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (dashboard(uid=""), "the uid '' is not fixed"),
        (dashboard(uid="has a space"), "the uid 'has a space' is not fixed"),
        (dashboard(id=7), "it has an id of another Grafana's database"),
        (dashboard(title=""), "extra: it has no title"),
        (dashboard(schemaVersion=16), "its schemaVersion is 16"),
        (dashboard(timezone="browser"), "its timezone is 'browser'"),
        (dashboard(panel(), panel(id=2)), "it overlaps Opportunities (2)"),
        (dashboard(panel(), panel(id=2, gridPos={"x": 11, "y": 7, "w": 2, "h": 2})), "it overlaps"),
        (dashboard(panel(gridPos={"x": 20, "y": 0, "w": 12, "h": 8})), "does not lie in 24 columns"),
        (dashboard(panel(gridPos={"x": 0, "y": 0, "w": 0, "h": 8})), "does not lie in 24 columns"),
        (dashboard(panel(gridPos=None)), "does not lie in 24 columns"),
        (dashboard(panel(), panel(gridPos={"x": 12, "y": 0, "w": 12, "h": 8})), "the panel id 1 stands there twice"),
        (dashboard(panel(id=0)), "its id is not a positive number"),
        (dashboard(panel(title="")), "it has no title"),
        (dashboard(panel(description="")), "it has no description"),
        (dashboard(panel(fieldConfig={})), "its values have no unit"),
        (dashboard(panel(targets=[])), "it asks nothing"),
        (dashboard(panel(targets=[target(), target()])), "the refId 'A' names more than one of its queries"),
        (dashboard(panel(targets=[target(datasource={"uid": "other"})])), "its data source 'other' is not provisioned"),
        (dashboard(panel(targets=[target(format="graph")])), "its format is 'graph'"),
        (dashboard(panel(targets=[target(rawQuery=False)])), "rawQuery is not true"),
        (dashboard(panel(targets=[target(rawSql=" ")])), "its query is empty"),
        (dashboard(panel(targets=[target(rawSql="SELECT $__timeGruop(timestamp, '1h')")])), "$__timeGruop is no macro"),
        (dashboard(panel(targets=[target(rawSql="SELECT '$symbol'")])), "$symbol is neither a macro"),
        (dashboard(templating={"list": []}), "$mode is neither a macro"),
        (dashboard(panel(type="frobnicator")), "its type 'frobnicator' is none of Grafana's own"),
        (dashboard(panel(libraryPanel={"uid": "x"})), "panels 1 libraryPanel is {'uid': 'x'}; it may be left out"),
        (dashboard(panel(targets=[target(hide=True)])), "panels 1 targets 1 hide is True"),
        (dashboard(panel(targets=[target(datasource=SOURCE | {"type": "mysql"})])), "datasource type is 'mysql'"),
        (dashboard(time={"from": "yesterday", "to": "now"}), "time from is 'yesterday', which the check cannot read"),
        (dashboard(annotations={"list": [{"name": "mine", "enable": True}]}), "annotations list 1 builtIn is None"),
        (
            dashboard({"type": "row", "id": 2, "title": "R", "collapsed": False, "panels": [panel()]}),
            "it lies inside of a row that is open",
        ),
        (
            dashboard({"type": "row", "id": 1, "title": "R", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}}),
            "it shows nothing",
        ),
    ],
)
def test_a_faulty_dashboard_is_named(bare, extra, said):
    assert any(said in problem for problem in said_of(bare, extra))


def test_panels_of_a_closed_row_take_no_room(copied):
    closed = {"type": "row", "id": 2, "title": "Closed", "collapsed": True, "panels": [panel(id=3)]}
    closed["gridPos"] = {"x": 0, "y": 8, "w": 24, "h": 1}
    assert said_of(copied, dashboard(panel(), closed)) == []


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_file_that_is_no_dashboard_is_refused_by_name(bare, text):
    (bare / "dashboards" / "extra.json").write_text(text, errors="surrogateescape")
    with pytest.raises(BadInput, match=r"extra\.json"):
        files.read(bare)


@pytest.mark.parametrize("text", ["a: [", "- 1", ""])
def test_a_file_that_is_no_provisioning_is_refused_by_name(bare, text):
    (bare / "provisioning" / "alerting" / "extra.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"extra\.yaml"):
        files.read(bare)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="there is no folder"):
        files.read(tmp_path / "grafana")


def spoiled(folder: Path, path: str, spoil) -> list[str]:
    """Return the problems that are found once ``spoil`` has changed a file of provisioning."""
    file = folder / path
    document = yaml.load(file.read_text(), yaml.CSafeLoader)
    spoil(document)
    file.write_text(json.dumps(document))  # which is YAML too
    return [str(problem) for problem in problems_in_files(files.read(folder))]


def first_rule(document: dict) -> dict:
    return document["groups"][0]["rules"][0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rule: rule.update(uid="arb-win-rate"), "the uid 'arb-win-rate' names more than one alert rule"),
        (lambda rule: rule.update(title="Win rate low"), "names more than one alert rule"),
        (lambda rule: rule.update(condition="D"), "its condition 'D' names none of its steps"),
        (lambda rule: rule.update(condition="B"), "its condition B is no threshold"),
        (lambda rule: rule.update(noDataState="OK"), "its noDataState is OK"),
        (lambda rule: rule.update(noDataState="Quiet"), "its noDataState is 'Quiet'"),
        (lambda rule: rule.update(execErrState="OK"), "a broken query must be noticed"),
        (lambda rule: rule.update({"for": "soon"}), "its for is 'soon'"),
        (lambda rule: rule.update(labels={"severity": "page"}), "its label severity is 'page'"),
        (lambda rule: rule["labels"].update(team="$TEAM"), "its label team holds '$TEAM'"),
        (lambda rule: rule.update(title="costs $5 of ${X}"), "Grafana would fill in"),
        (lambda rule: rule.update(annotations={}), "it has no annotation 'summary'"),
        (lambda rule: rule.update(dashboardUid="arb-risk", panelId=4711), "it shows panel 4711 of 'arb-risk'"),
        (lambda rule: rule.update(dashboardUid="arb-risk", panelId=0), "it names a dashboard or a panel, not both"),
        (lambda rule: rule.update(data=rule["data"][1:]), "none of its steps asks a provisioned data source"),
        (lambda rule: rule["data"][0].update(datasourceUid="other"), "its data source 'other' is not provisioned"),
        (lambda rule: rule["data"][0]["model"].update(rawSql=""), "its query is empty"),
        (lambda rule: rule["data"][0]["model"].update(rawSql="SELECT $__timeFrom()"), "its query holds a $"),
        (lambda rule: rule["data"][0]["model"].update(format="time_series"), "its format is 'time_series'"),
        (lambda rule: rule["data"][1]["model"].update(expression="Z"), "it reads 'Z'"),
        (lambda rule: rule["data"][1]["model"].update(reducer="median"), "its reducer 'median'"),
        (lambda rule: rule["data"][1]["model"].update(type="math"), "its type is 'math'"),
        (lambda rule: rule["data"][2]["model"].update(conditions=[]), "its evaluator ''"),
        (
            lambda rule: rule["data"][2]["model"]["conditions"][0]["evaluator"].update(type="within_range"),
            "its evaluator within_range needs 2 numbers, it has 1",
        ),
        (lambda rule: rule["data"].append(rule["data"][0]), "the refId 'A' names more than one of its steps"),
        (lambda rule: rule.update(isPaused=True), "rules 1 isPaused is True"),
        (lambda rule: rule.update({"for": "52w"}), "rules 1 for is '52w', which the check cannot read"),
        (lambda rule: rule.update(noDataState="KeepLast"), "its noDataState is KeepLast"),
        (lambda rule: rule.update(execErrState="KeepLast"), "a broken query must be noticed"),
        (lambda rule: rule.update(notification_settings={"receiver": "x"}), "notification_settings is nothing that"),
        (lambda rule: rule["labels"].update(alertname="x"), "labels alertname is 'x'"),
        (lambda rule: rule["annotations"].update(summary="{{ $labels.mode "), "annotations summary is"),
        (lambda rule: rule["annotations"].update(summary="{{ shout $labels.mode }}"), "annotations summary is"),
        (lambda rule: rule["annotations"].update(summary="{{ $values.Z.Value }}"), "it speaks of the value Z"),
        (lambda rule: rule["data"][0]["model"].update(rawQuery=False), "model rawQuery is False"),
        (lambda rule: rule["data"][0].update(relativeTimeRange={"from": 0, "to": 9}), "relativeTimeRange to is 9"),
        (lambda rule: rule["data"][1]["model"].update(settings={"mode": "dropNN"}), "model settings is nothing that"),
        (
            lambda rule: rule["data"][2]["model"]["conditions"][0]["evaluator"].update(params=["much"]),
            "needs 1 numbers, it has 0",
        ),
    ],
)
def test_a_faulty_alert_rule_is_named(bare, spoil, said):
    assert any(said in problem for problem in spoiled(bare, RULES, lambda found: spoil(first_rule(found))))


@pytest.mark.parametrize(
    ("path", "spoil", "said"),
    [
        ("rules", lambda found: found["groups"][0].update(interval="15s"), "no multiple of 10s"),
        (
            "rules",
            lambda found: found.update(deleteRules=[{"orgId": 1}]),
            "deleteRules is nothing that the check knows",
        ),
        ("rules", lambda found: found["groups"][0].update(interval="1d"), "groups 1 interval is '1d'"),
        ("policies", lambda found: found["policies"][0].update(mute_time_intervals=["x"]), "mute_time_intervals is"),
        ("policies", lambda found: found["policies"][0].update(group_wait="soon"), "group_wait is 'soon'"),
        (
            "contact-points",
            lambda found: found["contactPoints"][0]["receivers"][0]["settings"].update(
                url="http://web:8000/hooks/grafanas"
            ),
            "what takes every alert does not reach our own /hooks/grafana",
        ),
        (
            "contact-points",
            lambda found: found["contactPoints"][0]["receivers"][0]["settings"].update(maxAlerts="0"),
            "its maxAlerts is 0; our hook takes 1 to 100 at once",
        ),
        (
            "contact-points",
            lambda found: found["contactPoints"][0]["receivers"][0]["settings"].update(httpMethod="GET"),
            "settings httpMethod is 'GET'",
        ),
        (
            "policies",
            lambda found: found["policies"][0].update(receiver="nobody"),
            "there is no contact point 'nobody'",
        ),
        ("policies", lambda found: found.update(policies=[]), "there are 0 roots"),
        ("policies", lambda found: found["policies"][0].update(group_by=[]), "it groups by nothing"),
        ("policies", lambda found: found["policies"][0]["routes"][0].update(object_matchers=[]), "it has no matchers"),
        (
            "policies",
            lambda found: found["policies"][0]["routes"][0].update(object_matchers=[["a", "~", "b"]]),
            "a ~ b is no matcher",
        ),
        (
            "contact-points",
            lambda found: found["contactPoints"][0]["receivers"][0]["settings"].update(url=""),
            "its webhook has no address",
        ),
        (
            "contact-points",
            lambda found: found["contactPoints"][0]["receivers"][0]["settings"].update(authorization_credentials="abc"),
            "its token stands in the file in clear",
        ),
    ],
)
def test_alerts_that_would_reach_nobody_are_named(bare, path, spoil, said):
    assert any(said in problem for problem in spoiled(bare, f"provisioning/alerting/{path}.yaml", spoil))


def test_a_password_in_clear_or_another_kind_of_source_is_named(bare):
    def spoil(found):
        found["datasources"][0].update(type="mysql", secureJsonData={"password": "a password of ours"})

    said = spoiled(bare, "provisioning/datasources/arbsite.yaml", spoil)
    assert any("secureJsonData password is" in problem for problem in said)
    assert any("its data source 'arbsite' is not provisioned" in problem for problem in said)


def test_a_dashboard_in_a_folder_below_counts_too(copied):
    (copied / "dashboards" / "more").mkdir()
    shutil.copy(copied / "dashboards" / "risk.json", copied / "dashboards" / "more" / "other.json")
    said = [str(problem) for problem in problems_in_files(files.read(copied))]
    assert "arb-risk: the uid 'arb-risk' names more than one dashboard" in said


def test_a_folder_without_rules_is_not_sound(bare):
    (bare / RULES).unlink()
    assert "alerting: there is no alert rule" in [str(one) for one in problems_in_files(files.read(bare))]
