"""``manage.py validate_models``: what the models would have said of a span's outcomes, beside what is expected."""

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from domain.errors import BadInput
from domain.scope import Scope
from domain.scores import ModelName
from mlops.services.validation import USUAL_DAYS, keep_text, page_path, validate, write_page
from mlops.validation.as_json import as_json
from mlops.validation.figures import Report
from mlops.validation.text import text_of
from mlops.validation.words import amount
from ops.page_files import check_writable
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.management.span_arguments import add_span_arguments
from trading.selectors.terms import now_in, run_of

GATE_NOT_MET = 3


class Command(BaseCommand):
    """Validates every model and prints, keeps and judges the report."""

    help = (
        "Ask every model again about the outcomes of the last 7 days, or of a span, and print what it would have said "
        "beside what came and what is expected. Exit 3: the success predictor's accuracy is below --fail-under."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_span_arguments(parser)
        add_scope_arguments(parser)
        parser.add_argument("--save-report", action="store_true", help="keep the text as logs/model_validation.txt")
        parser.add_argument(
            "--html",
            nargs="?",
            type=Path,
            const=True,
            metavar="PATH",
            help="write one page with plots; without PATH beside the text",
        )
        parser.add_argument(
            "--fail-under", type=share, metavar="ACCURACY", help="the least accuracy that is accepted, as 0.55 or 55%%"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        page = _page(options)
        scope = scope_of(options)
        now = datetime.now(UTC)
        first, last = _span(options, scope, now)
        report = validate(scope, first=first, last=last, now=now)
        kept = _keep(report, page, is_text_kept=options["save_report"])
        failure = _failure(report, options["fail_under"])
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report) | {"kept": kept, "gate": _gate(options, failure)}, indent=2))
        else:
            self.stdout.write(text_of(report))
            self.stdout.write("".join(f"Kept as {path}\n" for path in kept), ending="")
        if failure:
            self.stderr.write(failure)
            sys.exit(GATE_NOT_MET)


def share(text: str) -> float:
    """Return the share that 0.55 or 55% states; for argparse."""
    number, is_percent = text.removesuffix("%"), text.endswith("%")
    try:
        stated = float(number) / (100 if is_percent else 1)
    except ValueError:
        stated = -1.0
    if not 0 <= stated <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: write 0.55 or 55%")
    return stated


def _page(options: dict[str, Any]) -> Path | None:
    """Return where a page is to be written, asked before the work is done."""
    if options["html"] is None:
        return None
    if options["html"] is True:
        return page_path()
    path: Path = options["html"]
    check_writable(path)
    return path


def _span(options: dict[str, Any], scope: Scope, now: datetime) -> tuple[datetime, datetime]:
    """Return from when on and before when outcomes count. Raises: BadInput for a span that holds nothing."""
    first, last, days = options["first"], options["last"], options["days"]
    if days and first:
        raise BadInput("--days and --from are two ways to say where the span begins: choose one")
    last = last or now_in(run_of(scope), now=now)
    first = first or last - timedelta(days=days or USUAL_DAYS)
    if first >= last:
        raise BadInput(f"the span from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} holds nothing")
    return first, last


def _keep(report: Report, page: Path | None, *, is_text_kept: bool) -> list[str]:
    kept = [str(keep_text(report))] if is_text_kept else []
    if page is None:
        return kept
    write_page(report, page)
    return [*kept, str(page)]


def _failure(report: Report, least: float | None) -> str:
    """Return why the gate is not met; empty where it is, or where none was asked for."""
    if least is None:
        return ""
    model = next((one for one in report.models if one.subject.model is ModelName.ROUTE_SUCCESS), None)
    figure = model.figure("accuracy") if model else None
    if figure is None or figure.value is None:
        return f"the accuracy of {ModelName.ROUTE_SUCCESS} could not be measured; {amount(least, 'share')} is asked for"
    if figure.value < least:
        found = amount(figure.value, "share")
        return f"the accuracy of {ModelName.ROUTE_SUCCESS} is {found}, below the {amount(least, 'share')} asked for"
    return ""


def _gate(options: dict[str, Any], failure: str) -> dict[str, Any] | None:
    if options["fail_under"] is None:
        return None
    return {"least_accuracy": options["fail_under"], "is_met": not failure, "why": failure}
