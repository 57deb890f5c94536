"""Near misses: routes whose edge falls short of the threshold by little, one sample for each spell of it.

The rules never trade them. Their samples tell the models what lies on the other side of the threshold; they carry what
the trade would have been, what the models said of it, and later what the market would have given for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domain.detection import DetectConfig
from domain.money import to_float
from domain.scope import Scope
from domain.terms import Rejected
from domain.timestamps import from_ns
from mlops.said import scores_stored
from mlops.services import SampleReport, record_sample
from trading.services.decision import NearMiss

Json = dict[str, Any]


@dataclass(slots=True)
class _Spell:
    last_seen_ns: int
    fell_short: bool = False


class NearMissTracker:
    """Knows which routes fall short by little, so that a spell of it is sampled once and not once per tick.

    A spell ends as an episode does, once its route has not been near for longer than the linger time. One that begins
    while the route is in an episode belongs to that episode and gives no sample. Instants of looks alone say so.
    """

    def __init__(self, config: DetectConfig, is_open: Callable[[str, int], bool], *, linger_ns: int) -> None:
        self._config = config
        self._is_open = is_open  # whether a route, by its key, is in an episode at an instant
        self._linger_ns = linger_ns
        self._spells: dict[str, _Spell] = {}

    def begins(self, found: Rejected, at_ns: int) -> bool:
        """Return whether a spell begins with this look, as far as the prices that were screened tell."""
        if found.net_bps is None or not self._config.is_near_miss(found.net_bps):
            return False
        key = found.route.key
        spell = self._spells.get(key)
        if spell is None or at_ns - spell.last_seen_ns > self._linger_ns:
            self._spells[key] = _Spell(at_ns)
            return not self._is_open(key, at_ns)
        if not spell.fell_short:
            spell.last_seen_ns = at_ns
        return False

    def fell_short(self, found: Rejected) -> None:
        """Take note that, reckoned whole, the route was not near: it is reckoned again after the linger time."""
        self._spells[found.route.key].fell_short = True

    def state(self) -> Json:
        """Return the spells, and what was reckoned in vain, ready for JSON."""
        return {key: [spell.last_seen_ns, spell.fell_short] for key, spell in self._spells.items()}

    def restore(self, state: Json) -> None:
        """Take up the spells that ``state`` told of, and no others."""
        self._spells = {key: _Spell(*told) for key, told in state.items()}


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
            scores=scores_stored(miss.scores),
        ),
        scope=scope,
    )
