"""The hours of the last two days as pictures: how many opportunities, and what was earned."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from arbsite.pages.charts import Bar, Chart, chart
from domain.money import EXACT, ZERO
from domain.scope import Scope
from ops.admin import figures
from ops.admin.dates import hour_asked
from trading.selectors.results import HourOfTrading, hours_of

HOURS = 48
_TICK_HOURS = 12
_HOUR = timedelta(hours=1)

Words = Callable[[float], str]


def charts_of(scope: Scope, now: datetime) -> tuple[Chart, Chart]:
    """Return the opportunities of each hour and the net result of each hour, up to the hour of ``now``."""
    last = now.replace(minute=0, second=0, microsecond=0) + _HOUR
    first = last - HOURS * _HOUR
    known = {one.hour: one for one in hours_of(scope, first, last)}
    hours = [known.get(at, HourOfTrading(at, 0, 0, ZERO)) for at in (first + n * _HOUR for n in range(HOURS))]
    return _opportunities(hours), _results(hours)


def _opportunities(hours: Sequence[HourOfTrading]) -> Chart:
    most, total = max(one.opportunities for one in hours), sum(one.opportunities for one in hours)
    executed = sum(one.executed for one in hours)
    return chart(
        "Opportunities per hour",
        [_counted(one) for one in hours],
        scale=(f"{most:,}", ""),
        ticks=_ticks(hours),
        legend=(("bar-main", "executed"), ("bar-soft", "not executed")),
        summary=f"{total:,} opportunities in {HOURS} hours, {executed:,} executed; at most {most:,} in an hour.",
        nothing=f"No opportunity in these {HOURS} hours.",
    )


def _results(hours: Sequence[HourOfTrading]) -> Chart:
    nets = [one.net_usd for one in hours]
    total, best, worst = EXACT.add(ZERO, sum(nets, ZERO)), max(nets), min(nets)
    return chart(
        "Net result per hour",
        [_earned(one) for one in hours],
        scale=(figures.earned(best) if best > 0 else "", figures.earned(worst) if worst < 0 else ""),
        ticks=_ticks(hours),
        legend=(("bar-gain", "gained"), ("bar-loss", "lost")),
        summary=f"{figures.earned(total)} in {HOURS} hours; "
        f"the best {figures.earned(best)}, the worst {figures.earned(worst)}.",
        nothing=f"Nothing was gained or lost in these {HOURS} hours.",
    )


def _counted(one: HourOfTrading) -> Bar:
    rest = one.opportunities - one.executed
    says = f"{one.hour:%Y-%m-%d %H:%M}: {one.opportunities:,} opportunities, {one.executed:,} executed"
    parts = ((float(one.executed), "bar-main"), (float(rest), "bar-soft"))
    return Bar(parts, says, _hour("trading_opportunity", "timestamp", one.hour))


def _earned(one: HourOfTrading) -> Bar:
    colour = "bar-gain" if one.net_usd > 0 else "bar-loss"
    says = f"{one.hour:%Y-%m-%d %H:%M}: {figures.earned(one.net_usd)}"
    return Bar(((float(one.net_usd), colour),), says, _hour("trading_executionlog", "timestamp", one.hour))


def _hour(page: str, column: str, hour: datetime) -> str:
    """Return the address of the rows of one hour, as the way through the dates has it."""
    return f"{reverse(f'admin:{page}_changelist')}?{urlencode(hour_asked(column, hour))}"


def _ticks(hours: Sequence[HourOfTrading]) -> list[tuple[int, str]]:
    return [
        (number, f"{one.hour:%d %b}" if one.hour.hour == 0 else f"{one.hour:%H:%M}")
        for number, one in enumerate(hours)
        if one.hour.hour % _TICK_HOURS == 0
    ]
