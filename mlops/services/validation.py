"""Validates the versions of a scope: asks each again about the outcomes of a span, and keeps the report in files."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings

from domain.errors import ArbError, Unreachable
from domain.scope import Scope
from domain.scores import ModelName, Scores
from mlops.bundle import BadBundle
from mlops.labelled import LabelledSample
from mlops.models import Alias, ModelVersion
from mlops.selectors import aliases_of, labelled_samples, outcome_counts, versions_of
from mlops.services.rescoring import rescored
from mlops.validation.effect import Judged
from mlops.validation.figures import Report, Subject
from mlops.validation.page import page_of
from mlops.validation.report import Version, report_of
from mlops.validation.text import text_of
from ops.page_files import write_whole

log = structlog.get_logger(__name__)

TEXT_NAME, PAGE_NAME = "model_validation.txt", "model_validation.html"
USUAL_DAYS = 7
MOST_OUTCOMES = 100_000  # the newest: what a validation takes in minutes and memory stays within bounds
IN_USE = (Alias.CHAMPION, Alias.CHALLENGER)  # which version is judged, the first that there is; else the newest


class Unwritten(ArbError):
    """A report was made, and the disk did not take it."""


def validate(scope: Scope, *, first: datetime, last: datetime, now: datetime) -> Report:
    """Return the report on each model's champion, or where there is none its challenger or its newest version.

    Each is asked again about the stored features of all outcomes decided from ``first`` on and before ``last``.
    """
    outcomes = tuple(deque(labelled_samples(scope, first, last), maxlen=MOST_OUTCOMES))
    chosen = [one for model in ModelName if (one := _chosen(scope, model)) is not None]
    return report_of(
        [Version(_subject(version, alias), _judged(version, outcomes)) for version, alias in chosen],
        outcomes,
        scope=scope,
        first=first,
        last=last,
        created_at=now,
        of_other_features=outcome_counts(scope, first, last).of_other_features,
    )


def validate_and_keep(scope: Scope, *, now: datetime, days: int = USUAL_DAYS) -> Report:
    """Validate the last days, keep the report as text and as a page, and log what it says."""
    report = validate(scope, first=now - timedelta(days=days), last=now, now=now)
    keep_text(report)
    write_page(report, page_path())
    told = {one.subject.model.value: one.n for one in report.models}
    log.info("models_validated", scope=str(scope), outcomes=report.outcomes, **told)
    return report


def page_path() -> Path:
    """Return where the page is kept unless another place is named."""
    return Path(settings.ARB.log_dir, PAGE_NAME)


def keep_text(report: Report) -> Path:
    """Keep the report as text in the log folder, and show it in the checkout's ``logs``; return where it is.

    Raises: Unwritten.
    """
    path = Path(settings.ARB.log_dir, TEXT_NAME)
    _write(path, text_of(report))
    _show_in_checkout(path)
    return path


def write_page(report: Report, path: Path) -> None:
    """Write the report as a page, whole or not at all. Raises: Unwritten."""
    _write(path, page_of(report))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise Unwritten(f"{path} is not written: {error.strerror}") from error


def _show_in_checkout(path: Path) -> None:
    """Let ``logs/`` beside ``manage.py`` show the report, where the log folder is the state folder's own."""
    arb = settings.ARB
    shown = arb.checkout / "logs" / path.name
    if arb.log_dir != arb.state_dir / "logs" or (shown.exists() and not shown.is_symlink()):
        return
    try:
        shown.parent.mkdir(exist_ok=True)
        shown.unlink(missing_ok=True)
        shown.symlink_to(path)
    except OSError as error:  # a checkout that is read-only: the report is kept all the same
        log.info("validation_not_shown_in_checkout", path=str(shown), error=error.strerror)


def _chosen(scope: Scope, model: ModelName) -> tuple[ModelVersion, str] | None:
    """Return which version of a model is validated, and what it is for at present; None where it has none."""
    held = {row.alias: row.version for row in aliases_of(scope, model)}
    for alias in IN_USE:
        if alias in held:
            return held[alias], alias.value
    newest = next(iter(versions_of(scope, model)), None)
    return None if newest is None else (newest, "")


def _subject(version: ModelVersion, alias: str) -> Subject:
    return Subject(
        model=ModelName(version.model_name),
        tag=version.tag,
        alias=alias,
        trained_from=version.data_from,
        trained_to=None if version.is_synthetic else version.data_to,  # simulated samples are none of the span's
        is_synthetic=version.is_synthetic,
        has_skill=version.has_skill,
        why=version.why,
    )


def _judged(version: ModelVersion, outcomes: Sequence[LabelledSample]) -> Sequence[Judged]:
    """Return what the version says of each outcome; where it cannot be asked at all, that it abstained and why."""
    try:
        return rescored(version, outcomes)
    except BadBundle as error:
        reason = error.reason
    except Unreachable as error:
        log.warning("version_cannot_be_asked", model=version.model_name, tag=version.tag, error=str(error))
        reason = "no_lightgbm"
    scores = Scores(abstained=((version.model_name, reason),))
    return [Judged(outcome, scores) for outcome in outcomes]
