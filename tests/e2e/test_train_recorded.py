"""Training on replays of real candles: March 2023, the days around the loss of USDC's peg.

The data are not part of this project: the tests find them by ARB_RECORDED_DATA and skip where it is unset.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import ModelVersion
from tests.arbsite.commands.test_train import ending
from tests.e2e.test_replay_recorded import FOLDER, days_of, scenario
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.timeout(400),
    pytest.mark.skipif(FOLDER is None, reason="ARB_RECORDED_DATA is unset: no recorded market data to replay"),
]
MARKETS = ("kraken_BTC-USDC", "binanceus_BTC-USDC")


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path / "models"))


def test_a_calm_day_at_the_usual_fees_leaves_too_few_outcomes(tmp_path, capsys):
    result = replay([days_of(market, 9, 9, tmp_path) for market in MARKETS], ReplayOptions())
    code, _, err = ending(capsys, "--mode", "replay", "--run", result.run_id)
    assert code == 3
    assert "0 executed and settled samples, 50 are needed, 50 are missing; nothing is registered" in err
    assert not ModelVersion.objects.exists()


@pytest.mark.campaign
def test_the_eleventh_at_ten_bps_teaches_every_model_that_can_be(tmp_path, capsys):
    until = datetime(2023, 3, 11, 17, tzinfo=UTC)
    options = ReplayOptions(fees=scenario(5), first=until - timedelta(hours=11), last=until)
    result = replay([days_of(market, 11, 11, tmp_path) for market in MARKETS], options)
    asked = ("--mode", "replay", "--run", result.run_id, "--to", "2023-03-11T16:30")
    code, out, err = ending(capsys, *asked)
    assert (code, err) == (0, "")
    versions = ModelVersion.objects.in_scope(Scope(Mode.REPLAY, result.run_id))
    assert {one.model_name for one in versions} == {name.value for name in ModelName}
    assert all(one.data_to < until - timedelta(minutes=30) and one.why for one in versions)
    assert f"manage.py validate_models --mode replay --run {result.run_id}" in out
