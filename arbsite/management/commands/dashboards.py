"""``manage.py dashboards``: do Grafana's files hold what they promise?"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from arbsite.dashboards.checking import Report, check, problems_in_files, report_of
from arbsite.dashboards.files import read
from arbsite.dashboards.parts import Files
from arbsite.dashboards.scratch import scratch_database
from ops.reports import plural

NOT_MET = 3
VERBS = {
    "lint": "the files alone: uids, grid, data source, macros, references",
    "check": "the lint, then every query on a fresh, a healthy and each broken database, all of them scratch",
}


class Command(BaseCommand):
    """Judges the dashboards and alerts under ``grafana/``."""

    help = "Check Grafana's dashboards and alerts. Exit 3: something is wrong with them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=VERBS, help="; ".join(f"{verb}: {about}" for verb, about in VERBS.items()))
        parser.add_argument("--folder", type=Path, help="where the files are; by default grafana/ of this checkout")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge. Raises: BadInput for a folder or file that cannot be read."""
        files = read(options["folder"] or settings.ARB.checkout / "grafana")
        judge: dict[str, Callable[[Files], Report]] = {"lint": _lint, "check": _check}
        report = judge[options["what"]](files)
        self.stdout.write(json.dumps(_as_json(report)) if options["json"] else _in_words(report))
        if not report.is_clean:
            sys.exit(NOT_MET)


def _lint(files: Files) -> Report:
    return report_of(files, problems_in_files(files))


def _check(files: Files) -> Report:
    with scratch_database():
        return check(files)


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "ok": report.is_clean,
        "dashboards": report.dashboards,
        "panels": report.panels,
        "queries": report.queries,
        "rules": report.rules,
        "problems": [{"where": problem.where, "what": problem.what} for problem in report.problems],
    }


def _in_words(report: Report) -> str:
    seen = (
        f"{report.dashboards} dashboards, {report.panels} panels, {report.queries} queries, {report.rules} alert rules"
    )
    if report.is_clean:
        return f"{seen}: nothing is wrong"
    return "\n".join([*map(str, report.problems), f"{seen}: {plural(len(report.problems), 'problem')}"])
