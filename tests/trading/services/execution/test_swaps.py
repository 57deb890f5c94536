"""An execution with a leg on a pool: both directions, a swap that reverts, and gas in the ledger to the last wei."""

from decimal import Decimal

import pytest

from domain.amm import v2_amount_in, v2_amount_out
from domain.costs import CostKind
from domain.execution import ExecutionState, LegState
from domain.ledger import imbalance
from domain.market import Asset, Side
from domain.money import from_raw, quantize_up, to_raw
from domain.timestamps import NS_PER_MS, to_ns
from risk.models import Outcome
from tests.fakes import ETH_USDC, NOW_NS, POOL_VENUE, book, pool
from trading.models import Balance, Execution, ExecutionLog, Fill, FillObservation, LedgerEntry, Opportunity, Order
from trading.services.execution.open import request_for

GAS_UNITS = 150_000
BLOCK_NS = NOW_NS + 400 * NS_PER_MS


def eth_book(bid: str, ask: str):
    return book("a", bid, ask, quantity="30", pair=ETH_USDC)


DEAR_POOL = (eth_book("1999", "2000"), pool(price="2050"))  # bought from the book, sold to the pool
CHEAP_POOL = (eth_book("2050", "2051"), pool(price="2000"))


def run(line, opened, later):
    """Send, let the book be observed after the delay and the pool as the next block leaves it, and end."""
    line.step(opened.pk)
    line.clock.advance(400)
    line.observe(later)
    return line.step(opened.pk)


def after(state, **changes):
    """The pool as the next block leaves it."""
    return pool(block=state.block + 1, at_ns=BLOCK_NS, seq=2, **changes)


@pytest.mark.parametrize(("markets", "side", "price"), [(DEAR_POOL, Side.SELL, "2050"), (CHEAP_POOL, Side.BUY, "2000")])
def test_a_swap_trades_against_a_book_at_the_contracts_integers_and_pays_its_gas(pool_line, markets, side, price):
    opened = pool_line.open(*markets)
    met = after(markets[1], price=price, gas_price_wei=3 * 10**9)
    assert run(pool_line, opened, met) == ExecutionState.SETTLED
    swap = Order.objects.get(venue=POOL_VENUE)
    fill = Fill.objects.get(venue=POOL_VENUE)
    units = to_raw(swap.quantity, 18)
    reserves = met.base_reserve, met.quote_reserve
    quote = (
        v2_amount_in(units, reserve_in=reserves[1], reserve_out=reserves[0])
        if side is Side.BUY
        else v2_amount_out(units, reserve_in=reserves[0], reserve_out=reserves[1])
    )
    assert (swap.side, fill.quantity, fill.exact_quote) == (side, swap.quantity, from_raw(quote, 6))
    assert (swap.gas_asset, swap.gas_amount) == ("ETH", from_raw(GAS_UNITS * 3 * 10**9, 18))
    assert swap.gas_quote == quantize_up(swap.gas_amount * swap.gas_rate)
    assert swap.gas_rate == max(markets[0].best_ask, quantize_up(markets[1].best_ask))


@pytest.mark.parametrize("markets", [DEAR_POOL, CHEAP_POOL])
def test_profit_and_loss_closes_and_every_balance_is_its_ledgers_sum(pool_line, markets, caplog):
    opened = pool_line.open(*markets)
    run(pool_line, opened, after(markets[1], price="2050" if markets is DEAR_POOL else "2000"))
    ended = Execution.objects.get()
    costs = ended.fees_quote + ended.gas_quote + ended.slippage_quote + ended.unwind_quote
    assert ended.gross_quote - costs == ended.net_quote > 0
    assert ended.gas_quote == Order.objects.get(venue=POOL_VENUE).gas_quote > 0
    ours = {}
    for line in LedgerEntry.objects.all():
        if line.account.startswith("venue:"):
            place = line.account.removeprefix("venue:"), line.asset
            ours[place] = ours.get(place, Decimal(0)) + line.amount
    assert ours == {(row.venue, row.asset): row.amount for row in Balance.objects.all()}
    quote = sum(amount for (_, asset), amount in ours.items() if asset == "USDC")
    assert quote - ended.gas_quote == ended.net_quote
    assert sum(amount for (_, asset), amount in ours.items() if asset == "ETH") == -swap_of(ended).gas_amount
    assert "profit_does_not_close" not in caplog.text


def swap_of(execution):
    return execution.orders.get(venue=POOL_VENUE, role=Order.Role.OPEN)


def test_gas_is_told_to_risk_the_log_and_the_plan(pool_line):
    opened = pool_line.open(*DEAR_POOL)
    run(pool_line, opened, after(DEAR_POOL[1], price="2050"))
    gas_quote = swap_of(opened).gas_quote
    assert Outcome.objects.get().gas_usd == ExecutionLog.objects.get().gas_cost_usd == gas_quote
    planned = [line for line in Opportunity.objects.get().costs if line["kind"] == CostKind.GAS]
    assert [line["asset"] for line in planned] == ["ETH"]
    assert Decimal(planned[0]["usd"]) == gas_quote  # the gas price stood still


def test_gas_lines_sum_to_zero_and_belong_to_the_order(pool_line):
    opened = pool_line.open(*DEAR_POOL)
    run(pool_line, opened, after(DEAR_POOL[1], price="2050"))
    lines = LedgerEntry.objects.filter(gas_of=swap_of(opened))
    assert {line.account for line in lines} == {f"venue:{POOL_VENUE}", f"gas:{POOL_VENUE}"}
    assert sum(line.amount for line in lines) == 0
    assert all(line.fill is None for line in lines)
    pool_line.step(opened.pk)
    assert LedgerEntry.objects.filter(gas_of__isnull=False).count() == 2


def test_a_swap_that_misses_its_limit_reverts_pays_its_gas_and_the_other_leg_is_unwound(pool_line, caplog):
    opened = pool_line.open(*DEAR_POOL)
    assert run(pool_line, opened, after(DEAR_POOL[1], price="1990")) == ExecutionState.UNWINDING
    swap = swap_of(opened)
    assert (swap.state, swap.reason, swap.filled_quantity) == (LegState.CANCELLED, "reverted", 0)
    assert swap.gas_amount == from_raw(GAS_UNITS * 10**9, 18)
    pool_line.clock.advance(250)
    pool_line.observe()
    assert pool_line.step(opened.pk) == ExecutionState.UNWOUND
    ended = Execution.objects.get()
    assert ended.gas_quote == swap.gas_quote
    assert ended.net_quote == -(ended.fees_quote + ended.gas_quote + ended.slippage_quote + ended.unwind_quote) < 0
    assert "profit_does_not_close" not in caplog.text
    assert not imbalance_of_rows()


def imbalance_of_rows():
    from domain.ledger import Entry

    rows = LedgerEntry.objects.values_list("account", "asset", "amount")
    return imbalance(Entry(account, Asset(asset), amount) for account, asset, amount in rows)


def test_a_book_leg_that_misses_leaves_a_swap_to_be_swapped_back_at_a_second_gas(pool_line):
    opened = pool_line.open(*DEAR_POOL)
    pool_line.step(opened.pk)
    pool_line.clock.advance(400)
    gone = book("a", "2090", "2091", quantity="30", pair=ETH_USDC)
    pool_line.observe(gone, after(DEAR_POOL[1], price="2050"))
    assert pool_line.step(opened.pk) == ExecutionState.UNWINDING
    unwind = opened.orders.get(role=Order.Role.UNWIND)
    assert (unwind.venue, unwind.side, unwind.gas_asset) == (POOL_VENUE, Side.BUY, "ETH")
    pool_line.clock.advance(400)
    pool_line.observe(pool(price="2050", block=20_000_002, at_ns=NOW_NS + 800 * NS_PER_MS, seq=3))
    assert pool_line.step(opened.pk) == ExecutionState.UNWOUND
    ended = Execution.objects.get()
    gas = [order.gas_quote for order in ended.orders.all() if order.gas_quote]
    assert len(gas) == 2
    assert ended.gas_quote == sum(gas)


def test_the_order_met_the_pool_when_its_block_was_seen(pool_line):
    opened = pool_line.open(*DEAR_POOL)
    run(pool_line, opened, after(DEAR_POOL[1], price="2050"))
    met = FillObservation.objects.get(order__venue=POOL_VENUE)
    assert to_ns(met.due_at) == BLOCK_NS
    assert met.book["block"] == DEAR_POOL[1].block + 1


def test_without_a_block_a_swap_is_given_up_unpaid_and_the_book_leg_is_unwound(pool_line):
    opened = pool_line.open(*DEAR_POOL)
    pool_line.step(opened.pk)
    pool_line.clock.advance(250)
    pool_line.view.books.pop(next(key for key in pool_line.view.books if key.venue == POOL_VENUE))
    pool_line.observe()
    assert pool_line.step(opened.pk) == ExecutionState.RUNNING
    pool_line.clock.advance(60_001)
    assert pool_line.step(opened.pk) == ExecutionState.UNWINDING
    swap = swap_of(opened)
    assert (swap.state, swap.reason, swap.gas_amount) == (LegState.REFUSED, "not_observed", None)


def test_the_gates_are_asked_for_the_worst_a_swap_and_its_undoing_at_a_second_gas(pool_line):
    (decision,) = pool_line.decisions(*DEAR_POOL)
    pool_line.commit(decision)
    opportunity = Opportunity.objects.get()
    gas_usd = sum(Decimal(line["usd"]) for line in opportunity.costs if line["kind"] == CostKind.GAS)
    assert request_for(opportunity).worst_loss_usd == opportunity.notional_usd * Decimal("0.05") + 2 * gas_usd
    assert gas_usd > 0
