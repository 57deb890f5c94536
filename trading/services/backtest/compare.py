"""Two reports side by side: the figures that tell them apart, and the assumptions that differ."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.money import EXACT, exact_sum, plain
from trading.services.backtest.figures import Report
from trading.services.backtest.words import traded_usd


@dataclass(frozen=True, slots=True)
class Row:
    """One figure in both reports."""

    name: str
    unit: str  # usd, share or count
    one: Decimal
    other: Decimal

    @property
    def difference(self) -> Decimal:
        """Return by how much the other is greater."""
        return EXACT.subtract(self.other, self.one)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, the first one given first."""

    run_ids: tuple[str, str]
    rows: tuple[Row, ...]
    assumptions: tuple[tuple[str, str, str], ...]  # name, in the one, in the other

    def as_json(self) -> dict[str, Any]:
        """Return the comparison ready for JSON, exact figures as text."""
        figures = {
            row.name: {
                "unit": row.unit,
                "one": plain(row.one),
                "other": plain(row.other),
                "difference": plain(row.difference),
            }
            for row in self.rows
        }
        differing = {name: {"one": one, "other": other} for name, one, other in self.assumptions}
        return {"runs": list(self.run_ids), "figures": figures, "assumptions": differing}


_FIGURES: tuple[tuple[str, str, Callable[[Report], Decimal]], ...] = (
    ("capital", "usd", lambda report: report.capital_usd),
    ("executed", "usd", lambda report: report.executed_usd),
    ("hold benchmark", "usd", lambda report: report.hold_usd),
    ("inventory", "usd", lambda report: report.inventory_usd),
    ("trading beside holding", "usd", traded_usd),
    ("change of equity", "usd", lambda report: report.change_usd),
    ("drawdown of equity", "share", lambda report: report.falls.equity.share),
    ("drawdown of hold", "share", lambda report: report.falls.hold.share),
    ("drawdown of executed", "share", lambda report: report.falls.executed.share),
    ("opportunities", "count", lambda report: _count(report, lambda route: route.opportunities)),
    ("executions", "count", lambda report: _count(report, lambda route: route.fills.executions)),
    ("filled as planned", "count", lambda report: _count(report, lambda route: route.fills.whole)),
    ("unwound", "count", lambda report: _count(report, lambda route: route.fills.unwound)),
    ("turnover", "usd", lambda report: exact_sum(route.fills.turnover_usd for route in report.routes)),
    ("fees", "usd", lambda report: exact_sum(route.costs.fees_usd for route in report.routes)),
    ("slippage", "usd", lambda report: exact_sum(route.costs.slippage_usd for route in report.routes)),
    ("unwinding", "usd", lambda report: exact_sum(route.costs.unwind_usd for route in report.routes)),
    ("looks without inventory", "count", lambda report: _count(report, lambda route: route.short_looks)),
    ("breaker trips", "count", lambda report: Decimal(sum(report.trips.values()))),
)


def compare(one: Report, other: Report) -> Comparison:
    """Return two reports side by side."""
    rows = tuple(Row(name, unit, of(one), of(other)) for name, unit, of in _FIGURES)
    return Comparison((one.run_id, other.run_id), rows, tuple(_differing(one, other)))


def _count(report: Report, of: Callable[[Any], int]) -> Decimal:
    return Decimal(sum(of(route) for route in report.routes))


def _differing(one: Report, other: Report) -> list[tuple[str, str, str]]:
    first, second = (
        dict(_leaves(report.assumptions)) | {"is_limited": str(report.is_limited)} for report in (one, other)
    )
    names = sorted({*first, *second})
    told = [(name, first.get(name, "-"), second.get(name, "-")) for name in names]
    return [(name, here, there) for name, here, there in told if here != there]


def _leaves(told: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every single assumption with the path that leads to it, as fees.kraken.taker_bps."""
    if not isinstance(told, (dict, list)):
        yield name, str(told)
        return
    for key, inner in told.items() if isinstance(told, dict) else enumerate(told):
        yield from _leaves(inner, f"{name}.{key}" if name else str(key))
