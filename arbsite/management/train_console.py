"""What a training came to, on a terminal and as JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from domain.scope import Mode, Scope
from mlops.labelled import LabelledSample
from mlops.models import SampleKind
from mlops.selectors import aliases_of
from mlops.services.training import TrainedModel
from trading.management.tables import plain_table, print_apart

Json = dict[str, Any]


def as_json(
    found: Sequence[TrainedModel], samples: Sequence[LabelledSample], scope: Scope, *, is_synthetic: bool, seed: int
) -> Json:
    """Return what a training came to, ready for JSON."""
    aliases = {row.version_id: row.alias for row in aliases_of(scope)}
    return {
        "scope": scope.columns,
        "is_synthetic": is_synthetic,
        "seed": seed,
        "samples": _counts(samples),
        "models": {one.model.value: _model(one, aliases) for one in found},
    }


def show_trained(told: Json, console: Console) -> None:
    """Print what a training came to."""
    counts, models = told["samples"], told["models"]
    what = "simulated samples" if told["is_synthetic"] else f"labelled samples of {_span(counts)}"
    console.print(
        f"Trained on {counts['labelled']:,} {what}: "
        f"{counts['executed']:,} executed, {counts['near_misses']:,} near misses.",
        soft_wrap=True,
    )
    table = plain_table(
        console, "Models", "model", "version", "is now", "samples", "skill", texts=("version", "is now")
    )
    for name, model in models.items():
        skill = "yes" if model["has_skill"] else "none"
        table.add_row(name, model["tag"] or "not kept", model["alias"] or "-", f"{model['n_samples']:,}", skill)
    print_apart(table, console)
    for name, model in models.items():
        console.print(f"{name}: {model['why']}", soft_wrap=True)
    for line in _notes(told):
        console.print(line, style="dim", soft_wrap=True)


def _notes(told: Json) -> list[str]:
    models = told["models"].values()
    notes = []
    if not all(model["has_skill"] for model in models):
        notes.append("Without skill on data it had not seen a model abstains, and the rules decide.")
    if faults := {model["mirror_error"] for model in models if model["mirror_error"]}:
        notes.append(f"MLflow does not know them yet, and is told later: {'; '.join(sorted(faults))}")
    if told["scope"]["mode"] == Mode.REPLAY:
        notes.append(f"What they would have changed: {_validation(told)}")
    elif any(model["tag"] for model in models):
        notes.append(
            f"All versions, and what each process serves: manage.py models list --mode {told['scope']['mode']}"
        )
    return notes


def _validation(told: Json) -> str:
    after = datetime.fromisoformat(told["samples"]["last"]).date() + timedelta(days=1)
    return f"manage.py validate_models --mode replay --run {told['scope']['run_id']} --from {after}"


def _span(counts: Json) -> str:
    first, last = (datetime.fromisoformat(counts[name]) for name in ("first", "last"))
    if first.date() == last.date():
        return f"{first:%Y-%m-%d %H:%M} to {last:%H:%M} UTC"
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _counts(samples: Sequence[LabelledSample]) -> Json:
    return {
        "labelled": len(samples),
        "executed": sum(sample.executed for sample in samples),
        "near_misses": sum(sample.kind == SampleKind.NEAR_MISS.value for sample in samples),
        "first": samples[0].timestamp.isoformat(),
        "last": samples[-1].timestamp.isoformat(),
    }


def _model(one: TrainedModel, aliases: Mapping[int, str]) -> Json:
    trained, version = one.trained, one.version
    return {
        "tag": version.tag if version else "",
        "alias": aliases.get(version.pk, "") if version else "",
        "file_hash": trained.bundle.file_hash,
        "has_skill": trained.has_skill,
        "why": trained.why,
        "n_samples": trained.n_samples,
        "n_executed": trained.n_executed,
        "data_from": trained.data_from.isoformat(),
        "data_to": trained.data_to.isoformat(),
        "mirror_error": version.mirror_error if version else "",
        "metrics": trained.metrics,
    }
