"""What contracts answer and log, as typed values: 32-byte words, the calls that pools take, the events they write.

Source: the Solidity ABI specification; v2-core UniswapV2Pair, v3-core IUniswapV3PoolEvents and TickMath.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from eth_hash.auto import keccak

from domain.errors import BadMarketData

WORD = 32


def selector(signature: str) -> bytes:
    """Return the four bytes that begin a call of ``decimals()``."""
    return bytes(keccak(signature.encode())[:4])


def topic(signature: str) -> int:
    """Return the number that marks every event ``Sync(uint112,uint112)``."""
    return int.from_bytes(keccak(signature.encode()), "big")


GET_RESERVES = selector("getReserves()")
TOKEN0 = selector("token0()")
TOKEN1 = selector("token1()")
FACTORY = selector("factory()")
DECIMALS = selector("decimals()")
FEE = selector("fee()")
TICK_SPACING = selector("tickSpacing()")
SLOT0 = selector("slot0()")
LIQUIDITY = selector("liquidity()")
TICK_BITMAP = selector("tickBitmap(int16)")
TICKS = selector("ticks(int24)")
GET_PAIR = selector("getPair(address,address)")
GET_POOL = selector("getPool(address,address,uint24)")
AGGREGATE3 = selector("aggregate3((address,bool,bytes)[])")

SYNC = topic("Sync(uint112,uint112)")
V3_SWAP = topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
V3_MINT = topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
V3_BURN = topic("Burn(address,int24,int24,uint128,uint256,uint256)")
TOPICS = (SYNC, V3_SWAP, V3_MINT, V3_BURN)

MIN_TICK, MAX_TICK = -887272, 887272
MIN_SQRT_PRICE, MAX_SQRT_PRICE = 4295128739, 1461446703485210103287273052203988822378723970342
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_MAX_UINT112, _MAX_UINT128 = 2**112 - 1, 2**128 - 1


def word(value: int) -> bytes:
    """Return a number as the ABI writes it, negative ones as two's complement."""
    return (value % 2**256).to_bytes(WORD, "big")


def address_word(address: str) -> bytes:
    """Return an address as an argument."""
    return bytes(12) + bytes.fromhex(address[2:])


def quantity(text: object) -> int:
    """Return the number that JSON-RPC writes as 0x1f. Raises: BadMarketData."""
    if isinstance(text, str) and _QUANTITY.fullmatch(text):
        return int(text, 16)
    raise BadMarketData("not_a_number", repr(text)[:40])


def raw(text: object) -> bytes:
    """Return the bytes that JSON-RPC writes as 0x00ff. Raises: BadMarketData."""
    try:
        if isinstance(text, str) and text.startswith("0x"):
            found = bytes.fromhex(text[2:])
            if 2 * len(found) == len(text) - 2:  # fromhex passes over spaces
                return found
    except ValueError:
        pass
    raise BadMarketData("malformed", f"no bytes: {text!r}"[:60])


def words(data: bytes, count: int) -> tuple[int, ...]:
    """Return the first ``count`` words of what a contract returned. Raises: BadMarketData truncated."""
    if len(data) < count * WORD:
        raise BadMarketData("truncated", f"{len(data)} bytes instead of {count * WORD}")
    return tuple(int.from_bytes(data[at : at + WORD], "big") for at in range(0, count * WORD, WORD))


def signed(value: int) -> int:
    """Return a word read as two's complement."""
    return value - 2**256 if value >> 255 else value


def address_of(value: int) -> str:
    """Return a word read as an address, in small letters. Raises: BadMarketData."""
    if value >> 160:
        raise BadMarketData("malformed", "a word that should hold an address holds more")
    return f"0x{value:040x}"


def tick_of(value: int) -> int:
    """Return a word read as a tick. Raises: BadMarketData."""
    tick = signed(value)
    if not MIN_TICK <= tick <= MAX_TICK:
        raise BadMarketData("out_of_range", f"tick {tick}")
    return tick


def sqrt_price_of(value: int) -> int:
    """Return a word read as a V3 price. Raises: BadMarketData."""
    if not MIN_SQRT_PRICE <= value < MAX_SQRT_PRICE:
        raise BadMarketData("out_of_range", f"square root of a price {value}")
    return value


def liquidity_of(value: int) -> int:
    """Return a word read as V3 liquidity. Raises: BadMarketData."""
    if value > _MAX_UINT128:
        raise BadMarketData("out_of_range", f"liquidity {value}")
    return value


def reserves_of(data: bytes) -> tuple[int, int]:
    """Return the reserves of token0 and token1 that getReserves or a Sync event tells. Raises: BadMarketData."""
    first, second = words(data, 2)
    if first > _MAX_UINT112 or second > _MAX_UINT112:
        raise BadMarketData("out_of_range", "a reserve of more than 112 bits")
    return first, second


class Log(NamedTuple):
    """One event as a node tells it; the address is in small letters."""

    place: int  # in the block
    address: str
    topics: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Synced:
    """A V2 pool's reserves after a change."""

    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class Swapped:
    """A V3 pool's price and liquidity after a swap."""

    sqrt_price_x96: int
    liquidity: int
    tick: int


@dataclass(frozen=True, slots=True)
class LiquidityMoved:
    """Liquidity put into a V3 pool between two ticks, or taken out: then ``amount`` is negative."""

    lower: int
    upper: int
    amount: int


Event: TypeAlias = Synced | Swapped | LiquidityMoved


def parse_logs(rows: object, *, block_hash: str) -> tuple[Log, ...]:
    """Return the logs of one block in their order. Raises: BadMarketData, also for a log of another block."""
    if not isinstance(rows, list):
        raise BadMarketData("malformed", "logs are not a list")
    logs = sorted(_log(row, block_hash) for row in rows)
    if any(log.place == after.place for log, after in pairwise(logs)):
        raise BadMarketData("malformed", "two logs of one index")
    return tuple(logs)


def _log(row: Any, block_hash: str) -> Log:
    try:
        told_hash, topics, is_removed = row["blockHash"], row["topics"], row.get("removed", False)
        log = Log(quantity(row["logIndex"]), str(row["address"]).lower(), _topics(topics), raw(row["data"]))
    except (TypeError, KeyError, AttributeError) as error:
        raise BadMarketData("malformed", f"a log without {error}") from None
    if told_hash != block_hash or is_removed:
        raise BadMarketData("torn", f"a log of block {told_hash} among those of {block_hash}")
    return log


def _topics(texts: Iterable[object]) -> tuple[int, ...]:
    return tuple(quantity(text) for text in texts)


def event_of(log: Log) -> Event | None:
    """Return what a log tells of a pool's state; None for any other event. Raises: BadMarketData."""
    kind = log.topics[0] if log.topics else None
    if kind == SYNC:
        return Synced(*reserves_of(log.data))
    if kind == V3_SWAP:
        _, _, price, liquidity, tick = words(log.data, 5)
        return Swapped(sqrt_price_of(price), liquidity_of(liquidity), tick_of(tick))
    if kind == V3_MINT:
        return _moved(log, words(log.data, 2)[1])
    return _moved(log, -words(log.data, 1)[0]) if kind == V3_BURN else None


def _moved(log: Log, amount: int) -> LiquidityMoved:
    if len(log.topics) != 4:
        raise BadMarketData("malformed", f"{len(log.topics)} topics instead of 4")
    lower, upper = tick_of(log.topics[2]), tick_of(log.topics[3])
    if lower >= upper:
        raise BadMarketData("malformed", f"ticks {lower} and {upper} in the wrong order")
    return LiquidityMoved(lower, upper, liquidity_of(amount) if amount > 0 else -liquidity_of(-amount))
