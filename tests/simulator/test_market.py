"""The market process on its virtual clock: no sockets, no waiting."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.market import Book, MarketKey, Pair
from simulator.dislocations import Temper
from simulator.instruments import DEFAULT_PAIRS, instrument_of
from simulator.market import DEPTH, STEP_NS, STEP_S, MarketProcess

SECOND_NS = 10**9
FEES_BPS = 65  # entry tier, both legs
DELAY_STEPS = 3  # 250 ms, rounded up to whole steps
ORDINARY_S = 120
TWO_PAIRS = ("BTC/USD", "DOGE/USD")


def crossing_bps(bid_book: Book, ask_book: Book) -> float:
    return float((bid_book.bids[0].price / ask_book.asks[0].price - 1) * 10_000)


def widest_crossing_bps(process: MarketProcess, pair: Pair) -> float:
    kraken, alpaca = (process.book(MarketKey(venue, pair)) for venue in ("kraken", "alpaca"))
    return max(crossing_bps(kraken, alpaca), crossing_bps(alpaca, kraken))


def paired(process: MarketProcess) -> list[Pair]:
    pairs = [key.pair for key in process.markets]
    return [pair for pair in dict.fromkeys(pairs) if pairs.count(pair) == 2]


def crossings(process: MarketProcess, *, steps: int) -> Iterator[tuple[int, Pair, float]]:
    """Yield the step, the pair and its widest crossing, at each step."""
    pairs = paired(process)
    for step in range(1, steps + 1):
        process.advance(process.start_ns + step * STEP_NS)
        for pair in pairs:
            yield step, pair, widest_crossing_bps(process, pair)


def episodes(process: MarketProcess, *, steps: int) -> list[tuple[Pair, int]]:
    """Return each stretch above the fees: the pair and how many steps it lasted."""
    open_since: dict[Pair, int] = {}
    ended = []
    for step, pair, bps in crossings(process, steps=steps):
        if bps > FEES_BPS:
            open_since.setdefault(pair, step)
        elif pair in open_since:
            ended.append((pair, step - open_since.pop(pair)))
    return ended


@cache
def ordinary_episodes(seed: int) -> list[tuple[Pair, int]]:
    return episodes(MarketProcess(seed, incident_at_s=None), steps=int(ORDINARY_S / STEP_S))


@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 4 * SECOND_NS), max_size=8))
@settings(max_examples=25, deadline=None)
def test_the_books_do_not_depend_on_how_time_is_cut(seed: int, cuts: Sequence[int]) -> None:
    whole = MarketProcess(seed, TWO_PAIRS, incident_at_s=1.0)
    sliced = MarketProcess(seed, TWO_PAIRS, incident_at_s=1.0)
    in_slices = [book for cut in sorted(cuts) for book in sliced.advance(cut)]
    assert [*in_slices, *sliced.advance(4 * SECOND_NS)] == whole.advance(4 * SECOND_NS)
    assert all(whole.book(key) == sliced.book(key) for key in whole.markets)
    assert all(whole.tape(key).trades() == sliced.tape(key).trades() for key in whole.markets)


def test_one_seed_gives_one_market_and_another_seed_another() -> None:
    first, again, other = (MarketProcess(seed, TWO_PAIRS).advance(SECOND_NS) for seed in (5, 5, 6))
    assert first == again
    assert first != other


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_books_are_sound(seed: int) -> None:
    process = MarketProcess(seed, incident_at_s=1.0)
    for book in process.advance(3 * SECOND_NS):
        bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
        assert bids[0] < asks[0]
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert len(bids) == len(asks) == DEPTH
        assert min(level.quantity for level in (*book.bids, *book.asks)) > 0


def test_prices_and_quantities_stand_on_the_grid_with_its_decimals() -> None:
    process = MarketProcess(3)
    process.advance(2 * SECOND_NS)
    for key in process.markets:
        instrument = instrument_of(key.pair)
        for level in (*process.book(key).bids, *process.book(key).asks):
            assert level.price % instrument.tick == 0
            assert level.price.as_tuple().exponent == instrument.tick.as_tuple().exponent
            assert level.quantity.as_tuple().exponent == instrument.lot.as_tuple().exponent


def test_sequence_numbers_rise_by_one_and_times_by_steps() -> None:
    process = MarketProcess(9, ("SOL/USD",), ("kraken",), start_ns=SECOND_NS)
    books = process.advance(6 * SECOND_NS)
    assert [book.seq for book in books] == list(range(2, len(books) + 2))
    assert all((book.venue_at_ns - SECOND_NS) % STEP_NS == 0 for book in books)
    assert process.now_ns == 6 * SECOND_NS


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_dislocation_beyond_the_fees_comes_every_two_to_four_seconds(seed: int) -> None:
    assert 2.0 <= ORDINARY_S / len(ordinary_episodes(seed)) <= 4.0


@pytest.mark.parametrize("seed", [1, 2])
def test_most_dislocations_outlive_the_trading_delay(seed: int) -> None:
    found = ordinary_episodes(seed)
    survivors = [steps for _, steps in found if steps > DELAY_STEPS]
    assert len(survivors) / len(found) > 0.9


def test_most_dislocations_are_too_small_to_pay() -> None:
    temper = Temper(incident_at_s=None, tradable_every_s=1e9)
    process = MarketProcess(4, temper=temper)
    widest = max(bps for _, _, bps in crossings(process, steps=900))
    assert 5 < widest < 110  # small ones may add up, and then rarely pay


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_phantoms_of_the_incident_are_gone_before_an_order_arrives(seed: int) -> None:
    process = MarketProcess(seed, temper=Temper(incident_at_s=0.0, incident_for_s=12.0))
    phantoms = episodes(process, steps=120)
    gone = [steps for _, steps in phantoms if steps < DELAY_STEPS]
    assert len(phantoms) > 12
    assert len(gone) / len(phantoms) > 0.9


def test_what_is_fleeting_at_a_market_is_gone_before_an_order_arrives() -> None:
    temper = Temper(incident_at_s=None, fleeting_shares=(1.0,), fleeting_half_life_s=(0.02, 0.05))
    found = episodes(MarketProcess(3, temper=temper), steps=900)
    assert len(found) > 12
    assert all(steps < DELAY_STEPS for _, steps in found)


def test_markets_differ_in_how_much_of_what_strays_is_fleeting() -> None:
    temper = Temper(incident_at_s=None, tradable_every_s=0.2, fleeting_shares=(0.0, 1.0))
    lengths: dict[Pair, list[int]] = {}
    for pair, steps in episodes(MarketProcess(3, temper=temper), steps=2_400):
        lengths.setdefault(pair, []).append(steps)
    means = [sum(steps) / len(steps) for steps in lengths.values() if len(steps) >= 10]
    assert max(means) > 2 * min(means)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_of_the_fleeting_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(BadInput, match="fleeting_shares"):
        Temper(fleeting_shares=(0.5, share))


def test_after_the_incident_the_market_is_itself_again() -> None:
    process = MarketProcess(2, incident_at_s=5.0)
    process.advance(6 * SECOND_NS)
    assert process.in_incident
    process.advance(17 * SECOND_NS)
    assert not process.in_incident
    process.advance(20 * SECOND_NS)
    lasting = [steps for _, steps in episodes_from_now(process, steps=600) if steps > DELAY_STEPS]
    assert len(lasting) > 10


def episodes_from_now(process: MarketProcess, *, steps: int) -> list[tuple[Pair, int]]:
    """Return the episodes of the next ``steps``."""
    process.start_ns = process.now_ns
    return episodes(process, steps=steps)


def test_prices_of_different_assets_move_together() -> None:
    process = MarketProcess(8, ("BTC/USD", "ETH/USD"), ("kraken",), temper=quiet())
    returns: list[list[float]] = [[], []]
    last = [float(process.book(key).bids[0].price) for key in process.markets]
    for minute in range(1, 120):
        process.advance(minute * 60 * SECOND_NS // 10)
        now = [float(process.book(key).bids[0].price) for key in process.markets]
        for moves, before, after in zip(returns, last, now, strict=True):
            moves.append(after / before - 1)
        last = now
    assert correlation(*returns) > 0.2


def correlation(xs: list[float], ys: list[float]) -> float:
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    spreads = [sum((v - mean) ** 2 for v in vs) for vs, mean in ((xs, x_mean), (ys, y_mean))]
    return float(covariance / (spreads[0] * spreads[1]) ** 0.5)


def quiet() -> Temper:
    return Temper(incident_at_s=None, small_every_s=1e9, tradable_every_s=1e9)


def test_bitcoin_is_quoted_in_usdc_on_one_venue_only() -> None:
    process = MarketProcess(1)
    usdc = [key for key in process.markets if key.pair == Pair.parse("BTC/USDC")]
    assert usdc == [MarketKey("kraken", Pair.parse("BTC/USDC"))]
    assert len(paired(process)) == len(DEFAULT_PAIRS) - 1


def test_a_day_of_candles_leads_up_to_the_opening_price() -> None:
    start_ns = 1_790_000_000 * SECOND_NS
    process = MarketProcess(1, start_ns=start_ns)
    process.advance(start_ns + 61 * SECOND_NS)
    candles = process.tape(MarketKey("kraken", Pair.parse("BTC/USD"))).candles()
    opened = [candle.opened_at_ns for candle in candles]
    assert opened == list(range(opened[0], opened[-1] + 1, 60 * SECOND_NS))
    assert all(candle.low <= min(candle.open, candle.close) for candle in candles)
    assert all(candle.high >= max(candle.open, candle.close) for candle in candles)
    assert candles[1439].close == Decimal("64000.0")


@pytest.mark.parametrize(
    ("pairs", "venues", "named"),
    [
        (("PEPE/USD",), ("kraken",), "PEPE/USD is not simulated"),
        (("BTC/USD",), ("binance",), "'binance' is not a simulated venue"),
        (("BTC/USDC",), ("alpaca",), "no simulated venue lists any"),
        (("BTCUSD",), ("kraken",), "'BTCUSD' is not a pair"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(pairs: Sequence[str], venues: Sequence[str], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        MarketProcess(1, pairs, venues)


def test_an_unlisted_book_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="BTC/USDC is not simulated on alpaca"):
        MarketProcess(1).book(MarketKey("alpaca", Pair.parse("BTC/USDC")))


def outcomes_of_a_guarded_trader(process: MarketProcess, *, steps: int) -> list[bool]:
    """Trade the best prices of every new episode with limits at those prices, filled after the delay: both legs or not."""
    waiting: dict[int, list[tuple[MarketKey, MarketKey, Decimal, Decimal]]] = {}
    was_open: dict[tuple[MarketKey, MarketKey], bool] = {}
    outcomes, pairs = [], paired(process)
    for step in range(1, steps + 1):
        process.advance(process.start_ns + step * STEP_NS)
        for buy, sell, highest, lowest in waiting.pop(step, []):
            bought = process.book(buy).asks[0].price <= highest
            sold = process.book(sell).bids[0].price >= lowest
            outcomes.append(bought and sold)
        for pair in pairs:
            kraken, alpaca = MarketKey("kraken", pair), MarketKey("alpaca", pair)
            for buy, sell in ((kraken, alpaca), (alpaca, kraken)):
                bps = crossing_bps(process.book(sell), process.book(buy))
                if bps > FEES_BPS + 10 and not was_open.get((buy, sell)):
                    highest = process.book(buy).asks[0].price * Decimal("1.0008")
                    lowest = process.book(sell).bids[0].price * Decimal("0.9992")
                    waiting.setdefault(step + DELAY_STEPS, []).append((buy, sell, highest, lowest))
                was_open[buy, sell] = bps > FEES_BPS
    return outcomes


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_incident_fails_a_guarded_trader_many_times_in_a_row(seed: int) -> None:
    outcomes = outcomes_of_a_guarded_trader(
        MarketProcess(seed, temper=Temper(incident_at_s=0.0, incident_for_s=12.0)), steps=120
    )
    longest = max(len(run) for run in "".join("x" if not won else " " for won in outcomes).split(" "))
    assert longest >= 10


def test_on_ordinary_days_a_guarded_trader_gets_both_legs_nearly_always() -> None:
    days = [outcomes_of_a_guarded_trader(MarketProcess(seed, incident_at_s=None), steps=900) for seed in (1, 2, 3)]
    outcomes = [is_whole for day in days for is_whole in day]
    assert all(len(day) > 20 for day in days)
    assert sum(outcomes) / len(outcomes) > 0.85
