"""Candle files: what is read, and how each way of being broken is named with its line."""

import gzip
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.market import MarketKey, Pair
from tests.recorded import HEADER, START_S, minute, row, write_lines
from trading.services.candles import (
    MalformedFileError,
    check_columns,
    market_named_by,
    market_stated_as,
    read_candles,
)

MARKET = MarketKey("kraken", Pair.parse("BTC/USDC"))


def read(path: Path):
    return read_candles(path, MARKET)


@pytest.mark.parametrize("name", ["kraken_BTC-USDC_1m.csv", "kraken_BTC-USDC_1m.csv.gz"])
def test_candles_are_read_plain_and_compressed(tmp_path, name):
    candles = read(write_lines(tmp_path / name, [row(0, "100.5"), row(2, "101", close="102.25")]))
    assert [candle.minute_s for candle in candles.traded] == [minute(0), minute(2)]
    assert candles.traded[1].close == Decimal("102.25")
    assert (candles.first_s, candles.last_s, candles.price_step) == (minute(0), minute(2), Decimal("0.01"))


def test_compression_is_told_by_content_and_not_by_name(tmp_path):
    path = tmp_path / "kraken_BTC-USDC_1m.csv"
    path.write_bytes(gzip.compress(f"{HEADER}\n{row(0, '100')}\n".encode()))
    assert len(read(path).traded) == 1


def test_a_minute_without_volume_is_no_trade_but_covers_its_time(tmp_path):
    candles = read(write_lines(tmp_path / "a.csv", [row(0, "100"), row(1, "100", volume="0.0")]))
    assert len(candles.traded) == 1
    assert candles.last_s == minute(1)


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{row(0, '100')}\r\n".encode())
    assert len(read(path).traded) == 1


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("", "0 columns|1 columns"),
        ("1678492860,1,1,1,1", "5 columns"),
        ("1678492860,1,1,1,1,1,1", "7 columns"),
        ("1678492861,1,1,1,1,1", "start of a minute"),
        ("1678492860000,1,1,1,1,1", "in seconds"),
        ("2023-03-11 00:01,1,1,1,1,1", "whole seconds"),
        ("-60,1,1,1,1,1", "whole seconds"),
        ("1678492860,NaN,1,1,1,1", "open 'NaN' is not a number"),
        ("1678492860,1,inf,1,1,1", "high 'inf' is not a number"),
        ("1678492860,1,1,1,,1", "close '' is not a number"),
        ("1678492860,1,1,1,1_0,1", "close '1_0' is not a number"),
        ("1678492860,1,1,1,１,1", "close '１' is not a number"),
        ("1678492860,-1,1,1,1,1", "open -1 is not a positive price"),
        ("1678492860,1,1,0,1,1", "low 0 is not a positive price"),
        ("1678492860,1,1,1,1,-2", "volume -2 is negative"),
        ("1678492860,1,1,2,1,1", "high 1 is below low 2"),
        ("1678492860,3,2,1,1,1", "do not lie between"),
        ("1678492860,1,1e40,1,1,1", "beyond what we can reckon with"),
        ("1678492860,1,1,1e-30,1,1", "beyond what we can reckon with"),
        ("1678492860,1,1,1,1,1e999", "volume .* is beyond what we can reckon with"),
        ("4102444740,1,1,1,1,1", "more than a year after 1678492800"),
        ("1678492800,1,1,1,1,1", "there twice"),
        ("1678492740,1,1,1,1,1", "out of order"),
        ("x" * 2_000, "too long"),
    ],
)
def test_a_broken_line_is_named_with_its_file_and_number(tmp_path, broken, said):
    path = write_lines(tmp_path / "a.csv", [row(0, "100"), broken, row(2, "100")])
    with pytest.raises(MalformedFileError, match=said) as caught:
        read(path)
    assert caught.value.line == 3
    assert str(caught.value).startswith(f"{path}, line 3: ")


def test_a_last_line_that_breaks_off_is_not_believed_even_where_it_parses(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{row(0, '100')}\n{row(1, '100', volume='12.5')[:-2]}")
    with pytest.raises(MalformedFileError, match="line 3: it breaks off"):
        read(path)


def test_a_compressed_file_that_breaks_off_is_named_with_the_line_it_breaks_at(tmp_path):
    path = write_lines(tmp_path / "a.csv.gz", [row(number, str(100 + number)) for number in range(5_000)])
    path.write_bytes(path.read_bytes()[:-2_000])
    with pytest.raises(MalformedFileError, match="breaks off or is damaged"):
        read(path)


def test_damaged_compressed_data_are_named(tmp_path):
    path = write_lines(tmp_path / "a.csv.gz", [row(number, str(100 + number)) for number in range(500)])
    damaged = bytearray(path.read_bytes())
    damaged[200:240] = b"\x00" * 40
    path.write_bytes(bytes(damaged))
    with pytest.raises(MalformedFileError):
        read(path)


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER}\n".encode() + b"\xff\xfe\n")
    with pytest.raises(MalformedFileError, match="line 2: it is not text"):
        read(path)


def test_an_empty_file_and_one_without_candles_are_refused(tmp_path):
    empty = tmp_path / "a.csv"
    empty.touch()
    with pytest.raises(MalformedFileError, match="line 1: the file is empty"):
        check_columns(empty)
    with pytest.raises(MalformedFileError, match="holds no candle"):
        read(write_lines(tmp_path / "b.csv", []))


def test_other_columns_are_refused_by_name(tmp_path):
    path = tmp_path / "polygon_univ3_USDC-WETH-500_1m.csv"
    path.write_text("timestamp,netAmount0,netAmount1,closeTick\n2023-08-13 00:00:00,1,2,3\n")
    with pytest.raises(MalformedFileError, match="netAmount0") as caught:
        check_columns(path)
    assert path.name in str(caught.value)


def test_a_missing_file_and_a_folder_are_bad_input(tmp_path):
    with pytest.raises(BadInput, match="there is no file"):
        check_columns(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="is a folder"):
        check_columns(tmp_path)


def test_what_cannot_be_read_as_a_file_is_bad_input_and_waited_for_by_nobody(tmp_path):
    pipe, loop = tmp_path / "pipe.csv", tmp_path / "loop.csv"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    with pytest.raises(BadInput, match="is a pipe"):
        check_columns(pipe)
    with pytest.raises(BadInput, match="symbolic links"):
        check_columns(loop)


def test_the_name_of_a_file_states_its_market():
    named = market_named_by(Path("/data/binanceus_BTC-USD_1m_2023-03-01_12.csv.gz"))
    assert named == MarketKey("binanceus", Pair.parse("BTC/USD"))
    with pytest.raises(BadInput, match="does not state its venue and pair"):
        market_named_by(Path("candles.csv"))


def test_a_market_is_stated_as_venue_and_pair():
    assert market_stated_as("kraken:BTC/USDC") == MARKET
    for text in ("kraken", "kraken:BTC", ":BTC/USDC", "kraken:BTC/", "kraken:BTC/USD/C"):
        with pytest.raises(BadInput, match="does not state a market"):
            market_stated_as(text)


@given(st.binary(max_size=300))
def test_no_bytes_are_believed_by_accident(tmp_path_factory, junk):
    path = tmp_path_factory.mktemp("junk") / "a.csv"
    path.write_bytes(f"{HEADER}\n{START_S},1,1,1,1,1\n".encode() + junk)
    try:
        candles = read(path)
    except MalformedFileError:
        return
    assert all(one.low <= min(one.open, one.close) for one in candles.traded)
