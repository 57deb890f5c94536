"""A scan's share of the pairs: whose turn it is, what it looks at, and which of it streams watch."""

from collections.abc import Iterator
from contextlib import contextmanager

from domain.market import MarketKey
from domain.partition import Share
from domain.scope import Scope
from ops.locks import advisory, is_held
from trading.services.partitions import watched_pairs
from trading.services.reference.known import known_reference
from trading.services.reference.terms import Reference
from trading.services.stream.watch_lock import name_of


@contextmanager
def turn(scope: Scope, share: Share) -> Iterator[bool]:
    """Yield whether no other scan is at these routes: scans of partitions bear each other, and none of all pairs."""
    with advisory(f"scan:{scope}", shared=not share.is_whole) as may_scan:
        if not may_scan or share.is_whole:
            yield may_scan
            return
        with advisory(f"scan:{scope}:{share.index}") as is_ours:
            yield is_ours


def known_of(share: Share, scope: Scope) -> Reference:
    """Return the markets that were stated of those that a share decides on or reads."""
    known = known_reference(scope)
    if share.is_whole:
        return known
    wanted = frozenset(watched_pairs(share))
    listed = {venue: [pair for pair in pairs if pair in wanted] for venue, pairs in known.pairs.items()}
    return Reference.of(
        {venue: {pair: known.lots[MarketKey(venue, pair)] for pair in pairs} for venue, pairs in listed.items()}
    )


def watched_parts(scope: Scope, share: Share) -> frozenset[int]:
    """Return which partitions of a share streams watch; one of all pairs watches each."""
    numbered = {index: part for index, part in enumerate(share.deal.shares(), start=1) if part in share.parts}
    if is_held(name_of(scope)):
        return frozenset(numbered)
    if share.deal.count == 1:
        return frozenset()
    return frozenset(index for index, part in numbered.items() if is_held(name_of(scope, part)))
