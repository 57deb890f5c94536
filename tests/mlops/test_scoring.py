"""A scope's scorer follows the rows: every reason to keep silent, and what a process says of what it serves."""

import shutil
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError

from domain.scope import Mode, Scope
from domain.scores import Abstained, ModelName, Scores
from domain.timestamps import to_ns
from mlops.bundle import Bundle
from mlops.models import Alias, ModelAlias, ModelVersion, ServedModel
from mlops.services import ServedTeller, load_scorer, scoring
from mlops.services.scoring import Served, unread_scorer
from mlops.serving import native
from tests.fakes import NOW_NS, SIM
from tests.mlops.serving.bundles import STRANGE, TYPICAL, bundle_of
from tests.mlops.serving.placed import NOW, TAG, place, version_of

pytestmark = pytest.mark.django_db

PROFIT = ModelName.PROFIT
LIVE, OTHER = Scope(Mode.LIVE), Scope(Mode.SIM, "other")


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))
    return tmp_path


def loaded(scope: Scope = SIM, *, at_ns: int = NOW_NS):
    return load_scorer(scope, now_ns=lambda: at_ns)


def champion(scope: Scope = SIM, **told) -> ModelVersion:
    version = version_of(PROFIT, scope=scope, **told)
    place(version)
    return version


def said_of_profit(scorer) -> str:
    return next(one.abstains for one in scorer.served() if (one.model_name, one.alias) == (PROFIT, Alias.CHAMPION))


def reason_of(scorer, features=TYPICAL) -> str:
    answer = scorer(features)
    return "" if PROFIT.value in dict(answer.versions) else dict(answer.abstained)[PROFIT.value]


def test_without_rows_it_abstains_and_says_so():
    scorer = loaded()
    assert scorer(TYPICAL) == Abstained("no_model")
    assert scorer.served() == tuple(Served(name, Alias.CHAMPION, "", "no_model") for name in ModelName)


def test_champions_judge_and_challengers_are_heard():
    champion()
    place(version_of(PROFIT, scope=SIM, tag="20260102_000000", seed=2), Alias.CHALLENGER)
    scorer = loaded()
    scores = scorer(TYPICAL)
    assert scores.versions == ((PROFIT.value, TAG),)
    assert scores.shadow.versions == ((PROFIT.value, "20260102_000000"),)
    assert Served(PROFIT, Alias.CHALLENGER, "20260102_000000", "") in scorer.served()


def test_the_previous_champion_is_not_heard():
    place(version_of(PROFIT, scope=SIM), Alias.PREVIOUS)
    assert loaded()(TYPICAL) == Abstained("no_model")


def test_another_scopes_champion_is_not_heard():
    champion(OTHER)
    assert loaded()(TYPICAL) == Abstained("no_model")
    assert reason_of(loaded(OTHER)) == ""


@pytest.mark.parametrize(
    ("columns", "reason", "detail"),
    [
        ({"has_skill": False, "why": "no better than the base rate"}, "no_skill", "no better than the base rate"),
        ({"feature_hash": "v0"}, "wrong_features", "trained on feature set"),
        ({"file_hash": "0" * 64}, "missing", "No such file"),
    ],
)
def test_a_version_that_may_not_judge_says_why(columns, reason, detail):
    champion(**columns)
    scorer = loaded()
    assert reason_of(scorer) == reason
    assert said_of_profit(scorer).startswith(f"{reason}: ")
    assert detail in said_of_profit(scorer)


def test_a_suspended_champion_says_why():
    place(version_of(PROFIT, scope=SIM))
    ModelAlias.objects.update(suspended_at=NOW, suspended_why="lost to the rule: -12 USD over 60 trades")
    scorer = loaded()
    assert reason_of(scorer) == "suspended"
    assert said_of_profit(scorer) == "suspended: lost to the rule: -12 USD over 60 trades"


def test_a_challenger_without_skill_is_heard_because_it_never_acts():
    place(version_of(PROFIT, scope=SIM, has_skill=False), Alias.CHALLENGER)
    assert loaded()(TYPICAL).shadow.versions == ((PROFIT.value, TAG),)


def test_a_model_expires_while_it_is_served():
    version = champion()
    instants = [to_ns(version.expires_at) - 1]
    scorer = load_scorer(SIM, now_ns=lambda: instants[-1])
    assert reason_of(scorer) == "" and said_of_profit(scorer) == ""
    instants.append(to_ns(version.expires_at))
    assert reason_of(scorer) == "expired"
    assert said_of_profit(scorer) == f"expired: since {version.expires_at:%Y-%m-%d %H:%M:%S} UTC"


def test_a_synthetic_model_judges_in_sim_and_never_in_live():
    version = version_of(PROFIT, scope=SIM, is_synthetic=True)
    place(version)
    assert reason_of(loaded()) == ""
    ModelAlias.objects.create(  # as no promotion of ours would
        **LIVE.columns, model_name=PROFIT.value, alias=Alias.CHAMPION.value, version=version, moved_at=NOW
    )
    assert reason_of(loaded(LIVE)) == "synthetic"


def test_out_of_its_depth_a_champion_keeps_silent_for_that_candidate_alone():
    champion()
    scorer = loaded()
    assert reason_of(scorer, STRANGE) == "out_of_depth"
    assert reason_of(scorer, TYPICAL) == ""
    assert said_of_profit(scorer) == ""


def changed_byte(folder: Path) -> None:
    path = folder / "mean.txt"
    path.write_bytes(path.read_bytes().replace(b"num_leaves=7", b"num_leaves=6", 1))


@pytest.mark.parametrize(("spoil", "reason"), [(changed_byte, "tampered"), (shutil.rmtree, "missing")])
def test_files_that_change_under_a_running_scorer_are_noticed_at_its_next_look(directory, spoil, reason):
    version = champion()
    scorer = loaded()
    assert reason_of(scorer) == ""
    spoil(directory / version.file_hash)
    scorer.refresh()
    assert reason_of(scorer) == reason
    assert said_of_profit(scorer).startswith(reason)
    assert version.file_hash in said_of_profit(scorer)


def test_garbage_under_its_right_hash_is_broken(directory):
    garbage = bundle_of(PROFIT, boosters={"mean": "garbage"})
    garbage.write(directory)
    champion(file_hash=garbage.file_hash)
    assert reason_of(loaded()) == "broken"


def test_a_document_that_is_no_model_is_broken(directory, monkeypatch):
    monkeypatch.setattr(Bundle, "files", lambda self: {"model.json": b"[]"})
    nonsense = bundle_of(PROFIT)
    nonsense.write(directory)
    champion(file_hash=nonsense.file_hash)
    assert reason_of(loaded()) == "broken"


def test_the_files_of_another_model_are_broken(directory):
    other = bundle_of(ModelName.ROUTE_SUCCESS)
    other.write(directory)
    champion(file_hash=other.file_hash)
    scorer = loaded()
    assert reason_of(scorer) == "broken"
    assert "route_success_predictor" in said_of_profit(scorer)


def test_without_lightgbm_it_abstains(monkeypatch):
    champion()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    native.library.cache_clear()
    try:
        scorer = loaded()
    finally:
        native.library.cache_clear()
    assert reason_of(scorer) == "no_lightgbm"
    assert said_of_profit(scorer) == "no_lightgbm: LightGBM is not installed"


def test_a_promotion_is_followed_and_loads_only_what_is_new():
    champion()
    scorer = loaded()
    place(version_of(PROFIT, scope=SIM, tag="20260102_000000", seed=2))
    assert scorer(TYPICAL).versions == ((PROFIT.value, TAG),)
    scorer.refresh()
    assert scorer(TYPICAL).versions == ((PROFIT.value, "20260102_000000"),)
    scorer.refresh()
    assert scorer._shelf.loads == 2


def test_what_an_alias_no_longer_names_is_no_longer_served():
    champion()
    scorer = loaded()
    ModelAlias.objects.all().delete()
    scorer.refresh()
    assert scorer(TYPICAL) == Abstained("no_model")


def test_while_the_database_is_away_all_stays_as_it_was(monkeypatch):
    champion()
    scorer = loaded()
    monkeypatch.setattr(scoring, "placed_now", _away)
    scorer.refresh()
    assert reason_of(scorer) == ""


def test_a_first_load_that_finds_no_database_is_an_error(monkeypatch):
    monkeypatch.setattr(scoring, "placed_now", _away)
    with pytest.raises(OperationalError):
        loaded()


def _away(scope):
    raise OperationalError("server closed the connection unexpectedly")


def test_one_who_has_read_nothing_yet_abstains():
    champion()
    assert unread_scorer(SIM)(TYPICAL) == Abstained("no_model")


def test_three_champions_fill_in_all_scores():
    for name in ModelName:
        place(version_of(name, scope=SIM))
    scores = loaded()(TYPICAL)
    assert isinstance(scores, Scores)
    assert None not in (scores.success_probability, scores.expected_net_usd, scores.slippage_bps)


# What a process says of itself.


def told(teller: ServedTeller, *states: Served, after_s: float = 0) -> bool:
    write = teller.due(states, now=NOW + timedelta(seconds=after_s))
    if write is not None:
        write()
    return write is not None


def rows() -> list[tuple]:
    columns = ("process", "model_name", "alias", "tag", "abstains", "since", "seen_at")
    return list(ServedModel.objects.in_scope(SIM).order_by("model_name", "alias").values_list(*columns))


SERVING = Served(PROFIT, Alias.CHAMPION, TAG, "")
SILENT = replace(SERVING, abstains="tampered: its files")


def test_what_is_served_is_written_at_once_and_then_as_a_sign_of_life():
    teller = ServedTeller(SIM, process="stream")
    assert told(teller, SERVING)
    assert rows() == [("stream", PROFIT.value, "champion", TAG, "", NOW, NOW)]
    assert not told(teller, SERVING, after_s=29)
    assert told(teller, SERVING, after_s=30)
    assert rows() == [("stream", PROFIT.value, "champion", TAG, "", NOW, NOW + timedelta(seconds=30))]


def test_a_clock_that_was_set_back_keeps_no_process_silent():
    teller = ServedTeller(SIM, process="stream")
    told(teller, SERVING)
    assert told(teller, SERVING, after_s=-3600)
    assert rows()[0][-1] == NOW - timedelta(hours=1)
    assert not told(teller, SERVING, after_s=-3590)


def test_a_change_is_written_at_once_with_when_it_came():
    teller = ServedTeller(SIM, process="stream")
    told(teller, SERVING)
    assert told(teller, SILENT, after_s=3)
    changed = NOW + timedelta(seconds=3)
    assert rows() == [("stream", PROFIT.value, "champion", TAG, "tampered: its files", changed, changed)]


def test_a_place_that_is_gone_is_no_longer_told_and_other_processes_rows_stay():
    challenger = replace(SERVING, alias=Alias.CHALLENGER)
    told(ServedTeller(SIM, process="scan"), SERVING)
    teller = ServedTeller(SIM, process="stream")
    told(teller, SERVING, challenger)
    assert told(teller, SERVING, after_s=3)
    assert [(row[0], row[2]) for row in rows()] == [("scan", "champion"), ("stream", "champion")]


def test_a_reason_longer_than_its_column_is_cut():
    told(ServedTeller(SIM, process="stream"), replace(SERVING, abstains="x" * 500))
    assert rows()[0][4] == "x" * 200


def test_each_change_is_logged_once(capsys, monkeypatch):
    logged = []
    monkeypatch.setattr("mlops.services.served.log", _Log(logged))
    teller = ServedTeller(SIM, process="stream")
    for after_s, state in enumerate((SERVING, SERVING, SILENT, SILENT)):
        told(teller, state, after_s=after_s)
    assert [(event, facts["tag"]) for event, facts in logged] == [("model_served", TAG), ("model_abstains", TAG)]
    assert logged[1][1]["why"] == "tampered: its files"


class _Log:
    def __init__(self, logged: list) -> None:
        self.info = self.warning = lambda event, **facts: logged.append((event, facts))


def test_serving_imports_nothing_that_trains():
    import subprocess

    script = """
import sys
from mlops.serving import Model
from mlops.bundle import Bundle
from domain.features import FeatureVector, FEATURE_NAMES
from pathlib import Path
model = Model.open(Path(sys.argv[1]), sys.argv[2])
print(model.judge(FeatureVector((0.0,) * len(FEATURE_NAMES))))
print(sorted({"lightgbm", "sklearn", "pandas", "numpy", "scipy", "mlflow", "pickle"} & set(sys.modules)))
"""
    bundle = bundle_of(PROFIT)
    folder = bundle.write(Path(scoring.settings.ARB.models.directory))
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder.parent), bundle.file_hash], capture_output=True, text=True, check=True
    )
    said, imported = done.stdout.splitlines()
    assert said.startswith("{'expected_net_usd'")
    assert imported == "[]"
