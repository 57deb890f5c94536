"""The lint of alerts: rules, contact points and policies, as far as the files alone tell."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from arbsite.dashboards.evaluation import EVALUATORS, REDUCERS
from arbsite.dashboards.lint import UID, twice
from arbsite.dashboards.macros import duration_ms
from arbsite.dashboards.parts import EXPRESSION, Files, Policy, Receiver, Rule, Step
from arbsite.dashboards.problems import Problem
from arbsite.pages.alert_hook import MOST_ALERTS
from domain.errors import BadInput
from ops.models import Level

NO_DATA_STATES = ("Alerting", "NoData", "OK", "KeepLast")
ERROR_STATES = ("Alerting", "Error", "OK", "KeepLast")
HOOK = "/hooks/grafana"
TOLD = ("summary", "description")
_VALUE = re.compile(r"\$values\.(\w+)")
_FILLED_IN = re.compile(r"\$\{?\w")


def problems_of_alerts(files: Files) -> Iterator[Problem]:
    """Yield what is wrong with the alert rules and with where they are sent."""
    if not files.rules:
        yield Problem("alerting", "there is no alert rule")
    for uid in twice(rule.uid for rule in files.rules):
        yield Problem(uid or "alerting", f"the uid {uid!r} names more than one alert rule")
    for title in twice(f"{rule.folder}/{rule.title}" for rule in files.rules):
        yield Problem("alerting", f"{title!r} names more than one alert rule")
    for rule in files.rules:
        yield from _of_rule(rule, files)
    yield from _of_ways(files)


def _of_rule(rule: Rule, files: Files) -> Iterator[Problem]:
    yield from _of_words(rule)
    yield from _of_times(rule)
    yield from _of_steps(rule, files.sources)
    yield from _of_link(rule, files)


def _of_words(rule: Rule) -> Iterator[Problem]:
    where = rule.uid or rule.title or rule.file
    if not UID.fullmatch(rule.uid):
        yield Problem(where, f"the uid {rule.uid!r} is not fixed: 1 to 40 letters, digits, - and _")
    for name in ("title", "group", "folder"):
        text = getattr(rule, name)
        if not text:
            yield Problem(where, f"it has no {name}")
        yield from _not_filled_in(where, name, text)
    for name in TOLD:
        if not rule.annotations.get(name):
            yield Problem(where, f"it has no annotation {name!r}: nobody could tell what is wrong")
    for name, text in rule.labels.items():
        yield from _not_filled_in(where, f"label {name}", text)
    speaks_of = set(_VALUE.findall(" ".join(rule.annotations.values())))
    for ref in sorted(speaks_of - {step.ref for step in rule.steps}):
        yield Problem(where, f"it speaks of the value {ref}, which is none of its steps")
    severity = rule.labels.get("severity", "")
    if severity not in Level.values:
        yield Problem(where, f"its label severity is {severity!r}: it must be one of {', '.join(Level.values)}")


def _not_filled_in(where: str, name: str, text: str) -> Iterator[Problem]:
    if _FILLED_IN.search(text):
        yield Problem(where, f"its {name} holds {text!r}: Grafana would fill in a variable of its environment")


def _of_times(rule: Rule) -> Iterator[Problem]:
    where = rule.uid or rule.title
    if rule.no_data not in NO_DATA_STATES:
        yield Problem(where, f"its noDataState is {rule.no_data!r}: write one of {', '.join(NO_DATA_STATES)}")
    elif rule.no_data in ("OK", "KeepLast"):
        yield Problem(
            where, f"its noDataState is {rule.no_data}: a query that finds nothing any more would never be noticed"
        )
    if rule.on_error not in ERROR_STATES or rule.on_error in ("OK", "KeepLast"):
        yield Problem(where, f"its execErrState is {rule.on_error!r}: a broken query must be noticed")
    interval_ms, hold_ms = _ms(rule.interval), 0 if rule.hold == "0s" else _ms(rule.hold)
    for name, text, length_ms in (("interval", rule.interval, interval_ms), ("for", rule.hold, hold_ms)):
        if length_ms is None:
            yield Problem(where, f"its {name} is {text!r}, which is no duration such as 30s or 5m")
    if interval_ms and interval_ms % 10_000:
        yield Problem(where, f"its interval {rule.interval} is no multiple of 10s: Grafana refuses the group")


def _ms(text: str) -> int | None:
    try:
        return duration_ms(text)
    except BadInput:
        return None


def _of_steps(rule: Rule, sources: set[str]) -> Iterator[Problem]:
    where = rule.uid or rule.title
    for ref in twice(step.ref for step in rule.steps):
        yield Problem(where, f"the refId {ref!r} names more than one of its steps")
    known = {step.ref: step for step in rule.steps}
    if rule.condition not in known:
        yield Problem(where, f"its condition {rule.condition!r} names none of its steps {sorted(known)}")
    elif known[rule.condition].kind != "threshold":
        yield Problem(where, f"its condition {rule.condition} is no threshold")
    if not any(step.datasource in sources for step in rule.steps):
        yield Problem(where, "none of its steps asks a provisioned data source")
    for step in rule.steps:
        yield from _of_step(where, step, known, sources)


def _of_step(where: str, step: Step, known: dict[str, Step], sources: set[str]) -> Iterator[Problem]:
    where = f"{where} {step.ref}"
    if step.datasource != EXPRESSION:
        yield from _of_query(where, step, sources)
        return
    if step.reads not in known:
        yield Problem(where, f"it reads {step.reads!r}, which is none of the rule's steps")
    if step.kind == "reduce" and step.reducer not in REDUCERS:
        yield Problem(where, f"its reducer {step.reducer!r} is none of {', '.join(REDUCERS)}")
    elif step.kind == "threshold":
        needed = EVALUATORS.get(step.evaluator, (0, None))[0]
        if not needed:
            yield Problem(where, f"its evaluator {step.evaluator!r} is none of {', '.join(EVALUATORS)}")
        elif len(step.params) < needed:
            yield Problem(where, f"its evaluator {step.evaluator} needs {needed} numbers, it has {len(step.params)}")
    elif step.kind not in ("reduce", "threshold"):
        yield Problem(where, f"its type is {step.kind!r}: a rule is a query, a reduce and a threshold")


def _of_query(where: str, step: Step, sources: set[str]) -> Iterator[Problem]:
    if step.datasource not in sources:
        yield Problem(where, f"its data source {step.datasource!r} is not provisioned")
    if not step.sql.strip():
        yield Problem(where, "its query is empty")
    if step.format != "table":
        yield Problem(where, f"its format is {step.format!r}: an alert's numbers come from a table")
    if "$" in step.sql:
        yield Problem(where, "its query holds a $: no dashboard's variable reaches a rule, and releases differ on $$")


def _of_link(rule: Rule, files: Files) -> Iterator[Problem]:
    where = rule.uid or rule.title
    panels = {dashboard.uid: {panel.id for panel in dashboard.panels} for dashboard in files.dashboards}
    if bool(rule.dashboard_uid) != bool(rule.panel_id):
        yield Problem(where, "it names a dashboard or a panel, not both")
    elif rule.dashboard_uid and rule.panel_id not in panels.get(rule.dashboard_uid, set()):
        yield Problem(where, f"it shows panel {rule.panel_id} of {rule.dashboard_uid!r}, which there is not")


def _of_ways(files: Files) -> Iterator[Problem]:
    points = {receiver.contact_point for receiver in files.receivers}
    roots = [policy for policy in files.policies if policy.is_root]
    if len(roots) != 1:
        yield Problem("policies", f"there are {len(roots)} roots, there must be one: what takes every alert")
    for policy in files.policies:
        yield from _of_policy(policy, points)
    told = {root.receiver for root in roots}
    if not any(
        urlsplit(one.settings.get("url", "")).path == HOOK for one in files.receivers if one.contact_point in told
    ):
        yield Problem("policies", f"what takes every alert does not reach our own {HOOK}")
    for uid in twice(receiver.uid for receiver in files.receivers):
        yield Problem("contact points", f"the uid {uid!r} names more than one receiver")
    for receiver in files.receivers:
        yield from _of_receiver(receiver)


def _of_policy(policy: Policy, points: set[str]) -> Iterator[Problem]:
    where = f"{policy.file}, policy for {policy.receiver or 'nobody'}"
    if (policy.is_root or policy.receiver) and policy.receiver not in points:
        yield Problem(where, f"there is no contact point {policy.receiver!r}")
    if policy.is_root and not policy.group_by:
        yield Problem(where, "it groups by nothing: every alert would be one message")
    if not policy.is_root and not policy.matchers:
        yield Problem(where, "it has no matchers: it would take every alert from those after it")
    for left, how, right in policy.matchers:
        if how not in ("=", "!=", "=~", "!~"):
            yield Problem(where, f"{left} {how} {right} is no matcher")


def _of_receiver(receiver: Receiver) -> Iterator[Problem]:
    where = f"contact point {receiver.contact_point}"
    if not receiver.uid:
        yield Problem(where, "a receiver has no uid")
    if receiver.kind != "webhook":
        return
    most = receiver.settings.get("maxAlerts", "0")  # 0: no limit
    if not most.isdigit() or not 1 <= int(most) <= MOST_ALERTS:
        yield Problem(where, f"its maxAlerts is {most}; our hook takes 1 to {MOST_ALERTS} at once")
    if not re.match(r"https?://\S+$", receiver.settings.get("url", "")):
        yield Problem(where, "its webhook has no address")
    credentials = receiver.settings.get("authorization_credentials", "")
    if not credentials:
        yield Problem(where, "its webhook shows no token")
    elif not credentials.startswith("$__file{"):
        yield Problem(where, "its token stands in the file in clear, or in the environment: name a file, $__file{…}")
