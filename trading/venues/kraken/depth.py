"""Kraken's Depth answers, typed in one pass: numbers stay the exact texts sent until a level is used.

Source: docs.kraken.com, REST ``Depth``: ``[price, volume, timestamp]`` rows, best first.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Generic, TypeVar

import msgspec

from domain.errors import BadMarketData
from domain.market import Book, Clock, Level, Pair
from trading.venues.exact import plain_digits
from trading.venues.kraken.wire import raise_for_errors, rest_symbol
from trading.venues.rest import RestClient

Number = TypeVar("Number", str, Decimal)

_new_level = partial(tuple.__new__, Level)  # what Level(...) does, without its keywords: a look makes thousands
_USUAL = re.compile(r"(?:\d{1,18}(?:\.\d{1,18})? )+", re.ASCII)


class Row(msgspec.Struct, Generic[Number], frozen=True, array_like=True, gc=False):
    """One level as sent; the second of its last change, which comes third, is left out."""

    price: Number
    quantity: Number


class Depth(msgspec.Struct, Generic[Number], frozen=True):
    """Both sides of one book as sent, best first."""

    asks: list[Row[Number]]
    bids: list[Row[Number]]


class DepthAnswer(msgspec.Struct, Generic[Number], frozen=True):
    """What Kraken answered: errors, or the depth of what was asked for by the name Kraken gives it."""

    error: list[str]
    result: dict[str, Depth[Number]] = {}

    @property
    def depth(self) -> Depth[Number]:
        """Return the one depth. Raises: BadMarketData."""
        if len(self.result) != 1:
            raise BadMarketData("malformed", "Depth answers for one pair")
        (depth,) = self.result.values()
        return depth


@dataclass(frozen=True, slots=True)
class RawBook:
    """A book as sent; its instants are when we asked, the earliest it can be of."""

    venue: str
    pair: Pair
    depth: Depth[str]
    asked_at_ns: int
    seq: int

    def book(self, count: int) -> Book:
        """Return its first ``count`` levels of either side. Raises: BadMarketData."""
        bids, asks = levels_of(self.depth.bids, count), levels_of(self.depth.asks, count)
        return Book(self.venue, self.pair, bids, asks, self.asked_at_ns, self.asked_at_ns, self.seq)


_TEXTS = msgspec.json.Decoder(DepthAnswer[str])
_DECIMALS = msgspec.json.Decoder(DepthAnswer[Decimal])


async def ask_depth(
    client: RestClient, pair: Pair, *, venue: str, count: int, clock: Clock, seq: Iterator[int]
) -> RawBook:
    """Return up to ``count`` levels of either side as of now. Raises: BadMarketData, Refused, Unreachable."""
    asked_at_ns = clock.now_ns()
    answer = read_depth(await client.read("/0/public/Depth", {"pair": rest_symbol(pair), "count": str(count)}))
    raise_for_errors(answer.error)
    return RawBook(venue, pair, answer.depth, asked_at_ns, next(seq))


def read_depth(body: bytes) -> DepthAnswer[str]:
    """Return the answer in ``body`` with every number as its exact text. Raises: BadMarketData."""
    return _decoded(_TEXTS, body)


def read_depth_in_decimals(body: bytes) -> DepthAnswer[Decimal]:
    """Return the answer in ``body`` with all its numbers converted, for whoever walks every level.

    Numbers may be odd (NaN): ``domain.book.validate`` tells. Raises: BadMarketData.
    """
    return _decoded(_DECIMALS, body)


def levels_of(rows: Sequence[Row[str]], count: int) -> tuple[Level, ...]:
    """Return the first ``count`` rows as levels. Raises: BadMarketData for a text that is no plain number."""
    used = rows[:count]
    prices, quantities = [row.price for row in used], [row.quantity for row in used]
    joined = " ".join((*prices, *quantities, ""))
    if not _USUAL.fullmatch(joined) or joined.count(" ") != 2 * len(used):  # an odd one among them is found and told
        prices, quantities = list(map(plain_digits, prices)), list(map(plain_digits, quantities))
    return tuple(map(_new_level, zip(map(Decimal, prices), map(Decimal, quantities), strict=True)))


def _decoded(decoder: "msgspec.json.Decoder[DepthAnswer[Number]]", body: bytes) -> DepthAnswer[Number]:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise BadMarketData("malformed", str(error)[:80]) from None
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise BadMarketData("not_json", str(error)[:80]) from None
