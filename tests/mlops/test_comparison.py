"""Two versions on the same outcomes: the better one is named where it is beyond doubt, and what both knew is said."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from domain.errors import BadInput
from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.bundle import Calibration
from mlops.models import ModelVersion, Sample
from mlops.services.comparison import compare, shadow
from mlops.services.versions import get_model_version_manager, register
from tests.mlops.serving.bundles import bundle_of
from tests.mlops.trained import DATA_TO, trained

pytestmark = pytest.mark.django_db

SCOPE = Scope(Mode.SIM)
SUCCESS, PROFIT, SLIPPAGE = ModelName.ROUTE_SUCCESS, ModelName.PROFIT, ModelName.SLIPPAGE
KNOWS_NOTHING = {"calibration": Calibration((0.2, 0.8), (0.5, 0.5))}


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))
    return tmp_path


def version(model=SUCCESS, *, seed=1, data_to=DATA_TO, is_synthetic=False, **changes):
    told = trained(bundle_of(model, seed=seed, **changes), data_to=data_to)
    return register(told, scope=SCOPE, seed=seed, is_synthetic=is_synthetic, now=DATA_TO)


def outcomes(n, *, first=DATA_TO, scores=lambda number: {}):
    """Store outcomes that follow the first feature, one route each, a minute apart."""
    rng = np.random.default_rng(5)
    drawn = rng.normal(size=(n, len(FEATURE_NAMES)))
    Sample.objects.bulk_create(_row(number, row, first, scores(number)) for number, row in enumerate(drawn, start=1))


def _row(number, drawn, first, scores):
    came = float(drawn[0])
    return Sample(
        **SCOPE.columns,
        route_key=f"route {number % 5}",
        symbol="BTC/USD",
        timestamp=first + timedelta(minutes=number),
        opportunity_id=number,
        feature_set=FEATURE_SET,
        feature_hash=FEATURE_HASH,
        features=dict(zip(FEATURE_NAMES, drawn.tolist(), strict=True)),
        net_bps=5.0,
        notional_usd=Decimal(1000),
        scores=scores,
        executed=number % 2 == 0,
        edge_at_latency_bps=10 * came,
        settled_net_usd=Decimal(f"{came:.6f}") if number % 2 == 0 else None,
        known_at=first + timedelta(minutes=number, seconds=1),
    )


def test_the_version_that_knows_something_is_better_beyond_doubt_and_the_order_does_not_matter():
    outcomes(300)
    knows, guesses = version(), version(**KNOWS_NOTHING)

    found = compare(SUCCESS, knows.tag, guesses.tag, scope=SCOPE)
    turned = compare(SUCCESS, guesses.tag, knows.tag, scope=SCOPE)

    brier = found.measures[0]
    assert (brier.name, brier.better, brier.b) == ("brier", "a", 0.25)
    assert brier.a < 0.2
    assert brier.low < brier.difference < brier.high
    assert found.verdict == turned.verdict
    assert found.verdict.startswith(f"{knows.tag} is better than {guesses.tag} by its Brier score")
    assert (found.n, found.n_executed, found.n_in_sample) == (300, 150, 0)
    changed = found.measures[-1]
    assert (changed.name, changed.b) == ("changed_usd", 0.0)  # it vetoes nothing
    assert changed.a > 0


def test_two_versions_of_one_making_cannot_be_told_apart():
    outcomes(100)
    found = compare(SUCCESS, version().tag, version().tag, scope=SCOPE)
    assert {one.difference for one in found.measures} == {0.0}
    assert found.verdict == "Neither is better beyond doubt: the Brier score of 100 outcomes does not tell."


@pytest.mark.parametrize(("model", "names"), [(PROFIT, ["mae", "correlation"]), (SLIPPAGE, ["pinball", "mae"])])
def test_amounts_and_quantiles_are_compared_as_well(model, names):
    outcomes(200)
    found = compare(model, version(model).tag, version(model, trees=1).tag, scope=SCOPE)
    assert [one.name for one in found.measures][:2] == names
    assert found.n == (100 if model is PROFIT else 200)  # what was not executed settled at nothing


def test_what_neither_was_trained_on_is_preferred_and_else_it_is_said():
    outcomes(100, first=DATA_TO - timedelta(minutes=50))
    early, late = version(data_to=DATA_TO - timedelta(hours=1)), version(seed=2)
    assert compare(SUCCESS, early.tag, late.tag, scope=SCOPE).n_in_sample == 0
    later = version(**KNOWS_NOTHING, data_to=DATA_TO + timedelta(minutes=20))
    found = compare(SUCCESS, early.tag, later.tag, scope=SCOPE)
    assert (found.n, found.n_in_sample) == (100, 70)
    assert found.verdict.startswith(
        f"{early.tag} did better than {later.tag} by its Brier score, which proves little: 70 "
    )


def test_simulated_training_was_on_no_outcome_of_the_market():
    outcomes(60, first=DATA_TO - timedelta(days=1))
    one, other = version(is_synthetic=True), version(seed=2, is_synthetic=True)
    assert compare(SUCCESS, one.tag, other.tag, scope=SCOPE).n_in_sample == 0


def test_few_outcomes_have_no_verdict_however_clear_they_are():
    outcomes(49)
    found = compare(SUCCESS, version().tag, version(**KNOWS_NOTHING).tag, scope=SCOPE)
    assert found.verdict == "Neither is better beyond doubt: 49 outcomes are too few, 50 are needed."


def test_without_outcomes_it_says_so():
    found = compare(SUCCESS, version().tag, version(seed=2).tag, scope=SCOPE)
    assert (found.n, found.measures) == (0, ())
    assert found.verdict == "There is no outcome yet that both judged."


def test_a_version_that_cannot_be_served_is_named_with_the_reason(directory):
    one, other = version(), version(seed=2)
    (directory / other.file_hash / "probability.txt").write_text("tree")
    with pytest.raises(BadInput, match=f"{SUCCESS} {other.tag} cannot be asked: its files are tampered"):
        compare(SUCCESS, one.tag, other.tag, scope=SCOPE)
    with pytest.raises(BadInput, match="is compared with itself"):
        compare(SUCCESS, one.tag, one.tag, scope=SCOPE)


def test_the_shadow_is_compared_by_what_both_said_at_the_decision():
    champion, challenger = version(), version(**KNOWS_NOTHING)

    def said(number):
        beside = {"success_probability": 0.9, "versions": [[SUCCESS, challenger.tag]]}
        told = {"success_probability": 0.6, "versions": [[SUCCESS, champion.tag]], "shadow": beside}
        return {"abstained": "no_model", "shadow": beside} if number <= 10 else told

    outcomes(60, scores=said)
    found = shadow(SUCCESS, scope=SCOPE)

    assert (found.a, found.b, found.n) == (champion.tag, challenger.tag, 50)
    assert found.measures[0].better == "a"


def test_a_shadow_needs_a_champion_and_a_challenger():
    version()
    with pytest.raises(BadInput, match="route_success_predictor has no challenger in sim"):
        shadow(SUCCESS, scope=SCOPE)


def test_the_manager_lists_and_compares_as_the_guide_shows():
    outcomes(60)
    one, other = version(), version(seed=2)
    manager = get_model_version_manager()

    assert manager.list_versions("route_success_predictor") == list(ModelVersion.objects.order_by("-tag"))
    told = str(manager.compare_versions("route_success_predictor", one.tag, other.tag))
    assert told.startswith(f"route_success_predictor, {one.tag} and {other.tag} on 60 outcomes:\nbrier: ")
    with pytest.raises(BadInput, match="'magic' is no model: name one of route_success_predictor, "):
        manager.list_versions("magic")
