"""Which share of the pairs is ours, by the settings, and what it takes to decide on it."""

from collections.abc import Iterable

from django.conf import settings

from domain.market import MarketKey, Pair
from domain.partition import Deal, Share
from trading.services.venues import gas_terms


def deal_now() -> Deal:
    """Return how the pairs of the settings are shared."""
    return Deal(settings.ARB.pairs, settings.ARB.partition.count)


def share_now() -> Share:
    """Return the share that this process is to watch."""
    return Share(deal_now(), settings.ARB.partition.index)


def process_name(kind: str) -> str:
    """Return what this process is called among those of its kind: by its partition, where there are several."""
    return share_now().name(kind)


def watched_pairs(share: Share) -> tuple[Pair, ...]:
    """Return the pairs that are decided on in a share, and those that are read for it."""
    return share.watched({terms.asset for terms in gas_terms().values()})


def only_read(share: Share, markets: Iterable[MarketKey]) -> frozenset[MarketKey]:
    """Return those of the markets on which another partition decides."""
    return frozenset(key for key in markets if not share.holds(key.pair))
