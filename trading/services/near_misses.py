"""Near misses: routes whose edge falls short of the threshold by little, one sample for each spell of it.

The rules never trade them. Their samples tell the models what lies on the other side of the threshold; they carry what
the trade would have been, what the models said of it, and later what the market would have given for it.
"""

from collections.abc import Callable
from typing import Any

from domain.detection import DetectConfig
from domain.money import EXACT, ZERO, to_float
from domain.scope import Scope
from domain.terms import Rejected
from domain.timestamps import from_ns
from mlops.services import SampleReport, record_sample
from trading.services.decision import NearMiss, scores_json

Json = dict[str, Any]


class NearMissTracker:
    """Knows which routes fall short by little, so that a spell of it is sampled once and not once per tick.

    A spell ends as an episode does, once its route has not been near for longer than the linger time. One that begins
    while the route is in an episode belongs to that episode and gives no sample. Instants of looks alone say so.
    """

    def __init__(self, config: DetectConfig, is_open: Callable[[str, int], bool], *, linger_ns: int) -> None:
        self._most_bps = max(config.min_net_bps, ZERO)
        self._least_bps = EXACT.subtract(self._most_bps, config.near_miss_bps)
        self._is_open = is_open  # whether a route, by its key, is in an episode at an instant
        self._linger_ns = linger_ns
        self._seen_ns: dict[str, int] = {}
        self._fell_short: set[str] = set()

    def begins(self, found: Rejected, at_ns: int) -> bool:
        """Return whether a spell begins with this look, as far as the prices that were screened tell."""
        if found.net_bps is None or not self._least_bps < found.net_bps <= self._most_bps:
            return False
        key = found.route.key
        seen_ns = self._seen_ns.get(key)
        if seen_ns is not None and at_ns - seen_ns <= self._linger_ns:
            if key not in self._fell_short:
                self._seen_ns[key] = at_ns
            return False
        self._seen_ns[key] = at_ns
        self._fell_short.discard(key)
        return not self._is_open(key, at_ns)

    def fell_short(self, found: Rejected) -> None:
        """Take note that, reckoned whole, the route was not near: it is reckoned again after the linger time."""
        self._fell_short.add(found.route.key)

    def state(self) -> Json:
        """Return the spells, and what was reckoned in vain, ready for JSON."""
        return {key: [at_ns, key in self._fell_short] for key, at_ns in self._seen_ns.items()}

    def restore(self, state: Json) -> None:
        """Take up the spells that ``state`` told of, and no others."""
        self._seen_ns = {key: at_ns for key, (at_ns, _) in state.items()}
        self._fell_short = {key for key, (_, fell_short) in state.items() if fell_short}


def record_near_miss(miss: NearMiss, *, scope: Scope) -> None:
    """Hand a near miss to the models as a sample; a second time it changes nothing."""
    candidate, quote = miss.candidate, miss.candidate.route.buy.pair.quote
    record_sample(
        SampleReport(
            route_key=candidate.route.key,
            symbol=candidate.route.buy.pair.symbol,
            timestamp=from_ns(miss.decided_at_ns),
            opportunity_id=None,
            features=candidate.features,
            net_bps=to_float(candidate.net_bps),
            notional_usd=miss.config.in_usd(candidate.sized.buy_quote, quote),
            resolution_s=miss.config.resolution_s,
            scores=scores_json(miss.scores),
        ),
        scope=scope,
    )
