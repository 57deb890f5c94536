"""What ``manage.py models`` prints: versions, who serves, comparisons."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console

from domain.scope import Scope
from domain.scores import ModelName
from mlops.abstentions import abstention_said
from mlops.admin.stored import figure, interval
from mlops.measures import named, ordered
from mlops.models import ModelAlias, ModelVersion, ServedModel
from mlops.selectors import SILENT_AFTER
from mlops.services import Move
from mlops.services.comparison import Comparison, Measured
from ops.reports import plural
from trading.formats import NOTHING, spaced
from trading.management.tables import plain_table, print_apart

MOST_VERSIONS = 12  # of a model; --json shows all
MOST_FEATURES = 5
INTERVAL = "95 % interval"
LONG = 1_000  # from here on nobody reads decimals

_TOLD = (
    "mode",
    "run_id",
    "tag",
    "feature_set",
    "feature_hash",
    "git_commit",
    "seed",
    "is_synthetic",
    "n_samples",
    "n_executed",
    "file_hash",
    "has_skill",
    "why",
    "mlflow_run_id",
    "mlflow_version",
    "mirror_error",
)


def show_list(
    scope: Scope,
    versions: Sequence[ModelVersion],
    aliases: Sequence[ModelAlias],
    served: Sequence[ServedModel],
    console: Console,
    *,
    now: datetime,
) -> None:
    """Print the versions of each model, who bears the aliases, and what each process serves."""
    if not versions and not aliases:
        how = f"manage.py train --mode {scope.mode}"
        console.print(f"There is no model in {scope} yet: the rules decide alone. '{how}' makes one.", soft_wrap=True)
    for model in ModelName:
        ours = [version for version in versions if version.model_name == model]
        borne = {row.version_id: row for row in aliases if row.model_name == model}
        foreign = [row.version for row in borne.values() if row.version not in ours]
        _show_versions(model, [*foreign, *ours], aliases, console, now)
        _show_served(model, [row for row in served if row.model_name == model], console, now)


def list_json(
    scope: Scope, versions: Sequence[ModelVersion], aliases: Sequence[ModelAlias], served: Sequence[ServedModel]
) -> dict[str, Any]:
    """Return the same as JSON values."""
    return {
        **scope.columns,
        "versions": [version_json(version, _names(version, aliases)) for version in versions],
        "aliases": [_alias_json(row) for row in aliases],
        "served": [_served_json(row) for row in served],
    }


def version_json(version: ModelVersion, aliases: Sequence[str]) -> dict[str, Any]:
    """Return one version as JSON values, without its metrics."""
    instants = ("created_at", "expires_at", "data_from", "data_to")
    return {
        "model": version.model_name,
        **{name: getattr(version, name) for name in _TOLD},
        **{name: getattr(version, name).isoformat() for name in instants},
        "parent": version.parent.tag if version.parent else None,
        "aliases": list(aliases),
    }


def show_version(version: ModelVersion, aliases: Sequence[str], objection: str, console: Console) -> None:
    """Print one version: what it was made of, whether it could serve, and every figure."""
    console.print(f"[bold]{version}[/bold], {' and '.join(aliases) or 'bears no alias'}")
    console.print(f"It could not serve: {objection}." if objection else "It could serve.")
    table = plain_table(console, "What it was made of", "", " ")
    for name, text in _making(version):
        table.add_row(name, text)
    print_apart(table, console)
    _show_figures(version.metrics, console)


def show_comparison(found: Comparison, console: Console) -> None:
    """Print two versions side by side, the verdict first."""
    console.print(f"[bold]{found.model} in {found.scope}[/bold]: {found.verdict}")
    if not found.measures:
        return
    outcomes = plural(found.n, "outcome")
    console.print(
        f"On {outcomes} that both judged, {found.n_executed:,} executed, {found.first:%Y-%m-%d %H:%M} to "
        f"{found.last:%Y-%m-%d %H:%M} UTC; abstained: {found.a_abstained:,} and {found.b_abstained:,}."
    )
    table = plain_table(console, "", "", found.a, found.b, "difference", "from", "to", "better", texts=("better",))
    for one in found.measures:
        table.add_row(*_measured(one))
    print_apart(table, console)


def move_in_words(move: Move, *, is_done: bool) -> str:
    """Return what was moved, or what would be."""
    became = "is" if is_done else "would be"
    lines = [f"{move.champion} {became} the champion of {move.scope}."]
    if move.former and move.former != move.champion:
        place = "challenger" if move.former == move.challenger else "previous champion"
        lines.append(f"{move.former.tag} {became} the {place}.")
    if move.note:
        lines.append(f"Beware: {move.note}.")
    if is_done:
        lines.append("Every process follows within 10 s ('manage.py models list' shows what each serves).")
    return "\n".join(lines)


def _show_versions(
    model: ModelName, versions: Sequence[ModelVersion], aliases: Sequence[ModelAlias], console: Console, now: datetime
) -> None:
    if not versions:
        return
    names = ("samples", "executed", "skill", "expires")
    table = plain_table(console, model.value, "version", " ", *names)
    for version in versions[:MOST_VERSIONS]:
        expires = f"{version.expires_at:%Y-%m-%d}" if version.expires_at > now else "expired"
        counts = (f"{version.n_samples:,}", f"{version.n_executed:,}")
        is_simulated = ["simulated market"] if version.is_synthetic else []
        notes = ", ".join([*_borne(version, aliases), *is_simulated])
        table.add_row(version.tag, notes, *counts, "yes" if version.has_skill else "no", expires)
    print_apart(table, console)
    if len(versions) > MOST_VERSIONS:
        console.print(f"And {len(versions) - MOST_VERSIONS:,} older ones: --json shows all.")
    if late := sum(not version.mlflow_version for version in versions):
        console.print(f"MLflow does not know {plural(late, 'version')} yet.", style="dim")


def _borne(version: ModelVersion, aliases: Sequence[ModelAlias]) -> Iterator[str]:
    for row in aliases:
        if row.version_id == version.pk:
            yield f"{row.alias}, suspended: {row.suspended_why}" if row.suspended_why else row.alias


def _show_served(model: ModelName, served: Sequence[ServedModel], console: Console, now: datetime) -> None:
    if not served:
        return
    table = plain_table(
        console, f"{model.value} as each process serves it", "process", "as", " ", "seen", texts=("as",)
    )
    for row in served:
        ago = now - row.seen_at
        seen = f"{int(ago.total_seconds())} s ago" if ago <= SILENT_AFTER else "is silent"
        says = f"abstains: {abstention_said(row.abstains)}" if row.abstains else "judges"
        table.add_row(row.process, f"{row.alias} {row.tag}".rstrip(), says, seen)
    print_apart(table, console)


def _making(version: ModelVersion) -> Iterator[tuple[str, str]]:
    span = f"{version.data_from:%Y-%m-%d %H:%M} to {version.data_to:%Y-%m-%d %H:%M} UTC"
    market = "the simulator's market" if version.is_synthetic else str(version.scope)
    yield "trained on", f"{market}, {span}"
    yield "samples", f"{version.n_samples:,}, of them {version.n_executed:,} executed"
    yield "verdict", version.why or ("skill" if version.has_skill else "no skill")
    yield "serves until", f"{version.expires_at:%Y-%m-%d %H:%M} UTC"
    yield "parent", version.parent.tag if version.parent else NOTHING
    yield "features", f"{version.feature_set}, {version.feature_hash[:12]}"
    yield "files", version.file_hash
    yield "git commit", version.git_commit or NOTHING
    yield "seed", str(version.seed)
    yield "MLflow run", version.mlflow_run_id or version.mirror_error or "not told yet"


def _show_figures(metrics: Mapping[str, Any], console: Console) -> None:
    """Print what has an interval, beside the rule's; the rest is for pages and for --json."""
    _show_judged(metrics.get("judged") or {}, (metrics.get("baselines") or {}).get("rule") or {}, console)
    _show_veto(metrics.get("veto") or {}, console)
    heaviest = sorted(metrics.get("importance", {}).items(), key=lambda one: -one[1])[:MOST_FEATURES]
    if heaviest:
        named_shares = ", ".join(f"{spaced(name)} {share:.0%}" for name, share in heaviest)
        console.print(f"\nIt rests most on {named_shares}. --json shows every figure.")


def _show_judged(judged: Mapping[str, Any], rule: Mapping[str, Any], console: Console) -> None:
    title = "Measured on opportunities that it had not seen"
    table = plain_table(console, title, "", "value", INTERVAL, "of the rule", texts=(INTERVAL,))
    for name in ordered(judged):
        told = judged[name]
        table.add_row(named(name), figure(name, told["value"]), interval(name, told), figure(name, rule.get(name)))
    if table.row_count:
        print_apart(table, console)


def _show_veto(veto: Mapping[str, Any], console: Console) -> None:
    """Print what refusals would have changed: of money that was earned, and of what the market would have given."""
    title, names = "What its refusals would have changed", ("held out", "refused", "all came to", "changed", INTERVAL)
    table = plain_table(console, title, "", *names, texts=(INTERVAL,))
    for kind in (one for one in ("executed", "shadow") if one in veto):
        told = veto[kind]
        money = (figure("usd", told[name]["value"]) for name in ("rule_usd", "changed_usd"))
        counts = (f"{told[name]:,}" for name in ("n", "n_vetoed"))
        table.add_row(kind, *counts, *money, interval("usd", told["changed_usd"]))
    if table.row_count:
        print_apart(table, console)


def _measured(one: Measured) -> list[str]:
    better = {"a": "first", "b": "second"}.get(one.better, "")
    return [named(one.name), *map(_short, (one.a, one.b, one.difference, one.low, one.high)), better]


def _short(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= LONG else f"{value:.4g}"


def _names(version: ModelVersion, aliases: Sequence[ModelAlias]) -> list[str]:
    return [row.alias for row in aliases if row.version_id == version.pk]


def _alias_json(row: ModelAlias) -> dict[str, Any]:
    return {
        "model": row.model_name,
        "alias": row.alias,
        "tag": row.version.tag,
        "moved_at": row.moved_at.isoformat(),
        "suspended_at": row.suspended_at.isoformat() if row.suspended_at else None,
        "suspended_why": row.suspended_why,
        "is_mirrored": row.is_mirrored,
    }


def _served_json(row: ServedModel) -> dict[str, Any]:
    names = ("process", "alias", "tag", "abstains")
    told = {name: getattr(row, name) for name in names}
    return told | {"model": row.model_name, "since": row.since.isoformat(), "seen_at": row.seen_at.isoformat()}
