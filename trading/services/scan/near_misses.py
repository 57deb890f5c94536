"""Near misses that only scans see: a stream samples its own, and it alone looks at them again to label them."""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from domain.detection import DetectConfig
from domain.scope import Scope
from domain.scores import Scorer
from domain.terms import Rejected
from domain.timestamps import NS_PER_S
from trading.marketdata.clock import VirtualClock
from trading.marketdata.view import BookView
from trading.models import OpenEpisode
from trading.services import pipeline
from trading.services.near_misses import NearMissTracker, record_near_miss
from trading.services.scan.connections import Connections

LINGER_NS = 15 * NS_PER_S  # as long as an episode lasts that nobody but scans follows


class ScannedSpells:
    """What a process's scans remember of routes that fall short by little."""

    def __init__(self, config: DetectConfig, scope: Scope) -> None:
        self._scope = scope
        self._open: frozenset[str] = frozenset()
        self._spells = NearMissTracker(config, lambda route_key, at_ns: route_key in self._open, linger_ns=LINGER_NS)

    def sample(
        self, found: Iterable[Rejected], view: BookView, *, config: DetectConfig, score: Scorer, now_ns: int
    ) -> None:
        """Hand every route that has just begun to be near to the models."""
        instant = VirtualClock()
        instant.set(now_ns)
        self._open = frozenset(OpenEpisode.objects.in_scope(self._scope).values_list("route_key", flat=True))
        for one in found:
            miss = pipeline.near_miss(one, view, spells=self._spells, config=config, score=score, clock=instant)
            if miss is not None:
                record_near_miss(miss, scope=self._scope)


_of_process: WeakKeyDictionary[Connections, ScannedSpells] = WeakKeyDictionary()


def process_spells(connections: Connections, config: DetectConfig, scope: Scope) -> ScannedSpells:
    """Return what the scans over these connections, which a process keeps, remember."""
    spells = _of_process.get(connections)
    if spells is None:
        spells = _of_process[connections] = ScannedSpells(config, scope)
    return spells
