"""Versions come in as challengers, one of them serves, and moving an alias is refused wherever it would do harm."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import BadInput, Refused
from domain.features import FEATURE_HASH
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import Alias, ModelAlias, ModelVersion
from mlops.services import promote, register, rollback
from mlops.services.promotion import promotion_of, suspend
from ops.models import OperatorAction, Outbox
from tests.mlops.trained import bundle, trained

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
SCOPE, RUN, LIVE, DRY = Scope(Mode.SIM), Scope(Mode.REPLAY, "run-1"), Scope(Mode.LIVE), Scope(Mode.DRY_RUN)
MODEL = ModelName.ROUTE_SUCCESS


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))
    return tmp_path


def made(text="tree\n", *, scope=SCOPE, now=NOW, is_synthetic=False, **changes):
    told = trained(bundle(text), **changes)
    return register(told, scope=scope, seed=7, is_synthetic=is_synthetic, now=now)


def held(scope=SCOPE, model=MODEL):
    rows = ModelAlias.objects.in_scope(scope).filter(model_name=model)
    return {row.alias: row.version.tag for row in rows}


def moved(version, *, scope=SCOPE, now=NOW, reason="better on March"):
    return promote(MODEL, version.tag, scope=scope, actor="ann", reason=reason, now=now)


def rolled_back(*, scope=SCOPE, now=NOW):
    return rollback(MODEL, scope=scope, actor="ann", reason="worse since noon", now=now)


def test_a_version_keeps_what_it_was_made_of_and_its_files_are_there(directory, settings):
    version = made()

    assert version.tag == "20260311_120000"
    assert version.expires_at == NOW + timedelta(days=settings.ARB.models.expiry_days)
    assert (version.git_commit, version.seed) == (settings.ARB.commit, 7)
    assert (version.feature_hash, version.n_samples, version.n_executed) == (FEATURE_HASH, 200, 60)
    assert (directory / version.file_hash / "probability.txt").read_text() == "tree\n"
    assert Outbox.objects.get().kind == "mlops.mirror"


def test_versions_of_one_second_are_told_apart_within_a_model():
    tags = [made(), made("another\n"), made("a third\n", scope=RUN)]
    other = register(trained(bundle(model_name=ModelName.PROFIT)), scope=SCOPE, seed=7, is_synthetic=False, now=NOW)
    assert [version.tag for version in tags] == ["20260311_120000", "20260311_120001", "20260311_120002"]
    assert other.tag == "20260311_120000"


def test_the_first_version_with_skill_serves_at_once_and_the_next_one_is_its_challenger():
    first, second = made(), made("another\n")
    assert held() == {"champion": first.tag, "challenger": second.tag}
    assert second.parent == first
    assert made("a third\n", scope=RUN).parent is None


def test_a_version_without_skill_never_serves_by_itself():
    version = made(has_skill=False, why="AUC 0.51 (0.45 to 0.57)")
    assert held() == {"challenger": version.tag}


def test_nothing_serves_live_unless_a_person_says_so():
    version = made(scope=LIVE)
    assert held(LIVE) == {"challenger": version.tag}
    moved(version, scope=LIVE)
    assert held(LIVE) == {"champion": version.tag}


def test_a_model_of_the_simulated_market_is_not_registered_in_live(directory):
    with pytest.raises(Refused, match="never registered in live"):
        made(scope=LIVE, is_synthetic=True)
    assert not ModelVersion.objects.exists()
    assert not list(directory.iterdir())


def test_a_champion_that_can_no_longer_serve_makes_room_for_a_new_version_with_skill():
    old, later = made(), NOW + timedelta(days=30)
    new = made("another\n", now=later)
    assert held() == {"champion": new.tag, "previous": old.tag}


def test_a_suspended_champion_stays_until_a_person_decides():
    old = made()
    assert suspend(MODEL, "lost to the rule", scope=SCOPE, now=NOW)
    assert not suspend(MODEL, "again", scope=SCOPE, now=NOW)
    new = made("another\n")
    champion = ModelAlias.objects.get(alias=Alias.CHAMPION)
    assert (champion.version, champion.suspended_why) == (old, "lost to the rule")
    assert held() == {"champion": old.tag, "challenger": new.tag}


def test_a_promotion_makes_the_champion_the_previous_one_and_is_kept_in_the_audit_trail():
    old, new = made(), made("another\n")

    move = moved(new)

    assert held() == {"champion": new.tag, "previous": old.tag}
    assert (move.champion, move.former) == (new, old)
    action = OperatorAction.objects.get()
    assert (action.actor, action.action, action.reason) == ("ann", "promote_model", "better on March")
    assert action.detail == {"champion": new.tag, "challenger": "", "previous": old.tag, "former": old.tag}
    assert Outbox.objects.filter(row_id=new.pk).count() == 2


def test_a_rollback_brings_the_previous_one_back_and_keeps_the_other_in_the_shadow():
    old, new = made(), made("another\n")
    moved(new)

    rolled_back()

    assert held() == {"champion": old.tag, "challenger": new.tag}
    assert OperatorAction.objects.filter(action="roll_back_model").count() == 1
    with pytest.raises(Refused, match="no previous champion in sim to roll back to"):
        rolled_back()


def test_a_rollback_to_what_cannot_serve_goes_through_and_says_who_decides_then():
    old, new = made(), made("another\n", now=NOW + timedelta(days=10))
    moved(new, now=NOW + timedelta(days=10))
    move = rolled_back(now=NOW + timedelta(days=20))
    assert held() == {"champion": old.tag, "challenger": new.tag}
    assert re.match(r"the rules decide until another is promoted: it expired at 2026-03-25", move.note)


@pytest.mark.parametrize("deed", ["promote another", "promote it again", "roll back"])
def test_whatever_a_person_moves_lifts_the_suspension(deed):
    old, new = made(), made("another\n")
    moved(new)
    suspend(MODEL, "lost to the rule", scope=SCOPE, now=NOW)
    if deed == "roll back":
        rolled_back()
    else:
        moved(old if deed == "promote another" else new)
    assert not ModelAlias.objects.filter(suspended_at__isnull=False).exists()


def spoilt(what, directory):
    """Return a challenger that must not be promoted."""
    made()
    changes = {"no skill": {"has_skill": False, "why": "no skill beyond chance: AUC 0.51"}}.get(what, {})
    version = made("another\n", **changes)
    folder = directory / version.file_hash
    if what == "other features":
        ModelVersion.objects.filter(pk=version.pk).update(feature_hash="abc", feature_set="v0")
    elif what == "tampered":
        (folder / "probability.txt").write_bytes(b"anothes\n")
    elif what == "missing":
        (folder / "probability.txt").unlink()
        (folder / "model.json").unlink()
        folder.rmdir()
    elif what == "of another model":
        other = bundle(model_name=ModelName.PROFIT)
        other.write(directory)
        ModelVersion.objects.filter(pk=version.pk).update(file_hash=other.file_hash)
    return version


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no skill", "is not promoted: no skill beyond chance: AUC 0.51"),
        ("other features", "it knows other features (v0) than candidates have now"),
        ("tampered", "its files are tampered: the files in"),
        ("missing", "its files are missing:"),
        ("of another model", "its files are those of another model, profit_maximizer"),
    ],
)
def test_what_could_not_serve_is_not_promoted(directory, what, said):
    version = spoilt(what, directory)
    before = held()
    with pytest.raises(Refused, match=re.escape(said)):
        moved(version)
    assert held() == before
    assert not OperatorAction.objects.exists()


def test_an_expired_version_is_not_promoted():
    made()
    version = made("another\n")
    with pytest.raises(Refused, match=r"it expired at 2026-03-25 12:00 UTC: train a new one"):
        moved(version, now=NOW + timedelta(days=14))


def test_a_champion_is_not_promoted_twice():
    version = made()
    with pytest.raises(Refused, match="is the champion of sim already"):
        moved(version)


def test_scopes_never_mix_but_live_takes_what_the_dry_run_taught():
    with pytest.raises(Refused, match=r"it was trained in replay/run-1, and sim never mixes with that"):
        moved(made(scope=RUN))
    version = made("another\n", scope=DRY)
    moved(version, scope=LIVE)
    assert held(LIVE) == held(DRY) == {"champion": version.tag}


def test_live_never_takes_what_the_simulated_market_taught_a_dry_run():
    version = made(scope=DRY, is_synthetic=True)
    with pytest.raises(Refused, match="live trades real money"):
        moved(version, scope=LIVE)


def test_an_unknown_tag_and_an_empty_reason_are_named():
    version = made()
    with pytest.raises(BadInput, match=f"has no version '20200101_000000': the newest are {version.tag}"):
        promotion_of(MODEL, "20200101_000000", scope=SCOPE, now=NOW)
    with pytest.raises(BadInput, match="profit_maximizer has no version 'x': it has none"):
        promotion_of(ModelName.PROFIT, "x", scope=SCOPE, now=NOW)
    with pytest.raises(BadInput, match="the reason is empty"):
        moved(version, reason=" ")


def test_a_promotion_that_is_only_looked_at_changes_nothing():
    old, new = made(), made("another\n")
    move = promotion_of(MODEL, new.tag, scope=SCOPE, now=NOW)
    assert move.tags == {"champion": new.tag, "challenger": "", "previous": old.tag, "former": old.tag}
    assert held() == {"champion": old.tag, "challenger": new.tag}
