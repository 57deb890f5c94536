"""One-minute candles read from files, gz or plain: every line is checked before anything is done with any.

A file has the columns ``timestamp,open,high,low,close,volume``: UTC seconds at the minute's start, prices in quote per
base, volume in base. Minutes only ever go forward; one that is absent, or has no volume, saw no trade. Its name states
venue and pair: ``kraken_BTC-USDC_1m_2023-03-01.csv.gz``.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, NamedTuple

from domain.errors import ArbError, BadInput
from domain.market import MarketKey, Pair

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
MINUTE_S = 60
ANY_ORIGIN_S = 1_230_768_000  # 2009: no market is older
END_OF_TIME_S = 4_102_444_800  # 2100: beyond it are milliseconds, mistaken for seconds
MAX_GAP_S = 366 * 86_400  # a longer silence is a mistyped minute: every minute of it would be lived through
MAX_LINE = 1_000  # characters; a longer line is no candle, whatever it is

_NAME = re.compile(r"(?P<venue>[a-z0-9]{1,32})_(?P<base>[A-Z0-9.]{1,15})-(?P<quote>[A-Z0-9.]{1,15})(_.*)?\.csv(\.gz)?")
_STATED = re.compile(r"(?P<venue>[a-z0-9]{1,32}):(?P<symbol>[A-Z0-9.]{1,15}/[A-Z0-9.]{1,15})")
_INTEGER = re.compile(r"[0-9]{1,15}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_GZIP_MAGIC = b"\x1f\x8b"
_LEAST_EXPONENT, _MAX_PRICE = -18, Decimal("1e18")  # what a money column holds


class MalformedFileError(ArbError):
    """A file that cannot be believed; the message names it, the line, and what is wrong there."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")
        self.path, self.line, self.reason = path, line, reason


class Candle(NamedTuple):
    """What was traded in one minute: the first and last price, the extremes, and how much."""

    minute_s: int  # UTC seconds at the minute's start
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Candles:
    """One market's candles in order, without the minutes that saw no trade, and the span that the file covers."""

    market: MarketKey
    traded: tuple[Candle, ...]
    first_s: int  # the file's first minute, with or without a trade
    last_s: int
    price_step: Decimal  # the finest step that a price in the file shows


def market_named_by(path: Path) -> MarketKey:
    """Return the venue and pair that a file's name states. Raises: BadInput."""
    named = _NAME.fullmatch(path.name)
    if named is None:
        raise BadInput(
            f"{path.name} does not state its venue and pair: name it <venue>_<BASE-QUOTE>_*.csv[.gz] or say --as"
        )
    return MarketKey(named["venue"], Pair.parse(f"{named['base']}/{named['quote']}"))


def market_stated_as(text: str) -> MarketKey:
    """Return the venue and pair that ``kraken:BTC/USDC`` states. Raises: BadInput."""
    stated = _STATED.fullmatch(text)
    if stated is None:
        raise BadInput(f"{text!r} does not state a market: write it as kraken:BTC/USDC")
    return MarketKey(stated["venue"], Pair.parse(stated["symbol"]))


def check_columns(path: Path) -> None:
    """Raise MalformedFileError unless the first line names our columns, BadInput if the file cannot be opened."""
    with _lines_of(path) as lines:
        _check_header(path, lines)


def read_candles(path: Path, market: MarketKey) -> Candles:
    """Return every candle of a file. Raises: MalformedFileError at the first line that cannot be believed."""
    traded: list[Candle] = []
    first_s = last_s = 0
    least_exponent = 0
    with _lines_of(path) as lines:
        _check_header(path, lines)
        for number, line in lines:
            candle = _parse(path, number, line)
            _check_order(path, number, candle.minute_s, last_s)
            first_s, last_s = first_s or candle.minute_s, candle.minute_s
            if candle.volume > 0:
                traded.append(candle)
                least_exponent = min(least_exponent, _exponent(candle))
    if not first_s:
        raise MalformedFileError(path, 1, "it holds no candle, only the column names")
    return Candles(market, tuple(traded), first_s, last_s, Decimal(1).scaleb(least_exponent))


@contextmanager
def _lines_of(path: Path) -> Iterator[Iterator[tuple[int, str]]]:
    """Open a file, by its content gz or plain, as numbered lines without their ends."""
    try:
        if path.is_fifo():
            raise BadInput(f"{path} is a pipe: a replay reads its files more than once")
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            with gzip.open(raw) if is_gzip else raw as stream:
                yield _numbered(path, stream)
    except FileNotFoundError:
        raise BadInput(f"there is no file {path}") from None
    except IsADirectoryError:
        raise BadInput(f"{path} is a folder: name the files") from None
    except PermissionError:
        raise BadInput(f"{path} may not be read by this user") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None


def _numbered(path: Path, stream: IO[bytes] | gzip.GzipFile) -> Iterator[tuple[int, str]]:
    number = 0
    while True:
        number += 1
        try:
            raw = stream.readline(MAX_LINE)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise MalformedFileError(path, number, f"the compressed data breaks off or is damaged ({error})") from None
        if not raw:
            return
        yield number, _text(path, number, raw)


def _text(path: Path, number: int, raw: bytes) -> str:
    if not raw.endswith(b"\n"):
        reason = "it is too long" if len(raw) == MAX_LINE else "it breaks off: the line end is missing"
        raise MalformedFileError(path, number, reason)
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise MalformedFileError(path, number, "it is not text") from None


def _check_header(path: Path, lines: Iterator[tuple[int, str]]) -> None:
    _, header = next(lines, (0, None))
    if header is None:
        raise MalformedFileError(path, 1, "the file is empty")
    if tuple(header.split(",")) != COLUMNS:
        raise MalformedFileError(path, 1, f"the columns are {header[:200]!r}; candles have {','.join(COLUMNS)!r}")


def _check_order(path: Path, number: int, minute_s: int, last_s: int) -> None:
    if minute_s == last_s:
        raise MalformedFileError(path, number, f"minute {minute_s} is there twice")
    if minute_s < last_s:
        raise MalformedFileError(path, number, f"minute {minute_s} comes after {last_s}: the lines are out of order")
    if last_s and minute_s - last_s > MAX_GAP_S:
        raise MalformedFileError(path, number, f"minute {minute_s} comes more than a year after {last_s}")


def _parse(path: Path, number: int, line: str) -> Candle:
    fields = line.split(",")
    if len(fields) != len(COLUMNS):
        raise MalformedFileError(path, number, f"it has {len(fields)} columns, not {len(COLUMNS)}: {line[:200]!r}")
    fault = _fault_in(fields)
    if fault:
        raise MalformedFileError(path, number, fault)
    candle = Candle(int(fields[0]), *map(Decimal, fields[1:]))
    fault = _minute_fault(candle.minute_s) or _price_fault(candle)
    if fault:
        raise MalformedFileError(path, number, fault)
    return candle


def _fault_in(fields: list[str]) -> str | None:
    if not _INTEGER.fullmatch(fields[0]):
        return f"timestamp {fields[0]!r} is not whole seconds"
    for name, text in zip(COLUMNS[1:], fields[1:], strict=True):
        if not _NUMBER.fullmatch(text):
            return f"{name} {text!r} is not a number"
    return None


def _minute_fault(minute_s: int) -> str | None:
    if minute_s % MINUTE_S:
        return f"timestamp {minute_s} is not the start of a minute"
    if not ANY_ORIGIN_S <= minute_s < END_OF_TIME_S:
        return f"timestamp {minute_s} is not in seconds since 1970, from 2009 to 2099"
    return None


def _price_fault(candle: Candle) -> str | None:
    for name, price in zip(COLUMNS[1:5], candle[1:5], strict=True):
        if price <= 0:
            return f"{name} {price} is not a positive price"
        if price >= _MAX_PRICE or _exponent_of(price) < _LEAST_EXPONENT:
            return f"{name} {price} is beyond what we can reckon with"
    if not 0 <= candle.volume < _MAX_PRICE:
        return f"volume {candle.volume} is {'negative' if candle.volume < 0 else 'beyond what we can reckon with'}"
    if candle.high < candle.low:
        return f"high {candle.high} is below low {candle.low}"
    if not (candle.low <= candle.open <= candle.high and candle.low <= candle.close <= candle.high):
        return f"open {candle.open} and close {candle.close} do not lie between low {candle.low} and high {candle.high}"
    return None


def _exponent(candle: Candle) -> int:
    return min(_exponent_of(price) for price in candle[1:5])


def _exponent_of(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    assert isinstance(exponent, int)  # the pattern lets only finite numbers pass
    return exponent
