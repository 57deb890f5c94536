"""What Grafana's files may say, key by key: of what it does not know, the check cannot say that it is harmless.

A file of provisioning may hold the keys below and no other: one of them alone (``isPaused``, a mute timing) silences
an alert that is sound in every other way. Dashboards may hold what they like, but for what hides a panel.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from arbsite.dashboards.parts import EXPRESSION, POSTGRES, Files
from arbsite.dashboards.problems import Problem

ANY = None
OTHERS = "*"  # the shape of every key that is not named
LONG = re.compile(r"[1-9]\d*(s|m|h|d)")
HOLD = re.compile(r"\d{1,3}(s|m)|\d{1,2}h")  # four days at most: an alert that waits longer tells nobody
EVERY = re.compile(r"\d{1,3}s|[1-9]m|10m")
FROM_OUTSIDE = re.compile(r"\$.+")
FIRST_ORG = (None, 1)
NO = (None, False)
LABEL = r"\$labels\.\w+"
NUMBER = r"\$values\.\w+(\.Value)?"
FUNCTION = r'printf "[^"]*"|humanize|humanize1024|humanizeDuration|humanizePercentage'
SAID = re.compile(rf"([^{{}}]|\{{\{{ *(({FUNCTION}) )?({LABEL}|{NUMBER}) *\}}\}})*")

_SOURCE = {"type": (*POSTGRES, EXPRESSION), "uid": ANY}
_EVALUATOR = {"type": ANY, "params": ANY}
_MODEL = {
    **dict.fromkeys(("refId", "type", "editorMode", "format", "rawSql", "expression", "reducer"), ANY),
    **dict.fromkeys(("intervalMs", "maxDataPoints"), ANY),
    "datasource": _SOURCE,
    "rawQuery": (None, True),
    "hide": NO,
    "conditions": [{"type": ANY, "evaluator": _EVALUATOR}],
}
_RULE = {
    **dict.fromkeys(("uid", "title", "condition", "noDataState", "execErrState", "dashboardUid", "panelId"), ANY),
    "for": HOLD,
    "keepFiringFor": HOLD,
    "isPaused": NO,
    "labels": {"alertname": (None,), OTHERS: ANY},
    "annotations": {OTHERS: SAID},
    "data": [
        {
            **dict.fromkeys(("refId", "queryType", "datasourceUid"), ANY),
            "relativeTimeRange": {"from": ANY, "to": (0,)},
            "model": _MODEL,
        }
    ],
}
_POLICY: dict[str, Any] = {
    **dict.fromkeys(("receiver", "group_by", "object_matchers"), ANY),
    **dict.fromkeys(("group_wait", "group_interval", "repeat_interval"), LONG),
    "orgId": FIRST_ORG,
    "continue": NO,
}
_POLICY["routes"] = [_POLICY]
_RECEIVER = {
    **dict.fromkeys(("uid", "type"), ANY),
    "disableResolveMessage": NO,
    "settings": {"httpMethod": (None, "POST"), "authorization_scheme": (None, "Bearer"), OTHERS: ANY},
}
_DATASOURCE = {
    **dict.fromkeys(("name", "uid", "type", "url", "user", "database", "version", "isDefault", "jsonData"), ANY),
    "access": (None, "proxy"),
    "orgId": FIRST_ORG,
    "editable": NO,
    "secureJsonData": {OTHERS: FROM_OUTSIDE},
}
_PROVIDER = {
    **dict.fromkeys(("name", "folder", "folderUid", "disableDeletion", "updateIntervalSeconds", "options"), ANY),
    "type": ("file",),
    "orgId": FIRST_ORG,
    "allowUiUpdates": NO,
}
PROVISIONING = {
    "apiVersion": (1,),
    "prune": ANY,
    "groups": [{"orgId": FIRST_ORG, "name": ANY, "folder": ANY, "interval": EVERY, "rules": [_RULE]}],
    "policies": [_POLICY],
    "contactPoints": [{"orgId": FIRST_ORG, "name": ANY, "receivers": [_RECEIVER]}],
    "datasources": [_DATASOURCE],
    "providers": [_PROVIDER],
}
_PANEL: dict[str, Any] = {
    OTHERS: ANY,
    "libraryPanel": (None,),
    "timeFrom": (None,),
    "timeShift": (None,),
    "datasource": _SOURCE,
    "targets": [{OTHERS: ANY, "hide": NO, "datasource": _SOURCE}],
}
DASHBOARD = {
    OTHERS: ANY,
    "time": {"from": re.compile(r"now-\d+[mhd]"), "to": ("now",)},
    "annotations": {"list": [{"builtIn": (1,), OTHERS: ANY}]},
    "panels": [{**_PANEL, "panels": [_PANEL]}],
    "templating": {"list": [{OTHERS: ANY, "datasource": _SOURCE}]},
}


def problems_of_shapes(files: Files) -> Iterator[Problem]:
    """Yield every key and value in the files that the check does not know."""
    for name, document in files.documents:
        shape = DASHBOARD if name.endswith(".json") else PROVISIONING
        yield from (Problem(name, what) for what in faults_of(document, shape))


def faults_of(found: Any, shape: Any, place: str = "") -> Iterator[str]:
    """Yield, with its place, what of ``found`` does not have ``shape``.

    A shape is ANY, the values that are allowed (None: it may be missing), a pattern, one shape for each item of a
    list, or the shapes of a mapping's keys.
    """
    if isinstance(shape, dict):
        yield from _of_mapping(found, shape, place)
    elif isinstance(shape, list):
        for number, item in enumerate(found if isinstance(found, list) else [], start=1):
            yield from faults_of(item, shape[0], f"{place} {number}")
    elif isinstance(shape, tuple) and found not in shape:
        allowed = " or ".join("left out" if one is None else repr(one) for one in shape)
        yield f"{place} is {found!r}; it may be {allowed}"
    elif isinstance(shape, re.Pattern) and not shape.fullmatch(str(found)):
        yield f"{place} is {found!r}, which the check cannot read"


def _of_mapping(found: Any, shape: Mapping[str, Any], place: str) -> Iterator[str]:
    held = found if isinstance(found, dict) else {}
    for key, value in held.items():
        if key not in shape and OTHERS not in shape:
            yield f"{f'{place} {key}'.strip()} is nothing that the check knows: leave it out"
        elif key not in shape or not isinstance(shape[key], tuple):
            yield from faults_of(value, shape.get(key, shape.get(OTHERS)), f"{place} {key}".strip())
    for key, allowed in shape.items():
        if isinstance(allowed, tuple):  # these are asked for even where they are missing
            yield from faults_of(held.get(key), allowed, f"{place} {key}".strip())
