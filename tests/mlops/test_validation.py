"""A validation of stored outcomes: which version is judged, on what, and where the report is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import Alias
from mlops.services import validation
from mlops.services.validation import Unwritten, keep_text, validate, validate_and_keep, write_page
from tests.mlops.serving.placed import TAG, place, version_of
from tests.mlops.stored import SCOPE, store

pytestmark = pytest.mark.django_db

FIRST = datetime(2026, 3, 11, tzinfo=UTC)
LAST = FIRST + timedelta(days=2)
SUCCESS, PROFIT, SLIPPAGE = ModelName


@pytest.fixture(autouse=True)
def arb(settings, tmp_path):
    settings.ARB = replace(
        settings.ARB,
        models=replace(settings.ARB.models, directory=tmp_path / "models"),
        log_dir=tmp_path / "logs",
        checkout=tmp_path / "checkout",
    )
    return settings.ARB


def report(scope=SCOPE):
    return validate(scope, first=FIRST, last=LAST, now=LAST)


def trained(model, **columns):
    told = {"data_to": FIRST - timedelta(hours=1)} | columns
    return version_of(model, scope=SCOPE, **told)


def test_every_champion_is_asked_again_about_the_outcomes_of_the_span():
    for model in ModelName:
        place(trained(model))
    store(300, first=FIRST)
    store(20, first=LAST)

    found = report()

    assert (found.outcomes, found.executed, found.missing) == (300, 150, ())
    assert [one.n for one in found.models] == [300, 150, 300]
    success = found.models[0]
    assert (success.subject.tag, success.subject.alias, success.n_in_sample) == (TAG, "champion", 0)
    assert success.figure("accuracy").value > 0.8  # they follow the first feature, as the outcomes do
    assert found.effect.change_usd > 0
    assert found.effect.low_usd > 0


def test_what_a_version_was_trained_on_is_left_out_where_enough_else_is_there():
    place(trained(SUCCESS, data_to=FIRST + timedelta(minutes=100)))
    store(160, first=FIRST)
    success = report().models[0]
    assert (success.n, success.n_in_sample, success.abstained) == (60, 0, {"in_sample": 100})
    assert report().effect.n == 60


def test_what_a_model_without_skill_says_is_measured_but_not_followed():
    place(trained(SUCCESS))
    place(trained(PROFIT, has_skill=False, why="mse no better than the mean's"))
    store(200, first=FIRST)

    found = report()

    assert found.effect.refused > found.followed.refused > 0
    assert found.followed == found.models[0].effect
    assert found.models[1].figure("mae").value is not None


def test_where_there_is_no_champion_the_challenger_is_judged_and_then_the_newest():
    trained(SUCCESS, tag="20260101_000001", seed=1)
    newest = trained(SUCCESS, tag="20260101_000002", seed=2)
    challenger = trained(PROFIT)
    place(challenger, Alias.CHALLENGER)
    trained(PROFIT, tag="20260102_000000", seed=2)

    chosen = {one.subject.model: one.subject for one in report().models}

    assert (chosen[SUCCESS].tag, chosen[SUCCESS].alias) == (newest.tag, "")
    assert (chosen[PROFIT].tag, chosen[PROFIT].alias) == (challenger.tag, "challenger")
    assert report().missing == (SLIPPAGE,)


def test_what_was_decided_while_its_training_data_lasted_is_counted_but_not_for_simulated_data():
    store(10, first=FIRST)
    version = place(trained(SUCCESS, data_to=FIRST + timedelta(minutes=4))).version
    assert report().models[0].n_in_sample == 4
    version.is_synthetic = True
    version.save()
    assert report().models[0].n_in_sample == 0


def test_a_version_whose_files_are_gone_abstains_and_the_others_are_judged():
    place(trained(SUCCESS, file_hash="0" * 64))
    place(trained(SLIPPAGE))
    store(60, first=FIRST)

    success, slippage = report().models

    assert (success.n, success.abstained) == (0, {"missing": 60})
    assert slippage.n > 0
    assert report().effect.n == 0


def test_scopes_and_other_features_never_mix():
    store(5, first=FIRST, scope=Scope(Mode.REPLAY, "run-1"))
    store(7, first=FIRST, feature_hash="another")
    found = report()
    assert (found.outcomes, found.of_other_features) == (0, 7)


def test_the_last_week_is_kept_as_text_and_as_a_page(arb):
    place(trained(SUCCESS))
    store(60, first=LAST - timedelta(days=1))
    store(9, first=LAST - timedelta(days=8))

    found = validate_and_keep(SCOPE, now=LAST)

    assert found.outcomes == 60
    text = (arb.log_dir / "model_validation.txt").read_text()
    assert "Route Success Predictor 20260101_000000 (champion)" in text
    assert (arb.log_dir / "model_validation.html").read_text().startswith("<!doctype html>")
    assert not (arb.checkout / "logs").exists()  # the log folder was chosen by an operator


def test_the_checkout_shows_the_report_that_lies_in_the_state_folder(settings, arb):
    arb.checkout.mkdir()
    settings.ARB = replace(arb, state_dir=arb.checkout / "state", log_dir=arb.checkout / "state" / "logs")
    for _ in range(2):
        path = keep_text(report())
        shown = arb.checkout / "logs" / "model_validation.txt"
        assert shown.resolve() == path
        assert shown.read_text().startswith("Model validation: sim")


def test_a_file_of_somebody_else_s_in_the_checkout_is_left_alone(settings, arb):
    settings.ARB = replace(arb, state_dir=arb.checkout / "state", log_dir=arb.checkout / "state" / "logs")
    mine = arb.checkout / "logs" / "model_validation.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("my notes")
    keep_text(report())
    assert mine.read_text() == "my notes"


def test_a_disk_that_does_not_take_the_report_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritten, match="is not written"):
        write_page(report(), tmp_path / "file" / "page.html")


def test_the_newest_outcomes_are_taken_where_there_are_very_many(monkeypatch):
    monkeypatch.setattr(validation, "MOST_OUTCOMES", 10)
    store(15, first=FIRST)
    assert report().outcomes == 10
