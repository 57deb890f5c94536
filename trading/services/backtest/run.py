"""A backtest from its source to its saved report: capital in place, a replay, the sums."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings

from domain.costs import FeeSchedule
from domain.errors import BadInput
from domain.inventory import UNLIMITED
from domain.money import plain
from domain.scope import Mode, Scope
from trading.models import BacktestReport, Run
from trading.services.backtest.capital import (
    BalanceHoldings,
    Listing,
    first_prices,
    put_in_place,
    spread,
)
from trading.services.backtest.figures import Report
from trading.services.backtest.prices import PriceWatch
from trading.services.backtest.report import Start, report_of
from trading.services.replay import checkpoint, runs
from trading.services.replay.driver import CHUNK_S, Progress
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import ReplayResult, new_scope, replay, resume, untold, unwrapped
from trading.services.replay.source import open_source
from trading.services.replay.timeline import Timeline

COMMAND = "backtest"
MOST_LISTED = 50
MOST_CAPITAL_USD = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Capital:
    """How much is put at the venues, and whether a trade may use no more than lies there. Raises: BadInput."""

    usd: Decimal
    is_limit: bool = True

    def __post_init__(self) -> None:
        if not (self.usd.is_finite() and 0 < self.usd <= MOST_CAPITAL_USD):
            raise BadInput(f"a capital of {self.usd} USD is not a positive amount of at most {MOST_CAPITAL_USD:f}")

    def as_json(self) -> dict[str, Any]:
        """Return what is kept with the run."""
        return {"capital_usd": plain(self.usd), "is_limited": self.is_limit}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A saved report that cannot be read any more, and why."""

    run_id: str
    error: str


class Setup:
    """What a run is given beside its source: its capital in place, what its orders may use, a watch on the prices."""

    def __init__(self, timeline: Timeline, capital: Capital, scope: Scope) -> None:
        """Reckon what lies where. Raises: BadInput for capital too small to be spread."""
        terms = _terms_of(timeline)
        listing = Listing(tuple(timeline.markets), terms.quote_usd)
        positions = spread(capital.usd, listing, first_prices(timeline))
        self._scope = scope
        self._start = Start(capital.usd, capital.is_limit, positions, listing)
        self.watch = PriceWatch(scope, listing.markets)
        quotes = frozenset(terms.quote_usd)
        self.holdings = BalanceHoldings(scope, fees=terms.fees, quotes=quotes) if capital.is_limit else UNLIMITED

    def begin(self) -> None:
        """Put the capital in place."""
        put_in_place(self._start.positions, scope=self._scope)
        self.holdings.refresh()

    def conclude(self, result: ReplayResult) -> None:
        """Keep the report of the run that ends, with the run or not at all."""
        self.watch.finish()
        save(report_of(result, self._start, scope=self._scope, now=datetime.now(UTC)))


@dataclass(frozen=True, slots=True)
class _Terms:
    fees: Mapping[str, FeeSchedule]
    quote_usd: Mapping[str, Decimal]


def _terms_of(timeline: Timeline) -> _Terms:
    """What the first instant's opening says, with the configured rates for quotes that only come later."""
    opening = next((instant.opening for instant in timeline.instants() if instant.opening is not None), None)
    if opening is None:
        raise BadInput("nothing was recorded: there is no first instant to put capital in place at")
    rates = {**settings.ARB.trading.quote_usd, **opening.config.quote_usd}
    quotes = {market.pair.quote.symbol for market in timeline.markets}
    return _Terms(opening.config.fees, {asset: rate for asset, rate in rates.items() if asset in quotes})


def backtest(
    files: Sequence[Path],
    options: ReplayOptions,
    capital: Capital,
    *,
    progress: Progress = untold,
    scope: Scope | None = None,
    wrap: Callable[[Timeline], Timeline] = unwrapped,
    chunk_s: float = CHUNK_S,
) -> Report:
    """Replay files, or the recordings that the options name, with capital in place; return the report, which is kept.

    Raises: what ``open_source`` and ``replay`` raise.
    """
    source, scope = open_source(files, options), scope or new_scope()
    setup = Setup(source.timeline, capital, scope)
    result = replay(
        source,
        progress=progress,
        scope=scope,
        command=COMMAND,
        begin=setup.begin,
        conclude=setup.conclude,
        watchers=(setup.watch,),
        holdings=setup.holdings,
        wrap=wrap,
        also=capital.as_json(),
        chunk_s=chunk_s,
    )
    return report_named(result.run_id)


def resume_backtest(
    run_id: str, *, progress: Progress = untold, wrap: Callable[[Timeline], Timeline] = unwrapped
) -> Report:
    """Go on with a backtest that was broken off, to the report that it would have had. Raises: as ``resume``."""
    run = runs.run_named(run_id)
    told = run.settings
    if run.command != COMMAND or "capital_usd" not in told:
        raise BadInput(f"run {run_id} is no backtest: say {run.command} --resume {run_id}")
    capital = Capital(Decimal(told["capital_usd"]), told["is_limited"])
    setup = Setup(checkpoint.reopened(run).timeline, capital, run.scope)
    setup.begin()
    resume(
        run_id,
        progress=progress,
        command=COMMAND,
        conclude=setup.conclude,
        watchers=(setup.watch,),
        holdings=setup.holdings,
        wrap=wrap,
    )
    return report_named(run_id)


def save(report: Report) -> None:
    """Keep a report with its run; an earlier one of that run is replaced."""
    run = Run.objects.get(mode=Mode.REPLAY, run_id=report.run_id)
    BacktestReport.objects.update_or_create(
        backtest=run, defaults={**run.scope.columns, "created_at": report.created_at, "figures": report.as_json()}
    )


def report_named(run_id: str) -> Report:
    """Return the saved report of a run. Raises: BadInput where there is none."""
    row = BacktestReport.objects.filter(mode=Mode.REPLAY, run_id=run_id).first()
    if row is None:
        known = ", ".join(BacktestReport.objects.values_list("run_id", flat=True)[:5]) or "none yet"
        raise BadInput(f"there is no report of run {run_id!r}: the newest are {known}")
    return _report_in(row)


def reports() -> list[Report | Unreadable]:
    """Return the newest saved reports, newest first."""
    return [_listed(row) for row in BacktestReport.objects.all()[:MOST_LISTED]]


def _listed(row: BacktestReport) -> Report | Unreadable:
    try:
        return _report_in(row)
    except BadInput as error:
        return Unreadable(row.run_id, str(error))


def _report_in(row: BacktestReport) -> Report:
    try:
        return Report.of_json(row.figures)
    except BadInput as error:
        raise BadInput(f"the report of run {row.run_id} cannot be read, run it again: {error}") from error
