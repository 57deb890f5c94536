"""Small candle files, one line each, for tests that replay them."""

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

from trading.services.candles import COLUMNS

START_S = 1_678_492_800  # 2023-03-11 00:00 UTC
HEADER = ",".join(COLUMNS)


def minute(number: int) -> int:
    """Return the UTC seconds at the start of a minute, counted from the first."""
    return START_S + 60 * number


def row(number: int, price: str, *, close: str | None = None, volume: str = "1") -> str:
    """Return one candle that opens at ``price`` and closes there or at ``close``."""
    low, high = sorted((price, close or price), key=float)
    return f"{minute(number)},{price},{high},{low},{close or price},{volume}"


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write the column names and these lines; compressed where the name says so."""
    text = "".join(f"{line}\n" for line in (HEADER, *lines)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_candles(
    folder: Path, venue: str, prices: Mapping[int, str | tuple[str, str]], *, pair: str = "BTC-USDC"
) -> Path:
    """Write a file of one candle per given minute: a price, or an open and a close."""
    opened_closed = {at: (price, price) if isinstance(price, str) else price for at, price in prices.items()}
    rows = [row(at, opened, close=closed) for at, (opened, closed) in opened_closed.items()]
    return write_lines(folder / f"{venue}_{pair}_1m_test.csv", rows)
