"""``manage.py train``: models out of what was traded and watched, or out of the simulated market."""

import json
import logging
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import IO, Any, NoReturn, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from arbsite import synthetic
from arbsite.management.replay_arguments import progress_shown
from arbsite.management.train_console import as_json, show_trained
from domain.errors import BadInput, Refused
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.labelled import LabelledSample
from mlops.services import mirroring
from mlops.services.training import USUAL_SEED, TrainedModel, newest_samples, train_models
from mlops.training import TooFewOutcomes
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.management.span_arguments import add_span_arguments
from trading.selectors.terms import now_in, run_of

ALL = "all"
NOT_MET = 3
MOST_SIMULATED = 1_000_000


class Command(BaseCommand):
    """Trains models, registers them as versions, and says what skill they have."""

    help = (
        "Train one model or all of them on the labelled samples of a mode, or with --synthetic on the simulated market,"
        " and register what comes of it: as challenger, or as champion where none serves. Either all that are asked "
        "for are registered or none is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        models = [*(model.value for model in ModelName), ALL]
        parser.add_argument("model", nargs="?", default=ALL, choices=models, metavar="MODEL", help=_CHOICES)
        parser.add_argument("--synthetic", action="store_true", help="out of the simulated market; never for live")
        parser.add_argument(
            "--samples", type=_simulated, metavar="N", help=f"simulated ones (default {synthetic.USUAL_COUNT})"
        )
        add_span_arguments(parser)
        add_scope_arguments(parser)
        parser.add_argument(
            "--seed", type=_seed, default=USUAL_SEED, help="the same seed and samples give the same files"
        )
        parser.add_argument("--dry-run", action="store_true", help="train and tell, and register nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        _check(options)
        scope = scope_of(options)
        try:
            with _faults_alone_are_logged() if options["verbosity"] < 2 else nullcontext():
                samples = _samples(options, scope)
                found = _trained(options, scope, samples)
        except TooFewOutcomes as error:
            self._say_too_few(error, scope, options)
        self._show(found, samples, scope, options)

    def _say_too_few(self, error: TooFewOutcomes, scope: Scope, options: dict[str, Any]) -> NoReturn:
        print(f"{scope}: {error}; nothing is registered", file=sys.stderr)
        if options["json"]:
            missing = error.needed - error.have
            told = {"error": "too_few_outcomes", "have": error.have, "needed": error.needed, "missing": missing}
            self.stdout.write(json.dumps(told | {"scope": scope.columns}, indent=2))
        raise SystemExit(NOT_MET)

    def _show(
        self, found: Sequence[TrainedModel], samples: Sequence[LabelledSample], scope: Scope, options: dict[str, Any]
    ) -> None:
        told = as_json(found, samples, scope, is_synthetic=options["synthetic"], seed=options["seed"])
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
        else:
            show_trained(told, Console(file=cast(IO[str], self.stdout), highlight=False))


def _check(options: dict[str, Any]) -> None:
    has_span = options["days"] or options["first"] or options["last"]
    if options["synthetic"] and has_span:
        raise BadInput("--synthetic takes no --days, --from or --to: the simulated market has no past of its own")
    if options["samples"] and not options["synthetic"]:
        raise BadInput("--samples says how many to simulate: it goes with --synthetic")
    if options["days"] and (options["first"] or options["last"]):
        raise BadInput("--days and --from or --to are two ways to say a span: choose one")
    if options["first"] and options["last"] and options["first"] >= options["last"]:
        raise BadInput("the span from --from to --to holds nothing: it ends before it begins")


def _samples(options: dict[str, Any], scope: Scope) -> Sequence[LabelledSample]:
    if not options["synthetic"]:
        first, last = _span(options, scope)
        found = newest_samples(scope, first, last)
        return [one for one in found if last is None or one.known_at is None or one.known_at <= last]
    if scope.mode is Mode.LIVE:
        raise Refused("live trades real money: a model of the simulated market is never trained for it")
    with progress_shown("simulated samples") as progress:
        return synthetic.samples(options["seed"], options["samples"] or synthetic.USUAL_COUNT, told=progress)


def _span(options: dict[str, Any], scope: Scope) -> tuple[datetime | None, datetime | None]:
    if not options["days"]:
        return options["first"], options["last"]
    until = now_in(run_of(scope), now=datetime.now(UTC))
    return until - timedelta(days=options["days"]), None


def _trained(options: dict[str, Any], scope: Scope, samples: Sequence[LabelledSample]) -> list[TrainedModel]:
    names = list(ModelName) if options["model"] == ALL else [ModelName(options["model"])]
    with progress_shown("training") as progress:
        found = train_models(
            names,
            scope=scope,
            samples=samples,
            seed=options["seed"],
            now=datetime.now(UTC),
            is_synthetic=options["synthetic"],
            registers=not options["dry_run"],
            told=lambda model, what, done, total: progress(names.index(model) * total + done, len(names) * total),
        )
    if scope.mode is not Mode.REPLAY:
        _mirror(found)
    return found


def _mirror(found: Sequence[TrainedModel]) -> None:
    """Tell MLflow at once, as far as it is there; what it has not heard of is told later."""
    versions = [one.version for one in found if one.version is not None]
    with progress_shown("telling MLflow") as progress:
        for done, version in enumerate(versions, start=1):
            mirroring.mirror(version.pk)
            version.refresh_from_db()
            progress(done, len(versions))


@contextmanager
def _faults_alone_are_logged() -> Iterator[None]:
    """Leave to the table what it says anyway, and what a new store of MLflow logs while it is made."""
    loggers = [logging.getLogger(name) for name in ("mlops", "mlflow", "alembic")]
    usual = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, usual, strict=True):
            logger.setLevel(level)


def _simulated(text: str) -> int:
    return _whole(text, "a number of samples", 1, MOST_SIMULATED)


def _seed(text: str) -> int:
    return _whole(text, "a seed", 0, 2**31 - 1)


def _whole(text: str, what: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ArgumentTypeError(f"{text!r} is not {what} from {least} to {most}")
    return int(text)


_CHOICES = f"{', '.join(ModelName)}, or {ALL} (the default)"
