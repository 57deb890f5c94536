"""``manage.py models``: what it shows at 80 columns and at 120, what it changes, and what it refuses with which code."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from arbsite.entry import exit_code
from domain.errors import BadInput, Refused
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import ModelAlias, ServedModel
from mlops.services import register
from mlops.services.promotion import suspend
from ops.models import OperatorAction
from risk.stopfile import operator
from tests.mlops.test_comparison import KNOWS_NOTHING, SCOPE, outcomes, version
from tests.mlops.trained import bundle, trained

pytestmark = pytest.mark.django_db

MODEL = "route_success_predictor"


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))
    return tmp_path


@pytest.fixture
def ask(capsys, monkeypatch):
    def asked(*words, columns=80):
        monkeypatch.setenv("COLUMNS", str(columns))
        call_command("models", *words)
        return capsys.readouterr().out

    return asked


def made(text="tree\n", *, now=None, **changes):
    told = trained(bundle(text), **changes)
    return register(told, scope=SCOPE, seed=7, is_synthetic=False, now=now or datetime.now(UTC))


def served(process, tag="", *, seen_s_ago=5, abstains="", alias="champion"):
    now = datetime.now(UTC)
    told = {"process": process, "model_name": MODEL, "alias": alias, "tag": tag, "abstains": abstains}
    ServedModel.objects.create(
        **SCOPE.columns, **told, since=now - timedelta(hours=1), seen_at=now - timedelta(seconds=seen_s_ago)
    )


def held():
    return {row.alias: row.version.tag for row in ModelAlias.objects.in_scope(SCOPE)}


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_shows_who_serves_where_and_why_one_abstains(ask, columns):
    old, new = made(), made("another\n", has_skill=False, why="AUC 0.51")
    suspend(ModelName.ROUTE_SUCCESS, "it lost to the rule", scope=SCOPE, now=datetime.now(UTC))
    served("stream", old.tag, abstains="suspended: it lost to the rule")
    served("scan", new.tag, alias="challenger")
    served("collect", seen_s_ago=600, abstains="no_model")

    shown = ask(columns=columns)

    lines = shown.splitlines()
    assert max(map(len, lines)) <= columns
    flat = " ".join(shown.split())
    assert f"{old.tag} champion, suspended:" in flat
    assert any(line.startswith(new.tag) and " no " in line for line in lines)
    assert "MLflow does not know 2 versions yet." in shown
    by_process = {line.split()[0]: line for line in lines if line.strip()}
    seen = re.search(r"(\d+) s ago", by_process["stream"])
    assert seen and int(seen[1]) in range(5, 65)  # and what this machine took to ask
    assert "judges" in by_process["scan"]
    assert "is silent" in by_process["collect"]


def test_the_list_as_json_is_one_object_with_everything(ask):
    version = made()
    served("stream", version.tag)
    told = json.loads(ask("list", MODEL, "--json"))
    assert (told["mode"], told["run_id"]) == ("sim", "")
    assert told["versions"][0]["tag"] == version.tag
    assert told["versions"][0]["aliases"] == ["champion"]
    assert told["aliases"][0]["alias"] == "champion"
    assert told["served"][0]["process"] == "stream"
    assert json.loads(ask("list", "profit_maximizer", "--json"))["versions"] == []


def test_without_a_model_it_says_who_decides(ask):
    assert "There is no model in sim yet: the rules decide alone. 'manage.py train --mode sim' makes one." in ask()


@pytest.mark.parametrize("columns", [80, 120])
def test_a_version_is_shown_with_its_making_and_its_figures(ask, columns):
    measure = {"value": 0.7, "low": 0.6, "high": 0.8}
    changed = {"rule_usd": {"value": 1_385.5}, "changed_usd": {"value": 47.3, "low": -0.06, "high": 1_102.4}}
    metrics = {
        "judged": {"auc": {**measure, "high": None}, "accuracy": measure},
        "baselines": {"rule": {"accuracy": 0.5}},
        "importance": {"net_bps": 0.2, "skew_ms": 0.3},
        "veto": {"shadow": {"n": 9, "n_vetoed": 2, **changed}, "executed": {"n": 454, "n_vetoed": 69, **changed}},
    }
    parent, version = made(), made("another\n", metrics=metrics)
    shown = ask("show", MODEL, version.tag, columns=columns)
    assert max(map(len, shown.splitlines())) <= columns
    assert shown.startswith(f"{MODEL} {version.tag}, challenger\nIt could serve.\n")
    for part in (version.file_hash[:40], parent.tag, "200, of them 60 executed", "AUC 0.70 (0.60 to 0.80)"):
        assert part in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    first = rows.index("accuracy 70.0% 60.0% to 80.0% 50.0%")
    assert rows[first + 1] == "AUC 0.7 too few to say –"
    first = rows.index("executed 454 69 $1,385.50 $47.30 -$0.06 to $1,102.40")
    assert rows[first + 1].startswith("shadow 9 2 ")
    assert "It rests most on skew ms 30%, net bps 20%." in shown
    told = json.loads(ask("show", MODEL, "challenger", "--json"))
    assert (told["tag"], told["metrics"]["judged"]["auc"]["value"], told["cannot_serve"]) == (version.tag, 0.7, "")


def test_a_version_that_could_not_serve_says_why(ask):
    made(now=datetime.now(UTC) - timedelta(days=30))
    assert "It could not serve: it expired at " in ask("show", MODEL, "champion")


def test_a_promotion_and_a_rollback_are_told_and_kept(ask):
    old, new = made(), made("another\n")

    would = ask("promote", MODEL, new.tag, "--reason", "better", "--dry-run")
    assert would.splitlines()[0] == f"{MODEL} {new.tag} would be the champion of sim."
    assert held()["champion"] == old.tag

    told = json.loads(ask("promote", MODEL, "challenger", "--reason", "better", "--json"))
    assert (told["champion"], told["former"], told["dry_run"]) == (new.tag, old.tag, False)
    assert held() == {"champion": new.tag, "previous": old.tag}

    assert json.loads(ask("rollback", MODEL, "--reason", "worse", "--dry-run", "--json"))["champion"] == old.tag
    said = ask("rollback", MODEL, "--reason", "worse")
    assert said.startswith(f"{MODEL} {old.tag} is the champion of sim.\n{new.tag} is the challenger.\n")
    assert held() == {"champion": old.tag, "challenger": new.tag}
    actions = OperatorAction.objects.order_by("id").values_list("actor", "action", "reason")
    assert list(actions) == [(operator(), "promote_model", "better"), (operator(), "roll_back_model", "worse")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "magic", "x"), 2, "'magic' is no model: name one of route_success_predictor, "),
        (("show", MODEL, "20200101_000000"), 2, "has no version '20200101_000000'"),
        (("show", MODEL, "previous"), 2, f"{MODEL} has no previous in sim"),
        (("show", MODEL), 2, f"models show takes MODEL VERSION, but {MODEL} was given"),
        (("promote", MODEL, "champion"), 2, "--reason is missing"),
        (("promote", MODEL, "champion", "--reason", "again"), 4, "is the champion of sim already"),
        (("promote", MODEL, "challenger", "--reason", "x", "--dry-run"), 4, "it has shown no skill: AUC 0.51"),
        (("rollback", MODEL, "--reason", "worse"), 4, "has no previous champion in sim to roll back to"),
        (("shadow", "profit_maximizer"), 2, "profit_maximizer has no champion in sim"),
        (("list", "--run", "nowhere"), 2, "there is no sim run 'nowhere'"),
    ],
)
def test_what_is_refused_is_one_sentence_with_its_exit_code(ask, words, code, said):
    made()
    made("another\n", has_skill=False, why="AUC 0.51")
    before = held()
    with pytest.raises((BadInput, Refused), match=said) as error:
        ask(*words)
    assert exit_code(error.value) == code
    assert held() == before


def test_an_unknown_action_is_a_mistake_in_usage():
    with pytest.raises(CommandError, match="invalid choice: 'forget'"):
        call_command("models", "forget")


def test_without_two_that_judge_side_by_side_there_is_no_shadow(ask):
    made()
    assert ask("shadow") == "No model has both a champion and a challenger in sim: there is nothing to compare.\n"
    assert json.loads(ask("shadow", "--json")) == {"comparisons": []}


@pytest.mark.parametrize("columns", [80, 120])
def test_two_versions_are_compared_verdict_first(ask, columns):
    outcomes(120)
    knows, guesses = version(), version(**KNOWS_NOTHING)

    shown = ask("compare", MODEL, knows.tag, guesses.tag, columns=columns)

    assert max(map(len, shown.splitlines())) <= columns
    flat = " ".join(shown.split())
    assert flat.startswith(f"{MODEL} in sim: {knows.tag} is better than {guesses.tag} by its Brier score")
    assert "On 120 outcomes that both judged, 60 executed" in flat
    assert any(line.startswith("Brier score ") and line.endswith(" first ") for line in shown.splitlines())
    told = json.loads(ask("compare", MODEL, knows.tag, guesses.tag, "--json"))
    assert (told["n"], told["measures"][0]["better"]) == (120, "a")


def test_the_shadow_is_told_for_every_model_that_has_one(ask):
    champion, challenger = version(), version(**KNOWS_NOTHING)
    beside = {"success_probability": 0.5, "versions": [[MODEL, challenger.tag]]}
    told = {"success_probability": 0.5, "versions": [[MODEL, champion.tag]], "shadow": beside}
    outcomes(20, scores=lambda number: told)
    found = json.loads(ask("shadow", "--json"))["comparisons"]
    assert [(one["model"], one["a"], one["b"], one["n"]) for one in found] == [
        (MODEL, champion.tag, challenger.tag, 20)
    ]
    assert "Neither is better beyond doubt" in ask("shadow", MODEL)


def test_another_scope_is_shown_on_request(ask):
    made()
    run = Scope(Mode.DRY_RUN)
    version = register(trained(), scope=run, seed=7, is_synthetic=False, now=datetime.now(UTC))
    told = json.loads(ask("--mode", "dry_run", "--json"))
    assert [one["tag"] for one in told["versions"]] == [version.tag]
