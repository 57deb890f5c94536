"""Partitions: which pairs each stream and each scan handles, so that every market is handled once.

Pairs are dealt by their base, because a route joins markets of one base: no route ever lies in two partitions. Bases
are dealt in turn, in the order in which the pairs are named, so that partitions differ by one base at most and the
pairs named first, which move most, are spread. What decisions reckon with beside their own markets is read by whoever
needs it.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from domain.errors import BadInput
from domain.market import Asset, Pair


@dataclass(frozen=True, slots=True)
class Deal:
    """How ``pairs`` are shared among so many partitions, counted from 1. Raises: BadInput where one would be empty."""

    pairs: tuple[Pair, ...]
    count: int

    def __post_init__(self) -> None:
        bases = len(self._bases)
        if self.count < 1 or (self.count > 1 and self.count > bases):
            raise BadInput(f"{self.count} partitions cannot share pairs of {bases} bases: each takes one base at least")

    def index_of(self, pair: Pair) -> int:
        """Return the partition of a pair; the first one takes those that are named no longer."""
        return self._bases.index(pair.base) % self.count + 1 if pair.base in self._bases else 1

    def shares(self) -> tuple["Share", ...]:
        """Return every partition's share."""
        return tuple(Share(self, index) for index in range(1, self.count + 1))

    @property
    def fingerprint(self) -> int:
        """Return what tells this deal from any other, of 31 bits; 0 where one partition has all."""
        if self.count == 1:
            return 0
        text = ",".join([str(self.count), *(pair.symbol for pair in self.pairs)])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % (2**31 - 1) + 1

    @property
    def _bases(self) -> list[Asset]:
        return list(dict.fromkeys(pair.base for pair in self.pairs))


@dataclass(frozen=True, slots=True)
class Share:
    """One partition's part of a deal; without an ``index`` all of it."""

    deal: Deal
    index: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether this is all there is."""
        return self.index is None or self.deal.count == 1

    @property
    def parts(self) -> tuple["Share", ...]:
        """Return the partitions in it."""
        return self.deal.shares() if self.index is None else (self,)

    def __str__(self) -> str:
        return "all pairs" if self.is_whole else f"partition {self.index} of {self.deal.count}"

    def name(self, process: str) -> str:
        """Return what a process of this share is called."""
        return process if self.is_whole else f"{process}-{self.index}"

    def holds(self, pair: Pair) -> bool:
        """Return whether decisions on this pair are ours."""
        return self.is_whole or self.deal.index_of(pair) == self.index

    def holds_route(self, route_key: str) -> bool:
        """Return whether decisions on the route of this key, as kraken:BTC/USD>alpaca:BTC/USD, are ours."""
        return self.is_whole or self.holds(Pair.parse(route_key.partition(">")[0].partition(":")[2]))

    def own(self) -> tuple[Pair, ...]:
        """Return the pairs that are decided on here, in the order in which they are named."""
        return tuple(pair for pair in self.deal.pairs if self.holds(pair))

    def watched(self, natives: Collection[Asset]) -> tuple[Pair, ...]:
        """Return our own pairs and those that are only read, in the order in which they are named.

        Read are the prices of the ``natives``, in which chains take their gas, and of what our own pairs are quoted in.
        """
        read = {*natives, *(pair.quote for pair in self.own())}
        return tuple(pair for pair in self.deal.pairs if self.holds(pair) or pair.base in read)


WHOLE = Share(Deal((), 1))
