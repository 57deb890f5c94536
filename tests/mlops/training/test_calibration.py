"""A table of probabilities: right where the booster was too sure, never falling, and flat where it knew nothing."""

import numpy as np
import pytest

from mlops.training.calibration import BETA_FROM, ISOTONIC_FROM, LEAST, calibrate


def drawn(n, *, seed=1):
    """What a booster says that is twice too sure, what comes, and the true probability."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0.3, 1, n)
    truth = 1 / (1 + np.exp(-log_odds))
    return 1 / (1 + np.exp(-2 * log_odds)), (rng.random(n) < truth).astype(float), truth


@pytest.mark.parametrize(
    ("n", "method", "off"),
    [
        (BETA_FROM - 1, "platt", 0.06),
        (BETA_FROM, "beta", 0.07),
        (2000, "beta", 0.03),
        (ISOTONIC_FROM, "isotonic", 0.04),
    ],
)
def test_a_booster_that_is_too_sure_is_put_right(n, method, off):
    said, came, _ = drawn(n)
    table, used = calibrate(said, came)
    fresh, _, truth = drawn(2000, seed=2)
    told = np.array([table(score) for score in fresh])
    assert used == method
    assert np.abs(told - truth).mean() < off < np.abs(fresh - truth).mean()


@pytest.mark.parametrize("n", [50, 500, 5000])
def test_a_table_rises_in_its_scores_and_never_falls_in_its_probabilities(n):
    said, came, _ = drawn(n)
    table, _ = calibrate(said, came)
    assert (np.diff(table.scores) > 0).all()
    assert (np.diff(table.probabilities) >= 0).all()
    assert table.probabilities[0] > 0 and table.probabilities[-1] < 1
    asked = np.linspace(0, 1, 37)
    assert np.interp(asked, table.scores, table.probabilities) == pytest.approx([table(score) for score in asked])


@pytest.mark.parametrize("n", [100, 1000])
def test_a_booster_that_is_wrong_way_round_is_given_the_base_rate_and_no_more(n):
    said, came, _ = drawn(n)
    table, used = calibrate(1 - said, came)
    assert used == "share"
    assert table(0.01) == table(0.99) == pytest.approx(came.mean())


def test_too_few_rows_or_rows_no_fold_could_judge_give_the_base_rate():
    said, came, _ = drawn(LEAST - 1)
    assert calibrate(said, came)[1] == "share"
    unknown = np.full(200, np.nan)
    table, used = calibrate(unknown, np.arange(200) % 4 == 0)
    assert used == "share"
    assert table(0.5) == pytest.approx(0.25)
