import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.routes import Route, routes_between
from domain.scores import Scores
from domain.terms import Rejected
from domain.timestamps import from_ns
from mlops.models import Sample
from tests.fakes import ETH_USDC, MS, NOW_NS, SIM, book, detect_config, no_model, pool
from trading.models import Opportunity
from trading.services import pipeline
from trading.services.episodes import EpisodeTracker
from trading.services.near_misses import NearMissTracker, record_near_miss

LINGER_NS = 1000 * MS
CONFIG = replace(detect_config(), near_miss_bps=Decimal(15))
CLOSE = (book("a", "99.9", "100"), book("b", "100.1", "100.2"))  # 10 bps gross, 20 bps of fees
(ROUTE, *_) = routes_between(CONFIG.lots)


def tracker(config=CONFIG, episodes=None):
    return NearMissTracker(config, (episodes or EpisodeTracker(linger_ns=LINGER_NS)).is_open, linger_ns=LINGER_NS)


def look(net_bps: str | None, route: Route = ROUTE) -> Rejected:
    edge = None if net_bps is None else Decimal(net_bps)
    return Rejected(route, "below_threshold", "cost", edge, edge)


def found_by(line, *books, score=no_model):
    """Return the near miss that is found on these books, as the stream finds it."""
    line.view.put(*books)
    line.config = replace(line.config, near_miss_bps=Decimal(15))
    changed = next(iter(line.view.books))
    asked = {"config": line.config, "score": score, "clock": line.clock}
    near = [
        pipeline.near_miss(one, line.view, spells=tracker(line.config), **asked)
        for one in pipeline.decide(changed, line.view, **asked)
    ]
    return next((miss for miss in near if miss is not None), None)


@pytest.mark.parametrize(
    ("net_bps", "begins"), [("0", True), ("-14.99", True), ("-15", False), ("0.01", False), (None, False)]
)
def test_a_spell_begins_where_an_edge_falls_short_by_less_than_the_distance(net_bps, begins):
    assert tracker().begins(look(net_bps), NOW_NS) is begins


def test_without_a_distance_nothing_is_near():
    assert not tracker(replace(CONFIG, near_miss_bps=Decimal(0))).begins(look("0"), NOW_NS)


def test_a_spell_is_sampled_once_and_again_after_the_linger_time_without_it():
    spells = tracker()
    instants = [0, 400, 1_300, 2_300, 3_301]
    begun = [at_ms for at_ms in instants if spells.begins(look("-5"), NOW_NS + at_ms * MS)]
    assert begun == [0, 3_301]


def test_routes_have_spells_of_their_own():
    spells, (one, other, *_) = tracker(), routes_between(CONFIG.lots)
    assert spells.begins(look("-5", one), NOW_NS)
    assert spells.begins(look("-5", other), NOW_NS)


def test_what_is_near_while_its_episode_is_open_or_follows_on_it_gives_no_sample(line):
    episodes = EpisodeTracker(linger_ns=LINGER_NS)
    spells = tracker(episodes=episodes)
    (decision,) = line.decisions(book("a", "99.9", "100"), book("b", "101", "101.1"))
    episodes.opens(decision)
    route = decision.candidate.route
    begun = [spells.begins(look("-5", route), NOW_NS + at_ms * MS) for at_ms in (100, 900, 1_800, 2_700)]
    assert begun == [False] * 4
    assert spells.begins(look("-5", route), NOW_NS + 3_701 * MS)


def test_what_turned_out_not_to_be_near_is_reckoned_again_after_the_linger_time_and_not_before():
    spells = tracker()
    begun = []
    for at_ms in range(0, 2_500, 100):
        if spells.begins(look("-5"), NOW_NS + at_ms * MS):
            begun.append(at_ms)
            spells.fell_short(look("-5"))
    assert begun == [0, 1_100, 2_200]


def test_a_tracker_goes_on_where_the_one_that_told_its_state_was():
    (one, other, *_) = routes_between(CONFIG.lots)
    spells, again = tracker(), tracker()
    for route in (one, other):
        spells.begins(look("-5", route), NOW_NS)
    spells.fell_short(look("-5", other))
    again.restore(json.loads(json.dumps(spells.state())))
    assert again.state() == spells.state()
    for at_ms in (600, 1_200):
        for route in (one, other):
            at_ns = NOW_NS + at_ms * MS
            assert again.begins(look("-5", route), at_ns) is spells.begins(look("-5", route), at_ns)


def test_a_near_miss_becomes_a_sample_and_nothing_else(line):
    said = Scores(success_probability=0.25, versions=(("route_success_predictor", "20260311_120000"),))
    miss = found_by(line, *CLOSE, score=lambda features: said)
    for _ in range(2):
        record_near_miss(miss, scope=SIM)
    row = Sample.objects.get()
    assert (row.kind, row.opportunity_id, row.executed, row.explored) == ("near_miss", None, False, False)
    assert (row.route_key, row.symbol, row.timestamp) == ("a:BTC/USD>b:BTC/USD", "BTC/USD", from_ns(NOW_NS))
    assert row.net_bps == row.features["net_bps"] == pytest.approx(-10.01)
    assert row.notional_usd == 100
    assert row.scores == {"success_probability": 0.25, "versions": [["route_success_predictor", "20260311_120000"]]}
    assert not Opportunity.objects.exists()


def test_a_near_miss_that_no_model_judged_is_sampled_all_the_same(line):
    record_near_miss(found_by(line, *CLOSE), scope=SIM)
    assert Sample.objects.get().scores == {"abstained": "no_model"}


def test_a_route_that_gas_takes_far_below_the_threshold_is_no_near_miss(pool_line):
    books = book("a", "1999", "2000", quantity="30", pair=ETH_USDC), pool(price="2007.5", gas_price_wei=10**8)
    assert found_by(pool_line, *books).candidate.gas is not None
    dear = replace(books[1], gas_price_wei=10**12, block=books[1].block + 1, seq=2)
    assert found_by(pool_line, books[0], dear) is None
