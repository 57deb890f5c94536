"""What a watch remembers of the edges it looked at again: the past that the next decision on their route is told of."""

from collections.abc import Sequence

from domain.background import Background
from domain.money import to_float
from domain.timestamps import NS_PER_MS
from trading.services.edges import EdgeLeft, Watched, at_delay


def remember_edge(background: Background, watched: Watched, left: Sequence[EdgeLeft]) -> None:
    """Let what was left of an edge at the trading delay enter its route's past, from its last look on.

    Where a market was not known then, nothing is learnt of it; a near miss had no edge.
    """
    look = at_delay(left)
    if look.net_bps is not None and not watched.is_near_miss:
        known_at_ns = watched.decided_at_ns + left[-1].offset_ms * NS_PER_MS
        background.note_edge(watched.route.key, to_float(look.net_bps), at_ns=known_at_ns)
