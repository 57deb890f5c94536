"""What the demo ends with: one object for machines, a few lines for people, and an exit code."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from arbsite.demo.audit import Audit
from arbsite.demo.errors import LoggedError
from arbsite.demo.journal import Disturbance
from arbsite.demo.learning import Learning, learning_in_words
from arbsite.demo.plan import Plan
from arbsite.demo.snapshot import Snapshot
from arbsite.demo.words import count, percent, refusal_lines, spaced, swaps_in_words, usd
from domain.execution import ExecutionState
from domain.ledger import Waterfall
from domain.money import plain

_ERRORS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Ending:
    """Everything that the summary is made of."""

    plan: Plan
    snapshot: Snapshot
    started_at: datetime
    disturbances: tuple[Disturbance, ...]
    unexpected: tuple[LoggedError, ...]
    explained: tuple[LoggedError, ...]
    interrupted_by: str | None
    audit: Audit | None  # None: the database did not answer at the end
    learning: Learning | None = None  # as above


def exit_code(ending: Ending) -> int:
    """Return 0 only where something was traded, nothing unexpected was logged and the rows agree."""
    is_clean = ending.audit is not None and ending.audit.is_clean
    return 0 if _has_traded(ending) and not ending.unexpected and is_clean else 1


def as_json(ending: Ending) -> dict[str, Any]:
    """Return the summary as one object."""
    snapshot, trading = ending.snapshot, ending.snapshot.trading
    return {
        "mode": snapshot.scope.mode.value,
        "run_id": snapshot.scope.run_id,
        "seed": ending.plan.seed,
        "seconds": round(snapshot.elapsed_s, 1),
        "seconds_to_first_execution": snapshot.first_execution_s,
        "looks": trading.funnel.seen,
        "opportunities": trading.funnel.opportunities,
        "admitted": trading.funnel.admitted,
        "executions": _executions(trading.results.by_state),
        "executions_with_fills": trading.results.filled,
        "win_rate": _number(trading.results.win_rate),
        "refused": _refused(ending),
        "breakers": {light.kind: {"state": light.state, "trips": light.trips} for light in trading.breakers},
        "chain": _chain(ending),
        "models": asdict(ending.learning) if ending.learning else None,
        "pnl": _pnl(ending),
        "unexpected_errors": len(ending.unexpected),
        "first_unexpected_errors": _first_errors(ending.unexpected),
        "expected_errors": len(ending.explained),
        "first_expected_errors": _first_errors(ending.explained),
        "restarts": {process.name: process.restarts for process in snapshot.processes if process.restarts},
        "fault_tolerance": [one.as_json(ending.started_at) for one in ending.disturbances],
        "interrupted_by": ending.interrupted_by,
        "audit": asdict(ending.audit) if ending.audit else None,
        "links": dict(snapshot.links.public),
        "logs": str(ending.plan.log_dir),
    }


def as_lines(ending: Ending) -> list[str]:
    """Return the summary as a person reads it."""
    trading = ending.snapshot.trading
    results, funnel = trading.results, trading.funnel
    states = ", ".join(f"{number} {spaced(state)}" for state, number in sorted(results.by_state.items()))
    reasons = ", ".join(f"{one.reason} {one.times:,}" for one in refusal_lines(trading.refusals))
    return [
        f"Run {ending.snapshot.scope.run_id}, seed {ending.plan.seed}, {ending.snapshot.elapsed_s:.0f} s.",
        _first(ending),
        f"{count(funnel.seen)} looks, {count(funnel.opportunities)} opportunities, executions: {states or 'none'}.",
        f"{results.filled} with fills, {percent(results.win_rate)} of them earned.",
        _waterfall_line(results.waterfall),
        _pools_line(ending),
        f"Models: {learning_in_words(ending.learning)}.",
        *_breaker_lines(ending),
        *_disturbance_lines(ending.disturbances),
        f"Why not: {reasons or '-'}.",
        *_error_lines(ending),
        *_audit_lines(ending.audit),
        "Simulated prices: this shows that the machinery works, not what it would earn.",
    ]


def _waterfall_line(waterfall: Waterfall) -> str:
    lines = ("fees", "gas", "slippage", "unwind")
    costs = " ".join(f"- {name} {usd(getattr(waterfall, name), signed=False)}" for name in lines)
    return f"Net {usd(waterfall.net)} USD = gross {usd(waterfall.gross, signed=False)} {costs}."


def _pools_line(ending: Ending) -> str:
    told = swaps_in_words(ending.snapshot.trading.swaps, has_chain=ending.snapshot.has_chain)
    why = ending.plan.why_no_chain
    return f"Pools: {told}{f' ({why})' if why else ''}."


def _has_traded(ending: Ending) -> bool:
    return ending.snapshot.first_execution_s is not None


def _first(ending: Ending) -> str:
    seconds = ending.snapshot.first_execution_s
    if seconds is None:
        return f"No execution settled with fills: see {ending.plan.log_dir}."
    return f"The first execution with fills settled {seconds:.1f} s after the processes started."


def _executions(by_state: Mapping[str, int]) -> dict[str, int]:
    return {state.value: by_state.get(state.value, 0) for state in ExecutionState}


def _refused(ending: Ending) -> dict[str, int]:
    refusals = ending.snapshot.trading.refusals
    reasons = [*refusals.opportunities, *refusals.looks]
    both = (refusals.opportunities, refusals.looks)
    return {reason: sum(counts.get(reason, 0) for counts in both) for reason in dict.fromkeys(reasons)}


def _chain(ending: Ending) -> dict[str, Any]:
    swaps = ending.snapshot.trading.swaps
    told = {"swaps": swaps.traded, "reverted": swaps.reverted, "gas_usd": plain(swaps.gas_usd)}
    return {"present": ending.snapshot.has_chain, "why_not": ending.plan.why_no_chain, **told}


def _pnl(ending: Ending) -> dict[str, Any]:
    waterfall = ending.snapshot.trading.results.waterfall
    lines = ("gross", "fees", "gas", "slippage", "unwind", "net")
    return {line: str(getattr(waterfall, line).normalize()) for line in lines} | {"currency": "USD"}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(round(value, 4))


def _first_errors(errors: Iterable[LoggedError]) -> list[dict[str, str]]:
    first = itertools.islice(errors, _ERRORS_SHOWN)
    return [{"process": error.process, "at": error.at.isoformat(), "text": error.text} for error in first]


def _breaker_lines(ending: Ending) -> list[str]:
    tripped = [light for light in ending.snapshot.trading.breakers if light.trips]
    return [f"Breaker {spaced(light.kind)} tripped {light.trips}x, now {spaced(light.state)}." for light in tripped]


def _disturbance_lines(disturbances: Iterable[Disturbance]) -> list[str]:
    return [f"{one.subject} was gone ({one.what}), {_return_of(one)}." for one in disturbances]


def _return_of(disturbance: Disturbance) -> str:
    if disturbance.back_at is None:
        return "and is not back"
    return f"back in {(disturbance.back_at - disturbance.at).total_seconds():.1f} s"


def _audit_lines(found: Audit | None) -> list[str]:
    if found is None:
        return ["The database did not answer at the end: the rows are not checked."]
    wrong = [f"{number} {spaced(name)}" for name, number in asdict(found).items() if number]
    return [f"The rows disagree: {', '.join(wrong)}." if wrong else "Every row agrees with every other."]


def _error_lines(ending: Ending) -> list[str]:
    shown = [f"  {error.process}: {error.text}" for error in ending.unexpected[:_ERRORS_SHOWN]]
    explained = f" (beside {len(ending.explained)} expected, of outages or of the end)" if ending.explained else ""
    return [f"Unexpected errors: {len(ending.unexpected)}{explained}.", *shown]
