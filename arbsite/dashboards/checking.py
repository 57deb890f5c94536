"""The whole check of Grafana's files: lint, then every query on a fresh, a healthy and each broken database."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from arbsite.dashboards.alert_lint import problems_of_alerts
from arbsite.dashboards.broken import BREAKS
from arbsite.dashboards.evaluation import Verdict
from arbsite.dashboards.lint import problems_of_dashboards, problems_of_datasources
from arbsite.dashboards.parts import Files, Rule
from arbsite.dashboards.problems import Problem
from arbsite.dashboards.running import problems_of_panels, verdicts
from arbsite.dashboards.seeds import seed_healthy
from arbsite.dashboards.shapes import problems_of_shapes
from arbsite.dashboards.surroundings import SCOPE

LABEL = re.compile(r"\$labels\.(\w+)")
Breaks = Sequence[tuple[str, Callable[[datetime], None]]]


@dataclass(frozen=True, slots=True)
class Report:
    """What the check found, and how much it looked at."""

    problems: tuple[Problem, ...]
    dashboards: int
    panels: int
    queries: int
    rules: int

    @property
    def is_clean(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.problems


def problems_in_files(files: Files) -> list[Problem]:
    """Return what the files alone show to be wrong."""
    judges = (problems_of_shapes, problems_of_datasources, problems_of_dashboards, problems_of_alerts)
    return [problem for judge in judges for problem in judge(files)]


def check(files: Files) -> Report:
    """Return what is wrong with ``files``; queries run where nothing is wrong with the files as such.

    The database in use must be fresh; what is seeded into it is rolled back.
    """
    return report_of(files, problems_in_files(files) or problems_when_run(files))


def report_of(files: Files, problems: Sequence[Problem]) -> Report:
    """Return ``problems``, each once, with how much was looked at."""
    panels = [panel for dashboard in files.dashboards for panel in dashboard.panels if panel.has_queries]
    return Report(
        problems=tuple(sorted(set(problems))),
        dashboards=len(files.dashboards),
        panels=len(panels),
        queries=sum(len(panel.targets) for panel in panels),
        rules=len(files.rules),
    )


def problems_when_run(files: Files, *, breaks: Breaks = BREAKS) -> list[Problem]:
    """Return what the queries show to be wrong: on a fresh database, a healthy one, and one broken for each rule."""
    with _undone():
        now = _now()
        found = [*_on_fresh(files, now)]
        seed_healthy(now)
        found += _on_healthy(files, now)
        found += _unbroken(files, breaks)
        for uid, broken in breaks:
            with _undone():
                broken(now)
                found += _on_broken(files, uid)
    return found


def _on_fresh(files: Files, now: datetime) -> Iterator[Problem]:
    yield from problems_of_panels(files, now=now, mode=SCOPE.mode, is_fresh=True)
    yield from _alarms(files, "a fresh database")


def _on_healthy(files: Files, now: datetime) -> Iterator[Problem]:
    yield from problems_of_panels(files, now=now, mode=SCOPE.mode, is_fresh=False)
    yield from _alarms(files, "a healthy system")
    for rule, verdict in verdicts(files.rules):
        if isinstance(verdict, Verdict):
            yield from _unknown_labels(rule, verdict)


def _alarms(files: Files, where: str) -> Iterator[Problem]:
    for rule, verdict in verdicts(files.rules):
        if isinstance(verdict, Problem):
            yield verdict
        elif verdict.firing:
            yield Problem(rule.uid, f"it fires on {where}: {_said(verdict)}")


def _unknown_labels(rule: Rule, verdict: Verdict) -> Iterator[Problem]:
    known = {name for labels in verdict.values for name, _ in labels} | {"alertname", "grafana_folder", *rule.labels}
    for name in sorted(set(LABEL.findall(" ".join(rule.annotations.values()))) - known):
        yield Problem(rule.uid, f"it speaks of the label {name}, which its query does not give")


def _unbroken(files: Files, breaks: Breaks) -> Iterator[Problem]:
    known, proved = {rule.uid for rule in files.rules}, {uid for uid, _ in breaks}
    for uid in sorted(known - proved):
        yield Problem(uid, "no broken database shows that it can fire")
    for uid in sorted(proved - known):
        yield Problem(uid, "a database is broken for it, and there is no such rule")


def _on_broken(files: Files, uid: str) -> Iterator[Problem]:
    for rule, verdict in verdicts(files.rules):
        if isinstance(verdict, Problem):
            yield verdict
        elif rule.uid == uid and not verdict.firing:
            yield Problem(uid, f"it cannot fire: on the database broken for it, it finds {dict(verdict.values)}")
        elif rule.uid != uid and verdict.firing:
            yield Problem(rule.uid, f"it fires where only {uid} should: {_said(verdict)}")


def _said(verdict: Verdict) -> str:
    found = [(" ".join(word for _, word in labels), verdict.values[labels]) for labels in verdict.firing]
    return ", ".join(f"{words} {value:g}" for words, value in found)


@contextmanager
def _undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _now() -> datetime:
    """Return the transaction's instant, which is what now() says in every query of it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        found: datetime = cursor.fetchone()[0]
        return found
