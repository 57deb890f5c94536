import zlib
from dataclasses import replace
from decimal import Decimal

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.features import FeatureContext
from domain.market import Asset, Book, Level, Pair
from tests.domain.pools import pools
from tests.fakes import BTC_USD, MS, NOW_NS, book, pool
from trading.services.recording.pages import (
    HEADER_AT,
    VERSION,
    Learnt,
    MalformedPageError,
    PageEncoder,
    Seen,
    VenueShare,
    decode_page,
    shares_of,
)

POOL_PAIR = Pair(Asset("WETH", 1, "0xabc", 18), Asset("USDC", 1, "0xdef", 6))
PAIRS = (BTC_USD, Pair.parse("ETH/USD"), POOL_PAIR)

figures = st.decimals(min_value=Decimal("1e-18"), max_value=Decimal("1e15"), allow_nan=False, allow_infinity=False)
sides = st.lists(st.builds(Level, figures, figures), max_size=6).map(tuple)
instants = st.integers(min_value=0, max_value=2**62)
books = st.builds(
    Book,
    venue=st.sampled_from(("kraken", "alpaca", "a2")),
    pair=st.sampled_from(PAIRS),
    bids=sides,
    asks=sides,
    venue_at_ns=instants,
    seen_at_ns=instants,
    seq=instants,
)
known = st.floats(allow_infinity=False)
contexts = st.dictionaries(
    st.sampled_from(("BTC/USD", "ETH/USDC")), st.builds(FeatureContext, known, known, known, known, known)
)


def page_of(*seen: Seen) -> bytes:
    encoder = PageEncoder()
    for at_ns, one in seen:
        encoder.add(at_ns, one)
    page = encoder.take()
    assert page is not None
    return page.payload()


def digits(seen: Seen) -> str:
    """Equal decimals may differ in their zeros; their repr may not."""
    return repr(seen)


@settings(max_examples=40)
@given(st.lists(st.builds(Seen, instants, books), min_size=1, max_size=8))
def test_whatever_books_a_page_is_given_come_back_digit_for_digit(seen):
    assert list(map(digits, decode_page(page_of(*seen)))) == list(map(digits, seen))


@settings(max_examples=40)
@given(st.lists(st.builds(Seen, instants, st.one_of(books, pools())), min_size=1, max_size=8))
def test_books_and_pools_share_a_page_and_come_back_to_the_last_unit(seen):
    assert list(map(digits, decode_page(page_of(*seen)))) == list(map(digits, seen))


@settings(max_examples=40)
@given(st.lists(st.one_of(contexts, st.builds(Seen, instants, books)), max_size=8))
def test_what_is_learnt_of_pairs_comes_back_before_the_next_book_to_the_last_bit(given):
    encoder, expected, learnt = PageEncoder(), [], None
    for one in given:
        if isinstance(one, Seen):
            encoder.add(*one)
            expected += [one] if learnt is None else [Learnt(one.at_ns, learnt), one]
            learnt = None
        else:
            encoder.learn(learnt := one)
    page = encoder.take()
    assert list(map(repr, decode_page(page.payload()) if page else ())) == list(map(repr, expected))


def test_what_is_learnt_before_a_page_is_cut_opens_the_next():
    encoder, learnt = PageEncoder(), {"BTC/USD": FeatureContext(0.5)}
    encoder.learn(learnt)
    assert encoder.take() is None
    encoder.add(NOW_NS, book("a", "99.90", "100"))
    page = encoder.take()
    assert page.first_at_ns == NOW_NS
    assert repr(next(decode_page(page.payload()))) == repr(Learnt(NOW_NS, learnt))


def test_a_pool_whose_block_is_still_the_head_costs_a_few_bytes():
    encoder = PageEncoder()
    encoder.add(NOW_NS, pool())
    before = encoder.size
    encoder.add(NOW_NS + MS, replace(pool(), seen_at_ns=NOW_NS + MS, venue_at_ns=NOW_NS + MS, seq=2))
    assert encoder.size - before < 16


def test_another_pool_under_the_same_name_is_named_anew_and_counted_on():
    first, other = pool(), replace(pool(), address="0x" + "cd" * 20, fee_pips=1000, seq=2)
    seen = [Seen(NOW_NS, first), Seen(NOW_NS + MS, other), Seen(NOW_NS + 2 * MS, replace(first, seq=3))]
    payload = page_of(*seen)
    assert list(map(digits, decode_page(payload))) == list(map(digits, seen))
    assert shares_of(payload) == {"uniswap_v2": VenueShare(3, NOW_NS + 2 * MS)}


@pytest.mark.parametrize("version", [b"\x01", b"\x02"])
def test_a_page_of_an_older_version_is_read_as_before(version):
    payload = page_of(Seen(NOW_NS, book("a", "99.90", "100")))
    assert [seen.book for seen in decode_page(version + payload[1:])] == [book("a", "99.90", "100")]


@st.composite
def changing_books(draw):
    """Books as a feed hands them on: each shares with the one before every level that did not change."""
    levels = {Decimal(price): Level(Decimal(price), Decimal("1.50")) for price in range(80, 100)}
    seen = []
    for number in range(draw(st.integers(2, 8))):
        for price in draw(st.lists(st.integers(70, 100).map(Decimal), max_size=3)):
            size = draw(st.sampled_from(("0", "1.5", "1.50", "2.000")))
            levels.pop(price, None)
            if size != "0":
                levels[price] = Level(price, Decimal(size))
        bids = tuple(levels[price] for price in sorted(levels, reverse=True))[:10]
        asks = tuple(Level(level.price + 50, level.quantity) for level in reversed(bids))
        seen.append(Seen(NOW_NS + number, Book("kraken", BTC_USD, bids, asks, NOW_NS, NOW_NS, number + 1)))
    return seen


@given(changing_books())
def test_a_book_that_changed_in_a_few_levels_comes_back_whole(seen):
    assert list(map(digits, decode_page(page_of(*seen)))) == list(map(digits, seen))


def ladder(*, without: int | None = None, depth: int = 25) -> tuple[Level, ...]:
    return tuple(level for number, level in enumerate(_LEVELS) if number != without)[:depth]


_LEVELS = [Level(Decimal(100_000 + number), Decimal(f"0.{number + 1:08d}")) for number in range(40)]


def test_a_level_taken_out_of_the_middle_costs_a_few_bytes_though_all_behind_it_move_up():
    encoder = PageEncoder()
    encoder.add(NOW_NS, Book("kraken", BTC_USD, (), ladder(), NOW_NS, NOW_NS, 1))
    before = encoder.size
    encoder.add(NOW_NS + MS, Book("kraken", BTC_USD, (), ladder(without=3), NOW_NS, NOW_NS, 2))
    assert encoder.size - before < 60


def test_a_book_that_was_read_anew_but_did_not_change_costs_no_levels():
    encoder = PageEncoder()
    read = [Level(Decimal(str(level.price)), Decimal(str(level.quantity))) for level in ladder()]
    encoder.add(NOW_NS, Book("alpaca", BTC_USD, (), ladder(), NOW_NS, NOW_NS, 1))
    before = encoder.size
    encoder.add(NOW_NS + MS, Book("alpaca", BTC_USD, (), tuple(read), NOW_NS, NOW_NS, 2))
    assert encoder.size - before < 40


def test_each_page_is_readable_without_those_before_it():
    encoder = PageEncoder()
    first, second = book("a", "99.90", "100.00", seq=1), book("a", "99.90", "100.0", seq=2)
    encoder.add(NOW_NS, first)
    assert encoder.take() is not None
    encoder.add(NOW_NS + MS, second)
    page = encoder.take()
    assert page is not None
    assert list(map(digits, decode_page(page.payload()))) == [digits(Seen(NOW_NS + MS, second))]


def test_nothing_added_is_no_page():
    assert PageEncoder().take() is None


def test_a_page_says_per_venue_how_much_it_holds_and_how_new_it_is():
    payload = page_of(
        Seen(NOW_NS, book("a", "99", "100")),
        Seen(NOW_NS + MS, book("b", "99", "100")),
        Seen(NOW_NS + 2 * MS, book("a", "99", "100", pair=PAIRS[1])),
    )
    assert shares_of(payload[:100]) == {"a": VenueShare(2, NOW_NS + 2 * MS), "b": VenueShare(1, NOW_NS + MS)}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda page: b"",
        lambda page: b"\x09" + page[1:],
        lambda page: page[:5],
        lambda page: page[: len(page) // 2],
        lambda page: page[:-8] + bytes(8),
        lambda page: page[:3] + bytes(10) + page[13:],
    ],
)
def test_a_damaged_page_is_refused_and_not_half_believed_in_silence(spoil):
    page = page_of(*(Seen(NOW_NS + at, book("a", "99.9", f"100.{at}", seq=at)) for at in range(1, 50)))
    with pytest.raises(MalformedPageError, match="page"):
        list(decode_page(spoil(page)))


@pytest.mark.parametrize(
    "rows",
    [
        (),
        ("x",),
        (1, ("uniswap_v2", ("ETH",), ("USDC",), (1, 2, 18, 6, 3000))),
        (1, ("uniswap_v2", ("ETH",), ("USDC",), (1, "0x", 18, 6, 3000)), (0, 0, 0, 0, 1, (1, "2", "3", 4, "0x", 5))),
        (1, ("kraken", ("BTC",), ("USD",)), (0, 0, 0, 0, 1, ["99"], [])),
        (1, ({},)),
        (1, (None, 0, (("BTC/USD", ("0.5",)),))),
        (1, (None, 0, (("BTC/USD", (0.5,) * 6),))),
        (1, (None, "0", ())),
    ],
)
def test_a_page_that_was_written_wrong_is_refused_however_whole_it_is(rows):
    header = msgpack.packb({})
    start = bytes([VERSION]) + len(header).to_bytes(HEADER_AT - 1, "big") + header
    with pytest.raises(MalformedPageError):
        list(decode_page(start + zlib.compress(b"".join(map(msgpack.packb, rows)))))
