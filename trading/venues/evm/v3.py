"""Concentrated-liquidity pools: price, liquidity and the map of ticks, read at a block and kept by events.

Source: v3-core, UniswapV3Pool (slot0, liquidity, ticks), Tick.update, TickBitmap.position and flipTick.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from domain.errors import BadMarketData
from domain.market import Pair
from domain.money import DOWN
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.multicall import Packed, Read, pack, read_all
from trading.venues.evm.rpc import Rpc
from trading.venues.evm.wire import (
    LIQUIDITY,
    MAX_TICK,
    SLOT0,
    TICK_BITMAP,
    TICKS,
    LiquidityMoved,
    Swapped,
    liquidity_of,
    signed,
    sqrt_price_of,
    tick_of,
    word,
    words,
)
from trading.venues.identity import Pool

_Q192 = 1 << 192
V = TypeVar("V")


class Tick(NamedTuple):
    """What happens to liquidity where the price crosses a tick upwards: ``net`` is added; ``gross`` counts users."""

    gross: int
    net: int


@dataclass(frozen=True, slots=True)
class Curve:
    """All that a V3 pool's swaps depend on; ``bitmap`` says by words of 256 which ticks are in ``ticks``."""

    sqrt_price_x96: int
    tick: int
    liquidity: int
    tick_spacing: int
    bitmap: Mapping[int, int]
    ticks: Mapping[int, Tick]

    @property
    def is_whole(self) -> bool:
        """Whether the ticks below the price add up to its liquidity."""
        return sum(tick.net for place, tick in self.ticks.items() if place <= self.tick) == self.liquidity


@dataclass(frozen=True, slots=True)
class V3State:
    """A V3 pool at one block, seen as a market of its pair; shown, and not yet traded."""

    pool: Pool
    curve: Curve
    block: Block
    gas_price_wei: int
    venue_at_ns: int
    seen_at_ns: int

    @property
    def venue(self) -> str:
        """Return the pool's venue."""
        return self.pool.venue

    @property
    def pair(self) -> Pair:
        """Return the pool's pair."""
        return self.pool.pair

    @property
    def price(self) -> Decimal:
        """Return the price before fees, quote per base, to 40 digits."""
        base, quote = self.pool.base.decimals, self.pool.quote.decimals
        square = self.curve.sqrt_price_x96**2
        if self.pool.base_is_token0:
            return DOWN.divide(Decimal(square * 10**base), Decimal(_Q192 * 10**quote))
        return DOWN.divide(Decimal(_Q192 * 10**base), Decimal(square * 10**quote))


class Spot(NamedTuple):
    """The part of a curve that every swap changes."""

    sqrt_price_x96: int
    tick: int
    liquidity: int


def spot_of(curve: Curve) -> Spot:
    """Return the part of ``curve`` that every swap changes."""
    return Spot(curve.sqrt_price_x96, curve.tick, curve.liquidity)


def pack_spots(multicall3: str, pools: Sequence[Pool]) -> Packed:
    """Return the requests that read every pool's price and liquidity."""
    return pack(multicall3, [Read(pool.address, data) for pool in pools for data in (SLOT0, LIQUIDITY)])


async def read_spots(rpc: Rpc, packed: Packed, pools: Sequence[Pool], *, at: Block) -> dict[str, Spot]:
    """Return price and liquidity of every pool by its address in small letters.

    Raises: Refused, Unreachable; BadMarketData if a pool does not tell them or nobody has set its price.
    """
    answers = iter(await read_all(rpc, packed, at=at))
    return {pool.address.lower(): _spot(pool, slot0, next(answers)) for pool, slot0 in zip(pools, answers, strict=True)}


def _spot(pool: Pool, slot0: bytes | None, liquidity: bytes | None) -> Spot:
    price, tick = words(_told(pool, slot0), 2)
    if price == 0:
        raise BadMarketData("empty", f"{pool} has no price yet")
    return Spot(sqrt_price_of(price), tick_of(tick), liquidity_of(words(_told(pool, liquidity), 1)[0]))


def _told(pool: Pool, data: bytes | None) -> bytes:
    if data is None:
        raise BadMarketData("reverted", f"{pool} does not tell its state")
    return data


async def read_curve(rpc: Rpc, multicall3: str, pool: Pool, *, tick_spacing: int, at: Block) -> Curve:
    """Return the whole state of a pool. Raises: Refused, Unreachable, BadMarketData."""
    spots = await read_spots(rpc, pack_spots(multicall3, [pool]), [pool], at=at)
    bitmap = await _read_bitmap(rpc, multicall3, pool, tick_spacing, at)
    places = [
        ((position << 8) + bit) * tick_spacing
        for position, bits in bitmap.items()
        for bit in range(256)
        if bits >> bit & 1
    ]
    ticks = await _read_ticks(rpc, multicall3, pool, places, at)
    spot = spots[pool.address.lower()]
    return Curve(spot.sqrt_price_x96, spot.tick, spot.liquidity, tick_spacing, _frozen(bitmap), _frozen(ticks))


async def _read_bitmap(rpc: Rpc, multicall3: str, pool: Pool, spacing: int, at: Block) -> dict[int, int]:
    furthest = MAX_TICK // spacing
    positions = range(-furthest >> 8, (furthest >> 8) + 1)
    reads = [Read(pool.address, TICK_BITMAP + word(position)) for position in positions]
    answers = await read_all(rpc, pack(multicall3, reads), at=at)
    found = {place: words(_told(pool, data), 1)[0] for place, data in zip(positions, answers, strict=True)}
    return {place: bits for place, bits in found.items() if bits}


async def _read_ticks(rpc: Rpc, multicall3: str, pool: Pool, places: Sequence[int], at: Block) -> dict[int, Tick]:
    reads = [Read(pool.address, TICKS + word(place)) for place in places]
    answers = await read_all(rpc, pack(multicall3, reads), at=at)
    return {place: _tick(_told(pool, data)) for place, data in zip(places, answers, strict=True)}


def _tick(data: bytes) -> Tick:
    gross, net = words(data, 2)
    return Tick(liquidity_of(gross), signed(net))


def after(curve: Curve, event: Swapped | LiquidityMoved) -> Curve:
    """Return the curve after an event. Raises: BadMarketData ``torn`` if it cannot follow."""
    if isinstance(event, Swapped):
        return replace(
            curve, sqrt_price_x96=event.sqrt_price_x96, tick=event.tick, liquidity=liquidity_of(event.liquidity)
        )
    if event.amount == 0:
        return curve
    ticks, bitmap = dict(curve.ticks), dict(curve.bitmap)
    for place, net in ((event.lower, event.amount), (event.upper, -event.amount)):
        _move_tick(ticks, bitmap, place, event.amount, net, curve.tick_spacing)
    is_within = event.lower <= curve.tick < event.upper
    liquidity = curve.liquidity + event.amount if is_within else curve.liquidity
    if liquidity < 0:
        raise BadMarketData("torn", "more liquidity taken out than was there")
    return replace(curve, liquidity=liquidity, ticks=_frozen(ticks), bitmap=_frozen(bitmap))


def _move_tick(ticks: dict[int, Tick], bitmap: dict[int, int], place: int, amount: int, net: int, spacing: int) -> None:
    was = ticks.get(place, Tick(0, 0))
    now = Tick(was.gross + amount, was.net + net)
    if now.gross < 0 or place % spacing:
        raise BadMarketData("torn", f"tick {place} cannot hold a liquidity of {now.gross}")
    if now.gross:
        ticks[place] = now
    else:
        ticks.pop(place, None)
    if bool(was.gross) != bool(now.gross):
        _flip(bitmap, place // spacing)


def _flip(bitmap: dict[int, int], compressed: int) -> None:
    bits = bitmap.get(compressed >> 8, 0) ^ (1 << (compressed & 255))
    if bits:
        bitmap[compressed >> 8] = bits
    else:
        bitmap.pop(compressed >> 8, None)


def _frozen(mapping: dict[int, V]) -> Mapping[int, V]:
    return MappingProxyType(mapping)
