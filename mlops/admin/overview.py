"""The models at a glance: per model who is champion, whether it judges, how it did last, and who challenges it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings

from domain.scope import Scope
from domain.scores import ModelName
from mlops.abstentions import abstention_said
from mlops.admin.serving import acting
from mlops.models import Alias, ModelAlias, ModelPerformance, ModelVersion, Sample, ServedModel
from mlops.selectors import SILENT_AFTER, aliases_of, served_models
from mlops.training import NEEDED_OUTCOMES
from ops.admin import figures
from ops.admin.panels import Table, label, link

TITLE = "Models"
_HEADERS = ("Model", "Champion", "Age", "At present", "Measured last", "Challenger")
_UNTRAINED = (
    "No model is trained yet, so the rules alone decide. Training begins by itself at "
    f"{NEEDED_OUTCOMES} executed outcomes; manage.py train all --synthetic shows it on simulated prices."
)


def models_table(scope: Scope, now: datetime) -> Table:
    """Return one line per model; a sentence where nothing was trained."""
    held = {(row.model_name, row.alias): row for row in aliases_of(scope)}
    outcomes = f"{_outcomes(scope)} executed outcomes in this mode and run."
    if not held:
        return Table(TITLE, (), [], nothing=f"{_UNTRAINED} {outcomes.capitalize()}")
    served = list(served_models(scope))
    rows = [_row(model, held, served, now) for model in ModelName]
    return Table(TITLE, _HEADERS, rows, note=f"A model may only refuse what the rules allow. {outcomes.capitalize()}")


def _row(
    model: ModelName, held: Mapping[tuple[str, str], ModelAlias], served: list[ServedModel], now: datetime
) -> tuple[str, ...]:
    champion, challenger = (held.get((model.value, alias.value)) for alias in (Alias.CHAMPION, Alias.CHALLENGER))
    ours = [one for one in served if (one.model_name, one.alias) == (model.value, Alias.CHAMPION.value)]
    return (
        figures.whole(figures.words(model)),
        _tagged(champion),
        figures.whole(figures.roughly(now - champion.version.created_at)) if champion else figures.NOTHING,
        figures.lines(_states(champion, ours, now)),
        _last_measured(champion.version) if champion else figures.NOTHING,
        _tagged(challenger),
    )


def _tagged(alias: ModelAlias | None) -> str:
    if alias is None:
        return "none"
    return figures.joined(
        [link(alias.version, alias.version.tag), *([label("synthetic")] if alias.is_synthetic else [])]
    )


def _states(champion: ModelAlias | None, served: list[ServedModel], now: datetime) -> Iterator[str]:
    """Yield what the processes do with the champion, alike answers once."""
    if champion is None:
        yield label("the rules decide")
    elif champion.suspended_at is not None:
        yield acting(champion)
    else:
        yield from _answers([one for one in served if now - one.seen_at <= SILENT_AFTER])


def _answers(served: list[ServedModel]) -> Iterator[str]:
    processes: dict[str, list[str]] = {}
    for one in served:
        processes.setdefault(one.abstains, []).append(one.process)
    for reason, names in sorted(processes.items()):
        who = ", ".join(names)
        said = f"{who}: {abstention_said(reason)}" if reason else who
        yield figures.joined([label("abstains", "warning") if reason else label("judges", "success"), said])
    if not served:
        yield "no process serves it at present"


def _last_measured(version: ModelVersion) -> str:
    rows = ModelPerformance.objects.in_scope(version.scope)
    last = rows.filter(model_name=version.model_name, model_version=version.tag).order_by("-timestamp").first()
    if last is None:
        return "not yet"
    said = f"{last.accuracy:.1%} right" if last.accuracy is not None else f"off by {last.mae or 0:.3g} on average"
    return link(last, f"{said}, {last.n:,} outcomes")


def _outcomes(scope: Scope) -> str:
    most = settings.ARB.models.retrain_every * 100
    count = Sample.objects.in_scope(scope).filter(settled_net_usd__isnull=False)[: most + 1].count()
    return f"{count:,}" if count <= most else f"more than {most:,}"
