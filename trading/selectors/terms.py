"""What a scope's figures rest on: its run, the span it covers, and the fees and assumptions of its decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from domain.costs import FeeSchedule
from domain.errors import BadInput
from domain.scope import Mode, Scope
from trading.json_values import from_json
from trading.models import EvaluationCount, Opportunity, Recording, Run

FeesOf = Callable[[str], FeeSchedule]
HOUR = timedelta(hours=1)
BEGINNING = datetime(2009, 1, 1, tzinfo=UTC)
RUNS_APART = frozenset({Mode.REPLAY, Mode.SIM})


@dataclass(frozen=True, slots=True)
class Span:
    """Whole hours (UTC); ``last`` is the first instant that is left out."""

    first: datetime
    last: datetime

    @classmethod
    def around(cls, first: datetime, last: datetime) -> "Span":
        """Return the whole hours that hold both instants. Raises: BadInput for an empty or inverted span."""
        if first >= last:
            raise BadInput(f"the span from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} holds nothing")
        begins, ends = (at.replace(minute=0, second=0, microsecond=0) for at in (first, last))
        return cls(begins, ends if ends == last else ends + HOUR)


@dataclass(frozen=True, slots=True)
class Terms:
    """What decisions were made with; ``spread_bps`` is None where books were seen, not assumed."""

    min_net_bps: Decimal
    resolution_s: int = 0  # 60 where each look is at a minute's candles
    spread_bps: Decimal | None = None
    delay_ms: int = 0
    fees: Mapping[str, FeeSchedule] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """Return what one look is called."""
        return "minute" if self.resolution_s == 60 else "look"


def run_of(scope: Scope) -> Run | None:
    """Return the run that a scope is; None where the scope is no run of its own."""
    return Run.objects.in_scope(scope).first() if scope.run_id else None


def newest_run(mode: Mode) -> Run | None:
    """Return the run of a mode that was started last."""
    return Run.objects.in_mode(mode).order_by("-started_at", "-pk").first()


def chosen_scope(mode: Mode | None, run_id: str) -> Scope:
    """Return the scope that a command's ``--mode`` and ``--run`` name.

    Where no run is named: of replays the last; of simulations the last demo, or what came later outside any run.
    Raises: BadInput for a run that is not there, and for one in a mode without runs.
    """
    configured: Scope = settings.ARB.scope
    mode = mode or configured.mode
    if mode not in RUNS_APART:
        if run_id:
            raise BadInput(f"--run is {run_id!r}, but the mode is {mode}: only replay and sim tell runs apart")
        return configured if configured.mode is mode else Scope(mode)
    if run_id and run_of(Scope(mode, run_id)) is None:
        raise BadInput(f"there is no {mode} run {run_id!r}")
    newest = None if run_id else newest_run(mode)
    if newest is not None and newest.started_at < _seen_outside_runs(mode):
        newest = None
    return Scope(mode, run_id or (newest.run_id if newest else None))


def _seen_outside_runs(mode: Mode) -> datetime:
    """Return when anything was seen in a mode's own scope for the last time; of mere looks only the hour is known."""
    newest = (
        model.objects.in_scope(Scope(mode)).order_by(f"-{column}").values_list(column, flat=True).first()
        for model, column in ((EvaluationCount, "hour"), (Recording, "started_at"), (Opportunity, "timestamp"))
    )
    return max((at for at in newest if at is not None), default=BEGINNING)


def terms_of(run: Run | None, *, fees_of: FeesOf, venues: set[str]) -> Terms:
    """Return what the decisions of a run, or of this process's settings, were made with."""
    stated: Mapping[str, Any] = run.settings if run else {}
    ours = settings.ARB.trading
    fees = {venue: from_json(FeeSchedule, told) for venue, told in stated.get("fees", {}).items()}
    spread_bps = stated.get("spread_bps")
    resolution_s = int(stated.get("resolution_s", 0))
    return Terms(
        min_net_bps=Decimal(str(stated.get("min_net_bps", ours.min_net_bps))),
        resolution_s=resolution_s,
        spread_bps=Decimal(str(spread_bps)) if resolution_s and spread_bps is not None else None,
        delay_ms=int(stated.get("latency_ms", ours.paper_delay_ms)),
        fees=fees | {venue: found for venue in venues - set(fees) if (found := _known(venue, fees_of)) is not None},
    )


def _known(venue: str, fees_of: FeesOf) -> FeeSchedule | None:
    try:
        return fees_of(venue)
    except BadInput:  # a venue of a recording that is no longer configured: what it charges is not guessed
        return None


def now_in(run: Run | None, *, now: datetime) -> datetime:
    """Return what now means: in a run the second that its last instant ends in, else the instant given."""
    if run is None or run.last_instant is None:
        return now
    return run.last_instant.replace(microsecond=0) + timedelta(seconds=1)
