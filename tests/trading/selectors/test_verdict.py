"""The verdict on a scope: read from its rows, day by day and route by route, and said in plain words."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.costs import FeeSchedule, entry_tier
from domain.errors import BadInput
from domain.scope import Mode, Scope
from domain.verdict import Finding
from tests.trading.models.rows import make
from trading.models import EdgeObservation, EvaluationCount, ExecutionLog, OfferedEdge, Opportunity, Recording, Run
from trading.selectors import verdict_words as words
from trading.selectors.offered import covered
from trading.selectors.terms import Span, chosen_scope
from trading.selectors.verdict import CHARGED_NOW, verdict_of

pytestmark = pytest.mark.django_db

SCOPE = Scope(Mode.REPLAY, "march")
FORTH, BACK = "binanceus:BTC/USDC>kraken:BTC/USDC", "kraken:BTC/USDC>binanceus:BTC/USDC"
DAY_1 = datetime(2023, 3, 1, 10, tzinfo=UTC)
SETTINGS = {
    "fees": {
        "kraken": {"maker_bps": "25", "taker_bps": "40", "charged_in": "quote", "source": "a table"},
        "binanceus": {"maker_bps": "25", "taker_bps": "25", "charged_in": "quote", "source": "stated"},
    },
    "min_net_bps": "0",
    "resolution_s": 60,
    "spread_bps": "2",
    "latency_ms": 250,
}


def verdict(scope: Scope = SCOPE, span: Span | None = None):
    return verdict_of(scope, span, fees_of=entry_tier)


def day(number: int) -> datetime:
    return DAY_1 + timedelta(days=number - 1)


def offer(number: int, tenths: dict[int, int], *, route: str = FORTH, back: int = -30) -> None:
    """Let each look of a day offer these edges one way and something below zero the other."""
    for tenth, count in tenths.items():
        make(OfferedEdge, **SCOPE.columns, hour=day(number), route_key=route, tenth_bps=tenth, count=count)
    other = BACK if route == FORTH else FORTH
    row = {"hour": day(number), "route_key": other, "tenth_bps": back, "count": sum(tenths.values())}
    make(OfferedEdge, **SCOPE.columns, **row)
    make(EvaluationCount, **SCOPE.columns, hour=day(number), route_key=route, stage="cost", reason="below_threshold")


def trade(number: int, minute: int, *, route: str = FORTH, edge: str = "100", **changes) -> Opportunity:
    buy, sell = (leg.partition(":")[0] for leg in route.split(">"))
    at = day(number) + timedelta(minutes=minute)
    row = {"timestamp": at, "closed_at": at, "route_key": route, "buy_venue": buy, "sell_venue": sell}
    money = {"notional_usd": Decimal(1_000), "edge_bps": Decimal(edge), "resolution_s": 60, "symbol": "BTC/USDC"}
    return make(Opportunity, **SCOPE.columns, **row | money | changes)


@pytest.fixture
def run():
    return make(Run, **SCOPE.columns, settings=SETTINGS)


@pytest.fixture
def calm(run):
    for number in range(1, 10):
        offer(number, {10: 50, 40: 9, 299 - number: 1})


def test_calm_days_would_have_paid_nothing_and_it_is_said_so(calm):
    found = verdict()
    assert found.judgement.finding is Finding.NOTHING
    assert words.headline(found)[0] == "On 9 of 9 days nothing would have paid."
    assert "A trade needed an edge of 65.2 bps" in words.headline(found)[1]
    assert "Of 540 minutes" in words.headline(found)[1]
    assert words.title(found) == "1 to 9 March 2023 (UTC), replay march"


def test_the_distribution_is_that_of_the_better_way_and_of_each_way_alone(calm):
    (pair,) = verdict().pairs
    assert pair.venues == ("binanceus", "kraken")
    assert (pair.offered.count, pair.offered.median_bps, pair.offered.greatest_bps) == (540, 1, Decimal("29.8"))
    forth, back = pair.routes
    assert (forth.route_key, forth.needed_bps, forth.offered.count) == (FORTH, Decimal("65.27"), 540)
    assert (back.route_key, back.offered.greatest_bps, back.trades) == (BACK, -3, 0)


def test_what_would_change_it_is_told_by_lower_fees(calm):
    found = verdict()
    steps = {int(step.total_bps): (step.looks, step.days) for step in found.steps}
    assert steps == {65: (0, 0), 50: (0, 0), 40: (0, 0), 30: (0, 0), 20: (9, 9), 10: (9, 9)}
    assert [step.meaning for step in found.steps][:2] == [CHARGED_NOW, "one order resting (maker)"]
    assert words.change(found)[0].startswith("The best minute fell 35.3 bps short: a single trade takes fees of less")


def test_the_gap_of_the_prices_is_told_beside_the_edge_after_the_assumed_spread(calm):
    found = verdict()
    assert found.gap is not None
    assert (found.gap.offered.median_bps, found.gap.offered.greatest_bps) == (3, Decimal("31.8"))
    assert any("a spread of 2 bps is assumed" in note for note in words.notes(found))


def test_a_day_that_holds_all_trades_one_way_is_an_inventory_event(calm):
    offer(11, {9_000: 30, 10: 30})
    for minute in range(8):
        opened = trade(11, minute, executed=minute < 6, profit_usd=Decimal(2) if minute < 6 else None)
        for offset_ms, net in ((60_000, "98"), (1_200_000, "86")):
            at = opened.timestamp + timedelta(milliseconds=offset_ms)
            row = {"timestamp": at, "opportunity_id": opened.pk, "offset_ms": offset_ms, "net_bps": Decimal(net)}
            make(EdgeObservation, **SCOPE.columns, **row)
    found = verdict()
    assert found.judgement.finding is Finding.INVENTORY_EVENT
    assert (found.trades, found.planned_usd, found.executed, found.settled_usd) == (8, 80, 6, 12)
    assert [one.share for one in found.judgement.measures.left] == [Decimal("0.98"), Decimal("0.86")]
    assert words.headline(found)[0] == (
        "On 9 of 10 days nothing would have paid; on 11 March 8 trades would have cleared the fees: "
        "$80.00 as planned; the 6 filled, in the sizes the gates let through, made $12.00."
    )
    assert "inventory event" in words.headline(found)[2]
    told = " ".join(words.reasons(found))
    assert "100 % of the planned profit came on one day, 11 March; it paid on 1 of 10 days" in told
    assert "98 % was left after 1 min, 86 % after 20 min: nobody closed it" in told


def test_a_day_asked_for_alone_is_judged_by_its_own_trades(calm):
    offer(11, {9_000: 30})
    for minute in range(6):
        trade(11, minute)
    span = Span(day(11).replace(hour=0), day(12).replace(hour=0))
    found = verdict(span=span)
    assert (found.trades, [one.day for one in found.days]) == (6, [date(2023, 3, 11)])
    assert words.headline(found)[0].startswith("On 11 March 6 trades would have cleared the fees")


def test_an_edge_that_comes_back_either_way_and_goes_is_repeatable(run):
    for number in range(1, 8):
        offer(number, {900: 3, 10: 30})
        for minute, route in enumerate((FORTH, BACK)):
            opened = trade(number, minute, route=route)
            row = {"timestamp": opened.timestamp + timedelta(minutes=1), "opportunity_id": opened.pk}
            make(EdgeObservation, **SCOPE.columns, **row, offset_ms=60_000, net_bps=Decimal(0))
    found = verdict()
    assert found.judgement.finding is Finding.REPEATABLE
    assert words.headline(found)[0].startswith("On every one of 7 days, 1 to 7 March, trades were to be had: 14 trades")


def test_an_edge_that_was_high_enough_but_never_sized_points_to_why(run):
    offer(1, {900: 3})
    assert (
        "the edge was high enough in 3 minutes, but no trade came of it: manage.py why." in words.headline(verdict())[0]
    )


def test_looks_that_never_found_two_books_to_compare_are_told_with_their_reasons(run):
    row = {"hour": DAY_1, "stage": "conversion", "reason": "no_conversion", "count": 900}
    make(EvaluationCount, **SCOPE.columns, **row)
    (said,) = words.headline(verdict())
    assert said.startswith(
        "Nothing would have paid, for no two books could be compared in 900 looks: 900 no conversion"
    )
    assert "USD, USDC and USDT are different assets" in said


def test_trades_of_a_run_whose_offers_were_not_sampled_are_told_all_the_same(run):
    make(EvaluationCount, **SCOPE.columns, hour=DAY_1, stage="cost")
    trade(1, 0)
    said = words.headline(verdict())
    assert said[0].startswith("On 1 March 1 trade would have cleared the fees: $10.00 as planned, none of them filled")
    assert "was not sampled" in said[1]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [(Mode.DRY_RUN, "manage.py collect"), (Mode.SIM, "make demo"), (Mode.REPLAY, "manage.py replay")],
)
def test_without_any_data_it_says_what_to_run(mode, wanted):
    found = verdict(Scope(mode, "none" if mode is Mode.REPLAY else None))
    assert found.judgement.finding is Finding.NO_DATA
    assert wanted in " ".join(words.headline(found))
    assert not words.notes(found)


def test_a_venue_whose_fees_nobody_knows_is_not_said_to_need_any_edge(run):
    Run.objects.update(settings=SETTINGS | {"fees": {}})

    def unknown(venue: str) -> FeeSchedule:
        raise BadInput(venue)

    offer(1, {900: 3})
    found = verdict_of(SCOPE, fees_of=unknown)
    assert (found.needed_bps, found.pairs[0].above) == (None, 0)
    assert any("no fees are known" in note for note in words.notes(found))


def test_gas_that_swaps_paid_is_told_beside_edges_that_hold_fees_alone(calm):
    assert not any("gas" in note for note in words.notes(verdict()))
    for usd in ("1.50", "2.50", "0"):
        make(ExecutionLog, **SCOPE.columns, timestamp=day(3), gas_cost_usd=Decimal(usd))
    assert any("gas comes on top: $2.00 on average over 2 swaps" in note for note in words.notes(verdict()))


def test_simulated_prices_are_never_taken_for_a_market():
    sim = Scope(Mode.SIM)
    make(OfferedEdge, **sim.columns, hour=DAY_1, route_key="kraken:BTC/USD>alpaca:BTC/USD", tenth_bps=900)
    make(EvaluationCount, **sim.columns, hour=DAY_1)
    assert words.headline(verdict(sim))[-1].startswith("The prices are simulated")


def test_a_run_that_has_not_ended_is_said_to_be_cut_short(calm):
    assert any("has not ended" in note for note in words.notes(verdict()))
    Run.objects.update(ended_at=datetime(2026, 11, 22, tzinfo=UTC))
    assert not any("has not ended" in note for note in words.notes(verdict()))


def test_rows_of_another_run_are_never_mixed_in(calm):
    other = Scope(Mode.REPLAY, "another")
    make(Run, **other.columns, settings=SETTINGS)
    make(OfferedEdge, **other.columns, hour=DAY_1, route_key=FORTH, tenth_bps=9_000, count=5)
    make(EvaluationCount, **other.columns, hour=DAY_1)
    assert verdict().offered.count == 540
    assert verdict(other).offered.greatest_bps == 900


def test_the_number_of_queries_does_not_grow_with_the_rows(calm, django_assert_max_num_queries):
    for minute in range(20):
        trade(5, minute)
    with django_assert_max_num_queries(14):
        verdict()


def test_a_day_that_offered_enough_and_was_not_traded_is_not_said_to_have_offered_nothing(calm):
    offer(11, {9_000: 3, 10: 5})
    found = verdict()
    assert [words.kind_of(day) for day in found.days[-2:]] == ["nothing", "untraded"]


def test_the_scope_of_replays_is_the_last_one_unless_a_run_is_named(run):
    newest = make(Run, **Scope(Mode.REPLAY, "later").columns, started_at=datetime(2026, 11, 23, tzinfo=UTC))
    assert chosen_scope(Mode.REPLAY, "") == newest.scope
    assert chosen_scope(Mode.REPLAY, "march") == SCOPE
    with pytest.raises(BadInput, match="there is no replay run 'april'"):
        chosen_scope(Mode.REPLAY, "april")
    with pytest.raises(BadInput, match="only replay and sim tell runs apart"):
        chosen_scope(Mode.DRY_RUN, "march")


def test_the_scope_of_simulations_is_the_last_demo_or_what_came_after_it(run):
    plain, demo = Scope(Mode.SIM), Scope(Mode.SIM, "demo-1")
    assert chosen_scope(Mode.SIM, "") == plain
    make(EvaluationCount, **plain.columns, hour=datetime(2026, 11, 22, 9, tzinfo=UTC))
    make(Run, **demo.columns, command="demo", started_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC))
    assert chosen_scope(Mode.SIM, "") == demo
    make(Recording, **plain.columns, started_at=datetime(2026, 11, 22, 9, 45, tzinfo=UTC))
    assert chosen_scope(Mode.SIM, "") == plain
    assert chosen_scope(Mode.SIM, "demo-1") == demo


def test_a_demo_is_not_shown_once_the_system_itself_found_something_within_the_same_hour(run):
    plain, demo = Scope(Mode.SIM), Scope(Mode.SIM, "demo-1")
    make(EvaluationCount, **plain.columns, hour=datetime(2026, 11, 22, 9, tzinfo=UTC))
    make(Run, **demo.columns, command="demo", started_at=datetime(2026, 11, 22, 9, 6, tzinfo=UTC))
    make(Opportunity, **plain.columns, timestamp=datetime(2026, 11, 22, 9, 8, tzinfo=UTC))
    assert chosen_scope(Mode.SIM, "") == plain


def test_the_hours_that_a_scope_covers_are_those_of_its_looks(calm):
    assert covered(SCOPE) == (day(1), day(9))
    assert covered(Scope(Mode.SIM)) is None
