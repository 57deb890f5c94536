"""Book streams as Kraken would write them, made up: any precision, any depth, and what is pushed out never told.

Nothing here uses the code under test: the checksum is written down once more from Kraken's guide.
"""

import json
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

INSTANT = "2023-11-14T22:13:20.000000Z"
NOW_NS = 1_700_000_000 * 10**9  # that instant

Side = dict[int, int]  # price in ticks -> quantity in lots


@dataclass(frozen=True)
class Shape:
    """How a symbol is quoted: decimals of its prices and quantities, its middle price in ticks, the depth asked for."""

    price_decimals: int
    quantity_decimals: int
    middle: int
    depth: int


def written(number: int, decimals: int) -> str:
    """Return a number of units of the last decimal place with all its decimals."""
    digits = str(number).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def checksum_of(asks: list[tuple[str, str]], bids: list[tuple[str, str]]) -> int:
    """Return the CRC32 of ten levels of either side, best first, without points and leading zeros."""
    tokens = [token for level in (*asks[:10], *bids[:10]) for token in level]
    return crc32("".join(token.replace(".", "").lstrip("0") for token in tokens).encode())


@dataclass
class Market:
    """The true book of one symbol, deeper than anybody is shown."""

    shape: Shape
    rng: Random
    bids: Side = field(default_factory=dict)
    asks: Side = field(default_factory=dict)

    def __post_init__(self) -> None:
        for step in range(1, self.shape.depth + self.rng.randrange(3, 30)):
            self.bids[self.shape.middle - step * self.rng.randrange(1, 3)] = self._quantity()
            self.asks[self.shape.middle + step * self.rng.randrange(1, 3)] = self._quantity()

    def snapshot(self) -> str:
        """Return the frame that begins the stream."""
        return self._frame("snapshot", self._window(self.bids, -1), self._window(self.asks, 1))

    def update(self) -> str:
        """Let the book change and return the frame that tells of it."""
        told = []
        for side, sign in ((self.bids, -1), (self.asks, 1)):
            before = dict(self._window(side, sign))
            for _ in range(self.rng.choice((0, 0, 1, 1, 1, 2, 3, 8))):
                self._change(side, sign)
            after = dict(self._window(side, sign))
            gone = [(price, 0) for price in before if price not in after and price not in side]
            told.append(gone + [(price, size) for price, size in after.items() if before.get(price) != size])
            self.rng.shuffle(told[-1])
        return self._frame("update", *told)

    def levels(self, side: Side, sign: int) -> list[tuple[str, str]]:
        """Return the window of one side as written."""
        return [self._level(level) for level in self._window(side, sign)]

    def _window(self, side: Side, sign: int) -> list[tuple[int, int]]:
        return sorted(side.items(), key=lambda level: sign * level[0])[: self.shape.depth]

    def _change(self, side: Side, sign: int) -> None:
        prices = sorted(side, key=lambda price: sign * price)
        near = prices[min(int(self.rng.expovariate(0.3)), len(prices) - 1)]
        kind = self.rng.random()
        if kind < 0.35 and len(side) > 3:
            del side[near]
        elif kind < 0.6:
            side[near] = self._quantity()
        else:
            better = near - sign * self.rng.randrange(1, 4)
            if (better - self.shape.middle) * sign > 0:
                side[better] = self._quantity()

    def _quantity(self) -> int:
        """Return round ones, tiny ones and huge ones as well."""
        one = 10**self.shape.quantity_decimals
        return self.rng.choice((1, 10, one, 25 * one, self.rng.randrange(1, 10 * one + 1), 123_456 * one + 10))

    def _level(self, level: tuple[int, int]) -> tuple[str, str]:
        price, quantity = level
        size = written(quantity, self.shape.quantity_decimals) if quantity else self.rng.choice(("0", "0.00000000"))
        return written(price, self.shape.price_decimals), size

    def _frame(self, kind: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> str:
        sides = [
            ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in map(self._level, side))
            for side in (bids, asks)
        ]
        checksum = checksum_of(self.levels(self.asks, 1), self.levels(self.bids, -1))
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{sides[0]}],'
            f'"asks":[{sides[1]}],"checksum":{checksum},"timestamp":"{INSTANT}"}}]}}'
        )


class Follower:
    """A client as simple as can be: dictionaries of the strings as sent, cut to the depth."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._sides: dict[str, dict[float, tuple[str, str]]] = {"bids": {}, "asks": {}}

    def take(self, frame: str) -> bool:
        """Take a frame and return whether it can be read and its checksum is met."""
        try:
            (row,) = json.loads(frame, parse_float=str, parse_int=str)["data"]
        except ValueError:
            return False
        for name, side in self._sides.items():
            for level in row[name]:
                side[float(level["price"])] = (level["price"], level["qty"])
            kept = sorted((price for price in side if float(side[price][1])), reverse=name == "bids")[: self._depth]
            self._sides[name] = {price: side[price] for price in kept}
        asks, bids = (list(self._sides[name].values()) for name in ("asks", "bids"))
        return checksum_of(asks, bids) == int(row["checksum"])
