"""Why was, or was not, anything traded: the funnel of a span, and what each refusal would have made."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.detection import Stage
from domain.scope import Scope
from ops.sql import rows_of
from trading.formats import spaced
from trading.selectors.offered import MOST_EPISODES, MOST_MEASURED, looks_in
from trading.selectors.results import looks_left
from trading.selectors.terms import FeesOf, Span, Terms, run_of, terms_of

EXECUTION = "execution"


@dataclass(frozen=True, slots=True)
class Step:
    """One narrowing of the funnel: a look at a route up to sized, an opportunity (one episode) from there on."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Looks that ended at a stage for a reason: no trade that paid was seen, so none was missed."""

    stage: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Missed:
    """Opportunities that one reason kept from being traded, or that were executed where the reason is empty.

    Dollars are for the size that the gates let through, else for the planned size. ``delayed_usd`` is what was left of
    the planned net at the first look after the delay, over the ``observed`` ones.
    """

    stage: str
    reason: str
    count: int
    planned_usd: Decimal
    observed: int
    delayed_usd: Decimal
    settled_usd: Decimal | None  # None where nothing was filled
    explored: int = 0  # of the count, how many the models refused and chance let through


@dataclass(frozen=True, slots=True)
class Why:
    """The funnel of a span and every reason that narrowed it; counts of looks are by whole hours."""

    scope: Scope
    command: str
    span: Span
    delay_ms: int
    is_candles: bool
    funnel: tuple[Step, ...]
    looks: tuple[Refused, ...]
    missed: tuple[Missed, ...]
    executed: Missed | None

    @property
    def is_cut_off(self) -> bool:
        """Whether there were more opportunities than are looked at."""
        return self.found >= MOST_EPISODES

    @property
    def found(self) -> int:
        """Return how many opportunities there were."""
        return sum(one.count for one in self._opportunities)

    @property
    def explored(self) -> int:
        """Return how many of them the models refused and chance let through, to learn from."""
        return sum(one.explored for one in self._opportunities)

    @property
    def _opportunities(self) -> tuple[Missed, ...]:
        return self.missed if self.executed is None else (*self.missed, self.executed)


_NEWEST = """
WITH newest AS MATERIALIZED (
    SELECT id, timestamp, notional_usd, size, edge_bps, executed, profit_usd, reason,
           coalesce((scores ->> 'explored')::boolean, false) AS explored
    FROM arbitrage_opportunities WHERE mode = %s AND run_id = %s AND timestamp >= %s AND timestamp < %s
    ORDER BY timestamp DESC LIMIT %s
), sorted AS MATERIALIZED (
    SELECT newest.*, CASE WHEN newest.executed THEN '' WHEN attempt.id IS NULL THEN newest.reason
                          ELSE coalesce(nullif(newest.reason, ''), 'under_way') END AS why,
           coalesce(attempt.notional_usd, newest.notional_usd) AS tried_usd,
           CASE WHEN attempt.id IS NOT NULL THEN 'execution'
                WHEN newest.reason IN ('score_expects_loss', 'score_unlikely') THEN 'score'
                ELSE 'admission' END AS stage
    FROM newest LEFT JOIN trading_execution attempt
      ON attempt.opportunity_id = newest.id AND attempt.mode = %s AND attempt.run_id = %s
)
"""
_MISSED = (
    _NEWEST
    + """
SELECT stage, why, count(*), sum(tried_usd * edge_bps) / 10000, sum(profit_usd),
       count(*) FILTER (WHERE explored)
FROM sorted GROUP BY stage, why ORDER BY 3 DESC, 1, 2
"""
)
_DELAYED = (
    _NEWEST  # noqa: S608 -- made of constants
    + """
SELECT stage, why, count(*), sum(looked.net_bps * looked.size * tried_usd / sorted.size) / 10000
FROM sorted CROSS JOIN LATERAL (
    SELECT net_bps, size FROM edge_observations
    WHERE opportunity_id = sorted.id AND timestamp >= sorted.timestamp AND mode = %s AND run_id = %s
      AND offset_ms >= %s
    ORDER BY offset_ms LIMIT 1
) looked
WHERE looked.net_bps IS NOT NULL
GROUP BY stage, why
"""
)


def why_of(scope: Scope, span: Span, *, fees_of: FeesOf) -> Why:
    """Return why things were or were not traded in ``span``."""
    run = run_of(scope)
    terms = terms_of(run, fees_of=fees_of, venues=set())
    looks, found = looks_in(scope, span), _opportunities(scope, span, terms)
    missed = tuple(one for one in found if one.reason)
    return Why(
        scope=scope,
        command=run.command if run else "",
        span=span,
        delay_ms=terms.delay_ms,
        is_candles=bool(terms.resolution_s),
        funnel=tuple(_funnel(looks, found)),
        looks=tuple(Refused(*look) for look in looks if look[0] not in (Stage.PAID, Stage.SCORE)),
        missed=missed,
        executed=next((one for one in found if not one.reason), None),
    )


def _funnel(looks: Sequence[tuple[str, str, int]], found: Sequence[Missed]) -> list[Step]:
    ended = Counter[str]()
    for stage, _, count in looks:
        ended[stage] += count
    return [Step(spaced(name), count) for name, count in looks_left(ended).items()] + _opened(found)


def _opened(found: Sequence[Missed]) -> list[Step]:
    total = sum(one.count for one in found)
    scored = total - sum(one.count for one in found if one.stage == Stage.SCORE)
    admitted = sum(one.count for one in found if one.stage == EXECUTION)
    executed = sum(one.count for one in found if not one.reason)
    return [
        Step("opportunities", total),
        Step("scored", scored),
        Step("admitted", admitted),
        Step("executed", executed),
    ]


def _opportunities(scope: Scope, span: Span, terms: Terms) -> list[Missed]:
    of_scope = list(scope.columns.values())
    asked = [*of_scope, span.first, span.last]
    later = {
        (stage, reason): (count, usd)
        for stage, reason, count, usd in rows_of(
            _DELAYED, [*asked, MOST_MEASURED, *of_scope, *of_scope, terms.delay_ms]
        )
    }
    nothing = (0, Decimal(0))
    return [
        Missed(stage, reason, count, planned, *later.get((stage, reason), nothing), settled, explored)
        for stage, reason, count, planned, settled, explored in rows_of(_MISSED, [*asked, MOST_EPISODES, *of_scope])
    ]
