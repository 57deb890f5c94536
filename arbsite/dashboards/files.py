"""Reads Grafana's files: dashboards, the data source, alert rules, contact points and policies.

Reading is lenient, so that the lint can name what is missing; only a file that is no JSON or YAML is refused here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from arbsite.dashboards.parts import Dashboard, DataSource, Files, Panel, Policy, Receiver, Rule, Step, Target, Variable
from domain.errors import BadInput


def read(folder: Path) -> Files:
    """Return what the files under ``folder`` say. Raises: BadInput naming the file."""
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}: it should hold dashboards/ and provisioning/")
    pages = [(path.name, _json(path)) for path in sorted((folder / "dashboards").rglob("*.json"))]
    documents = [(path.name, _yaml(path)) for path in sorted((folder / "provisioning").glob("*/*.y*ml"))]
    return Files(
        dashboards=tuple(_dashboard(name, page) for name, page in pages),
        datasources=tuple(_datasource(name, one) for name, one in _listed(documents, "datasources")),
        rules=tuple(
            _rule(name, group, rule)
            for name, group in _listed(documents, "groups")
            for rule in _dicts(group.get("rules"))
        ),
        receivers=tuple(
            _receiver(name, point, one)
            for name, point in _listed(documents, "contactPoints")
            for one in _dicts(point.get("receivers"))
        ),
        policies=tuple(
            policy for name, root in _listed(documents, "policies") for policy in _policies(name, root, is_root=True)
        ),
        providers=tuple(str(_dict(one.get("options")).get("path", "")) for _, one in _listed(documents, "providers")),
        documents=(*pages, *documents),
    )


def _dashboard(name: str, found: Mapping[str, Any]) -> Dashboard:
    return Dashboard(
        file=name,
        uid=_text(found, "uid"),
        title=_text(found, "title"),
        has_id=found.get("id") is not None,
        schema_version=_whole(found.get("schemaVersion")),
        timezone=_text(found, "timezone"),
        start=_text(_dict(found.get("time")), "from"),
        panels=tuple(_panels(found)),
        variables=tuple(_variable(one) for one in _dicts(_dict(found.get("templating")).get("list"))),
    )


def _panels(found: Mapping[str, Any]) -> Iterator[Panel]:
    for one in _dicts(found.get("panels")):
        yield _panel(one, is_folded=False)
        for inner in _dicts(one.get("panels")):
            yield replace(_panel(inner, is_folded=True), is_lost=one.get("collapsed") is not True)


def _panel(one: Mapping[str, Any], *, is_folded: bool) -> Panel:
    fields = _dict(one.get("fieldConfig"))
    defaults = _dict(fields.get("defaults"))
    source = _uid(one.get("datasource"))
    grid = _dict(one.get("gridPos"))
    has_grid = all(type(grid.get(name)) is int for name in ("x", "y", "w", "h"))
    return Panel(
        id=_whole(one.get("id")),
        kind=_text(one, "type"),
        title=_text(one, "title"),
        description=_text(one, "description"),
        box=(grid["x"], grid["y"], grid["w"], grid["h"]) if has_grid else None,
        unit=_text(defaults, "unit"),
        no_value=_text(defaults, "noValue"),
        datasource=source,
        targets=tuple(_target(target, source) for target in _dicts(one.get("targets"))),
        is_folded=is_folded,
        named=tuple(_named(fields)) if not one.get("transformations") else (),
    )


def _named(fields: Mapping[str, Any]) -> Iterator[str]:
    for override in _dicts(fields.get("overrides")):
        if (matcher := _dict(override.get("matcher"))).get("id") == "byName":
            yield _text(matcher, "options")


def _target(one: Mapping[str, Any], source: str) -> Target:
    return Target(
        ref=_text(one, "refId"),
        sql=_text(one, "rawSql"),
        format=_text(one, "format") or "time_series",  # what Grafana takes where none is written
        datasource=_uid(one.get("datasource")) or source,
        is_raw=one.get("rawQuery") is True,
    )


def _variable(one: Mapping[str, Any]) -> Variable:
    query = one.get("query")
    sql = query if isinstance(query, str) else _text(_dict(query), "rawSql")
    current = _dict(one.get("current")).get("value", "")
    chosen = [str(value) for value in current] if isinstance(current, list) else [str(current)]
    words = [word.partition(" : ")[2] or word for word in str(query or "").split(",")]
    return Variable(
        name=_text(one, "name"),
        kind=_text(one, "type"),
        sql=sql if one.get("type") == "query" else "",
        choices=tuple(word.strip() for word in words if word.strip()) if one.get("type") == "custom" else (),
        current=tuple(value for value in chosen if value),
        may_be_several=bool(one.get("multi") or one.get("includeAll")),
    )


def _datasource(name: str, one: Mapping[str, Any]) -> DataSource:
    has_timescale = bool(_dict(one.get("jsonData")).get("timescaledb"))
    return DataSource(name, _text(one, "uid"), _text(one, "type"), has_timescale)


def _rule(name: str, group: Mapping[str, Any], one: Mapping[str, Any]) -> Rule:
    return Rule(
        file=name,
        uid=_text(one, "uid"),
        title=_text(one, "title"),
        group=_text(group, "name"),
        folder=_text(group, "folder"),
        interval=_text(group, "interval"),
        hold=_text(one, "for"),
        condition=_text(one, "condition"),
        steps=tuple(_step(step) for step in _dicts(one.get("data"))),
        no_data=_text(one, "noDataState"),
        on_error=_text(one, "execErrState"),
        labels=_words(one.get("labels")),
        annotations=_words(one.get("annotations")),
        dashboard_uid=_text(one, "dashboardUid"),
        panel_id=_whole(one.get("panelId")),
    )


def _step(one: Mapping[str, Any]) -> Step:
    model = _dict(one.get("model"))
    conditions = _dicts(model.get("conditions"))
    evaluator = _dict(conditions[0].get("evaluator")) if conditions else {}
    params = evaluator.get("params")
    return Step(
        ref=_text(one, "refId"),
        datasource=_text(one, "datasourceUid"),
        sql=_text(model, "rawSql"),
        format=_text(model, "format") or "time_series",
        kind=_text(model, "type"),
        reads=_text(model, "expression"),
        reducer=_text(model, "reducer"),
        evaluator=_text(evaluator, "type"),
        params=tuple(float(value) for value in params if isinstance(value, int | float))
        if isinstance(params, list)
        else (),
    )


def _receiver(name: str, point: Mapping[str, Any], one: Mapping[str, Any]) -> Receiver:
    return Receiver(name, _text(point, "name"), _text(one, "uid"), _text(one, "type"), _words(one.get("settings")))


def _policies(name: str, one: Mapping[str, Any], *, is_root: bool) -> Iterator[Policy]:
    given = one.get("object_matchers") or []
    matchers = tuple((str(left), str(how), str(right)) for left, how, right in given)
    group_by = tuple(str(label) for label in one.get("group_by") or [])
    yield Policy(name, _text(one, "receiver"), group_by, matchers, is_root)
    for inner in _dicts(one.get("routes")):
        yield from _policies(name, inner, is_root=False)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} is not a dashboard in JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} is not a dashboard: it holds no JSON object")
    return found


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInput(f"{path.name} is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} holds no mapping: Grafana begins with apiVersion: 1")
    return found


def _listed(documents: list[tuple[str, dict[str, Any]]], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, document in documents:
        for one in _dicts(document.get(key)):
            yield name, one


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _words(value: Any) -> dict[str, str]:
    return {str(key): str(word) for key, word in _dict(value).items()}


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _whole(value: Any) -> int:
    return value if type(value) is int else 0


def _uid(value: Any) -> str:
    return value if isinstance(value, str) else _text(_dict(value), "uid")
