"""Sizing between an order book and a pool: as good as any search, and what its integers make of minima, cap and gas."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from random import Random

import pytest

from domain.costs import CostKind, FeeAsset, FeeSchedule
from domain.errors import BadInput
from domain.gas import GasDue
from domain.inventory import UNLIMITED, Holdings
from domain.market import Asset, Level, Market, MarketKey, PoolState, Side
from domain.money import from_raw, to_raw
from domain.routes import Leg, Route, RouteKind
from domain.sizing import paying_from_pool, paying_to_pool, size_route
from domain.terms import Caps, Lot, Rejected, Sized
from tests.domain.books import FREE, SizedBy, book, flat_fee, levels
from tests.domain.pools import ETH_USDC, POOL_VENUE, pool

BOOK_VENUE = "kraken"
FROM_POOL = Route((Leg(POOL_VENUE, ETH_USDC, Side.BUY), Leg(BOOK_VENUE, ETH_USDC, Side.SELL)), kind=RouteKind.POOL_BOOK)
TO_POOL = Route((Leg(BOOK_VENUE, ETH_USDC, Side.BUY), Leg(POOL_VENUE, ETH_USDC, Side.SELL)), kind=RouteKind.BOOK_POOL)
NO_CAP = Decimal(10) ** 15
FINEST = Decimal("1e-18")
NEAR = Decimal("1e-9")
CASES = 1000


@dataclass(frozen=True)
class Case:
    """A pool, the levels it meets, and what the book's venue charges."""

    state: PoolState
    levels: tuple[Level, ...]
    fee: FeeSchedule
    is_from_pool: bool
    step: Decimal = FINEST

    @property
    def route(self) -> Route:
        return FROM_POOL if self.is_from_pool else TO_POOL

    @property
    def markets(self) -> tuple[Market, Market]:
        if self.is_from_pool:
            return self.state, book(BOOK_VENUE, bids=self.levels, asks=(), pair=ETH_USDC)
        return book(BOOK_VENUE, asks=self.levels, bids=(), pair=ETH_USDC), self.state

    @property
    def kept_share(self) -> Decimal:
        """What the book's venue leaves of a unit bought there."""
        in_base = not self.is_from_pool and self.fee.charged_in is FeeAsset.RECEIVED
        return 1 - self.fee.taker_share if in_base else Decimal(1)

    @property
    def quote_ratio(self) -> Decimal:
        """What the book's venue makes of a unit of quote received or spent there."""
        if self.is_from_pool:
            return 1 - self.fee.taker_share
        return 1 + self.fee.taker_share if self.kept_share == 1 else Decimal(1)

    def in_book(self, quantity: Decimal) -> Decimal:
        """The quote that ``quantity`` costs or brings in the book, with its fee."""
        total, left = Decimal(0), quantity
        for price, shown in self.levels:
            total += price * min(shown, left)
            left -= min(shown, left)
        return total * self.quote_ratio

    def sized(self, *, holdings: Holdings = UNLIMITED, gas: GasDue | None = None, **stated: object) -> Sized | Rejected:
        """What the sizing under test makes of it."""
        lot = Lot(self.step, Decimal(0), Decimal(0), FINEST)
        config = SizedBy(
            {BOOK_VENUE: self.fee, POOL_VENUE: FREE},
            {MarketKey(BOOK_VENUE, ETH_USDC): lot, MarketKey(POOL_VENUE, ETH_USDC): lot},
            Caps(NO_CAP),
        )
        return size_route(self.route, self.markets, config=replace(config, **stated), holdings=holdings, gas=gas)


def drawn(seed: int, *, decimals: tuple[tuple[int, int], ...], most_levels: int = 12) -> Iterator[Case]:
    """Draw pools of any price and depth, and books that mostly pay against them, some of them to their last level."""
    rng = Random(seed)
    for _ in range(CASES):
        state = _pool(rng, rng.choice(decimals))
        is_from_pool = rng.random() < 0.5
        kept = Decimal(rng.choice(["0", "7.5", "25", "40"]))
        fee = FeeSchedule(kept, kept, rng.choice(list(FeeAsset)))
        yield Case(state, _levels(rng, state, is_from_pool, most_levels), fee, is_from_pool)


def _pool(rng: Random, decimals: tuple[int, int]) -> PoolState:
    base = Decimal(10) ** rng.randint(1, 5) * rng.randint(1, 99)
    price = Decimal(10) ** rng.randint(-2, 4) * rng.randint(100, 999) / 100
    reserves = to_raw(base, decimals[0]) + rng.randrange(99), to_raw(base * price, decimals[1]) + rng.randrange(99)
    fee_pips = rng.choice([3000, 3000, 3000, 2000, 1000])
    return pool(base_reserve=reserves[0], quote_reserve=reserves[1], decimals=decimals, fee_pips=fee_pips)


def _levels(rng: Random, state: PoolState, is_from_pool: bool, most: int) -> tuple[Level, ...]:
    edge, spread = rng.uniform(0.0, 0.03), rng.uniform(0.001, 0.03)
    count, side = rng.randint(1, most), 1 if is_from_pool else -1
    best = float(state.best_ask if is_from_pool else state.best_bid)
    away = sorted(rng.random() for _ in range(count))
    prices = [Decimal(f"{best * (1 + side * (edge - spread * part)):.10g}") for part in away]
    depth = float(from_raw(state.base_reserve, state.base_decimals)) * rng.choice([0.001, 0.02]) / count
    quantities = [Decimal(f"{depth * rng.uniform(0.1, 2):.6g}") for _ in prices]
    ordered = sorted(set(prices), reverse=is_from_pool)
    return tuple(Level(*both) for both in zip(ordered, quantities, strict=False))


def smooth_profit(case: Case, bought: Decimal) -> Decimal:
    """What buying so much earns if tokens had no smallest unit."""
    base = from_raw(case.state.base_reserve, case.state.base_decimals)
    quote = from_raw(case.state.quote_reserve, case.state.quote_decimals)
    kept = 1 - Decimal(case.state.fee_pips) / 1_000_000
    if case.is_from_pool:
        return case.in_book(bought) - quote * bought / (kept * (base - bought))
    sold = kept * bought * case.kept_share
    return sold * quote / (base + sold) - case.in_book(bought)


def searched(case: Case) -> Decimal:
    """The size that earns most, by narrowing down all sizes that the book has depth for, and by nothing else."""
    low, high = Decimal(0), sum((level.quantity for level in case.levels), Decimal(0))
    if case.is_from_pool:
        high = min(high, from_raw(case.state.base_reserve - 1, case.state.base_decimals))
    while high - low > high * Decimal("1e-13"):
        third = (high - low) / 3
        one, other = low + third, high - third
        if smooth_profit(case, one) < smooth_profit(case, other):
            low = one
        else:
            high = other
        if high < FINEST:
            return Decimal(0)
    return (low + high) / 2


def closed_form(case: Case) -> Decimal:
    """The size that earns most as the sizing reckons it, before lots."""
    if case.is_from_pool:
        return paying_from_pool(case.state, [Level(price * case.quote_ratio, part) for price, part in case.levels])
    asks = [Level(price * case.quote_ratio / case.kept_share, part) for price, part in case.levels]
    return paying_to_pool(asks, case.state, kept_share=case.kept_share)


def is_near(one: Decimal, other: Decimal) -> bool:
    """Whether two figures are within 1e-9 of each other."""
    return abs(one - other) <= NEAR * max(abs(one), abs(other))


def test_the_closed_form_is_the_size_that_a_search_over_all_sizes_finds():
    with localcontext() as context:
        context.prec = 60
        paying = 0
        for case in drawn(1, decimals=((18, 6), (8, 6), (18, 18))):
            found, best = closed_form(case), searched(case)
            assert is_near(found, best)
            assert is_near(smooth_profit(case, found), smooth_profit(case, best))
            paying += found > 0
    assert paying > CASES // 2


def test_with_the_finest_lots_size_and_profit_are_those_of_the_search():
    with localcontext() as context:
        context.prec = 60
        sizes = 0
        for case in drawn(2, decimals=((18, 18),)):
            sized, best = case.sized(), searched(case)
            if isinstance(sized, Rejected):
                assert smooth_profit(case, best) <= Decimal("1e-15"), "what pays was left"
                continue
            assert is_near(sized.buy_quantity, best)
            assert is_near(sized.net_quote, smooth_profit(case, best))
            sizes += 1
    assert sizes > CASES // 2


def contract_profit(case: Case, quantity: Decimal) -> Decimal | None:
    """What a multiple of both lots earns by the contract's own integers; None where there is not as much."""
    base, quote, fee = case.state.base_reserve, case.state.quote_reserve, 1_000_000 - case.state.fee_pips
    units = to_raw(quantity, case.state.base_decimals)
    if quantity > sum(level.quantity for level in case.levels) or (case.is_from_pool and units >= base):
        return None
    if case.is_from_pool:
        paid = quote * units * 1_000_000 // ((base - units) * fee) + 1
        return case.in_book(quantity) - from_raw(paid, case.state.quote_decimals)
    received = units * fee * quote // (base * 1_000_000 + units * fee)
    return from_raw(received, case.state.quote_decimals) - case.in_book(quantity)


def test_on_lots_no_multiple_of_all_there_are_earns_more():
    """Every multiple is tried; a venue's fee, rounded up to 1e-18 for each level, is what may differ."""
    with localcontext() as context:
        context.prec = 60
        sizes = 0
        for number, drawn_case in enumerate(drawn(3, decimals=((18, 6), (8, 6), (18, 18)), most_levels=6)):
            depth = sum(level.quantity for level in drawn_case.levels)
            step = Decimal(f"{depth / (5 + number % 40):.2g}").quantize(Decimal("1e-6")) + Decimal("1e-6")
            case = replace(drawn_case, step=step, fee=replace(drawn_case.fee, charged_in=FeeAsset.QUOTE))
            every = [contract_profit(case, count * step) for count in range(1, int(depth / step) + 2)]
            best = max((profit for profit in every if profit is not None), default=Decimal(0))
            sized = case.sized()
            if isinstance(sized, Rejected):
                assert best <= 0
                continue
            assert abs(sized.net_quote - best) <= Decimal("2e-17")
            assert sized.buy_quantity == sized.sell_quantity
            sizes += 1
    assert sizes > CASES // 2


EXAMPLE = Case(pool(), levels(("2050", "10")), FREE, is_from_pool=True, step=Decimal("0.001"))
TO_EXAMPLE = Case(pool(), levels(("1950", "10")), FREE, is_from_pool=False, step=Decimal("0.001"))


def test_a_pool_is_bought_until_its_next_unit_costs_the_bid():
    sized = EXAMPLE.sized()
    assert (sized.buy_quantity, sized.sell_quantity) == (Decimal("5.393"), Decimal("5.393"))
    assert sized.buy_quote == Decimal("10936.415545")
    assert sized.sell_quote == Decimal("11055.65")
    assert sized.net_quote == sized.gross_quote == sized.sell_quote - sized.buy_quote


def test_a_pool_is_sold_until_its_next_unit_brings_the_ask():
    sized = TO_EXAMPLE.sized()
    assert (sized.buy_quantity, sized.sell_quantity) == (Decimal("5.626"), Decimal("5.626"))
    assert sized.buy_quote == Decimal("10970.7")
    assert sized.sell_quote == Decimal("11093.791144")


def test_the_limit_of_a_pool_s_leg_is_the_average_of_the_whole_swap_rounded_against_us():
    bought, sold = EXAMPLE.sized(), TO_EXAMPLE.sized()
    assert 0 <= bought.buy_worst * bought.buy_quantity - bought.buy_quote < Decimal("1e-17")
    assert 0 <= sold.sell_quote - sold.sell_worst * sold.sell_quantity < Decimal("1e-17")
    assert bought.buy_worst.as_tuple().exponent == sold.sell_worst.as_tuple().exponent == -18


def test_both_fees_are_said_and_the_pool_s_is_nothing_beside_its_price():
    sized = replace(EXAMPLE, fee=flat_fee("10")).sized()
    assert [(line.kind, line.amount) for line in sized.costs] == [
        (CostKind.FEE, 0),
        (CostKind.FEE, sized.sell_quote / 1000),
    ]


def gas(quote: str) -> GasDue:
    """Return gas that costs so much, whatever else."""
    return GasDue(POOL_VENUE, Asset("ETH"), Decimal("0.005"), Decimal(2000), Decimal(quote), "test")


def test_gas_is_a_cost_line_and_changes_no_size():
    free, paid = EXAMPLE.sized(), EXAMPLE.sized(gas=gas("10"), quote_usd={"USDC": Decimal("0.9")})
    assert paid.buy_quantity == free.buy_quantity
    assert (paid.gross_quote, paid.net_quote) == (free.gross_quote, free.net_quote - 10)
    line = paid.costs[-1]
    assert (line.kind, line.asset, line.amount) == (CostKind.GAS, Asset("ETH"), Decimal("0.005"))
    assert line.usd == 9


def test_gas_that_takes_all_that_is_earned_leaves_the_route_with_its_edges():
    earned = EXAMPLE.sized().net_quote
    assert isinstance(EXAMPLE.sized(gas=gas(str(earned - Decimal("0.01")))), Sized)
    left = EXAMPLE.sized(gas=gas(str(earned)))
    assert (left.reason, left.at_stage) == ("below_threshold", "cost")
    assert left.gross_bps > 100 and left.net_bps == 0


def test_the_cap_is_kept_to_the_pool_s_last_unit():
    capped = replace(EXAMPLE, step=FINEST).sized(caps=Caps(Decimal(1000)))
    assert Decimal("999.99") < capped.buy_quote <= 1000


@pytest.mark.parametrize("case", [EXAMPLE, TO_EXAMPLE])
@pytest.mark.parametrize("tight", [{"min_quantity": Decimal(6)}, {"min_quote": Decimal(12_000)}])
@pytest.mark.parametrize("venue", [POOL_VENUE, BOOK_VENUE])
def test_less_than_either_market_takes_is_too_small(case, tight, venue):
    lot = Lot(Decimal("0.001"), Decimal(0), Decimal(0), FINEST)
    lots = {MarketKey(name, ETH_USDC): lot for name in (POOL_VENUE, BOOK_VENUE)}
    lots[MarketKey(venue, ETH_USDC)] = replace(lot, **tight)
    left = case.sized(lots=lots)
    assert (left.reason, left.at_stage) == ("too_small", "size")


class Held:
    """Holdings that are the same at every venue."""

    def __init__(self, **free: str) -> None:
        self._free = {asset: Decimal(amount) for asset, amount in free.items()}

    def free(self, venue: str, asset: str) -> Decimal | None:
        return self._free.get(asset)

    def refresh(self) -> None:
        pass


def test_no_more_is_bought_than_the_quote_at_the_limit_pays_for():
    sized = replace(EXAMPLE, step=FINEST).sized(holdings=Held(USDC="5000"))
    assert Decimal("4999.99") < sized.buy_worst * sized.buy_quantity <= 5000


@pytest.mark.parametrize("case", [EXAMPLE, TO_EXAMPLE])
def test_no_more_is_sold_than_lies_there(case):
    assert case.sized(holdings=Held(ETH="2.5")).sell_quantity == Decimal("2.5")
    left = case.sized(holdings=Held(ETH="0.0001"))
    assert (left.reason, left.at_stage) == ("no_inventory", "size")


def test_a_trade_that_only_pays_its_gas_whole_is_left_for_want_of_inventory():
    left = EXAMPLE.sized(holdings=Held(ETH="0.01"), gas=gas("20"))
    assert left.reason == "no_inventory" and left.net_bps > 0


def test_a_lot_finer_than_the_token_s_unit_is_coarsened_to_it():
    state = pool(base_reserve=20 * 10**8, quote_reserve=1_000_000 * 10**6, decimals=(8, 6))
    sized = Case(state, levels(("51000", "3")), FREE, is_from_pool=True, step=Decimal("1e-9")).sized()
    assert sized.buy_quantity % Decimal("1e-8") == 0


@pytest.mark.parametrize(
    "case", [replace(EXAMPLE, levels=levels(("2006", "10"))), replace(TO_EXAMPLE, levels=levels(("1994", "1")))]
)
def test_what_does_not_pay_is_below_the_threshold(case):
    left = case.sized()
    assert (left.reason, left.at_stage) == ("below_threshold", "cost")


def test_a_pool_fee_that_is_stated_beside_its_price_is_named():
    with pytest.raises(BadInput, match=r"'uniswap_v2' is said to charge 30 bps"):
        EXAMPLE.sized(fees={BOOK_VENUE: FREE, POOL_VENUE: flat_fee("30")})


def test_two_pools_are_not_sized():
    left = size_route(
        FROM_POOL,
        (pool(), pool(BOOK_VENUE, quote_reserve=1_100_000 * 10**6)),
        config=SizedBy(
            {BOOK_VENUE: FREE, POOL_VENUE: FREE},
            {
                MarketKey(venue, ETH_USDC): Lot(FINEST, Decimal(0), Decimal(0), FINEST)
                for venue in (BOOK_VENUE, POOL_VENUE)
            },
            Caps(NO_CAP),
        ),
    )
    assert isinstance(left, Rejected) and left.reason == "below_threshold"
