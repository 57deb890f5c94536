import json
from dataclasses import replace
from datetime import timedelta

import pytest

from arbsite.demo.audit import Audit
from arbsite.demo.errors import LoggedError
from arbsite.demo.journal import Disturbance
from arbsite.demo.learning import Learning, learning_of
from arbsite.demo.summary import Ending, as_json, as_lines, exit_code
from domain.features import FEATURE_HASH
from domain.scope import Mode, Scope
from mlops.models import ModelAlias, Sample
from tests.mlops.test_models import store

CLEAN = Audit(0, 0, 0, 0, 0, 0)


@pytest.fixture
def ending(plan, snapshot) -> Ending:
    return Ending(
        plan=plan,
        snapshot=snapshot,
        started_at=snapshot.at - timedelta(seconds=33),
        disturbances=(Disturbance("Redis", "no answer", snapshot.at, snapshot.at + timedelta(seconds=2)),),
        unexpected=(),
        explained=(),
        interrupted_by=None,
        audit=CLEAN,
    )


def test_a_demo_that_traded_without_surprises_exits_0(ending):
    assert exit_code(ending) == 0


def test_no_trade_an_unexpected_error_or_rows_that_disagree_exit_1(ending):
    error = LoggedError("stream", ending.started_at, "boom", is_exception=False)
    assert exit_code(replace(ending, unexpected=(error,))) == 1
    assert exit_code(replace(ending, snapshot=replace(ending.snapshot, first_execution_s=None))) == 1
    assert exit_code(replace(ending, audit=replace(CLEAN, open_executions=1))) == 1
    assert exit_code(replace(ending, audit=None)) == 1


def test_the_summary_is_one_json_object_with_what_was_promised(ending):
    summary = json.loads(json.dumps(as_json(ending)))
    assert summary["mode"] == "sim"
    assert summary["seed"] == 7
    assert summary["seconds_to_first_execution"] == 17.1
    assert summary["executions"]["settled"] == 9
    assert summary["executions"]["needs_person"] == 0
    assert summary["refused"] == {"max_open_executions": 3, "not_crossed": 1388, "below_threshold": 763}
    assert summary["breakers"]["consecutive_failures"] == {"state": "open", "trips": 1}
    assert summary["pnl"]["net"] == "7.5"
    assert summary["pnl"]["currency"] == "USD"
    assert summary["chain"] == {"present": True, "why_not": "", "swaps": 4, "reverted": 1, "gas_usd": "2.25"}
    assert summary["unexpected_errors"] == 0
    assert summary["restarts"] == {"stream": 2}
    assert summary["fault_tolerance"][0]["back_after_s"] == 2.0


def test_no_password_is_in_the_summary(ending):
    text = json.dumps(as_json(ending)) + "\n".join(as_lines(ending)) + repr(ending)
    assert "secret" not in text


def test_where_there_is_no_chain_the_summary_says_so_and_why(ending):
    without = replace(ending, plan=replace(ending.plan, why_no_chain="npm does not answer"))
    without = replace(without, snapshot=replace(ending.snapshot, has_chain=False))
    assert "Pools: no chain (npm does not answer)." in as_lines(without)
    assert as_json(without)["chain"]["why_not"] == "npm does not answer"


def test_the_summary_tells_what_models_could_learn_from_and_whether_any_judged(ending):
    assert "Models: unknown, the database did not answer." in as_lines(ending)
    few = replace(ending, learning=Learning(412, 300, 31, ()))
    told = "412 samples, 31 executed outcomes; no champion, the rules decided; training needs 19 outcomes more"
    assert f"Models: {told}." in as_lines(few)
    assert as_json(few)["models"] == {"samples": 412, "near_misses": 300, "outcomes": 31, "champions": ()}
    taught = replace(ending, learning=Learning(900, 500, 80, ("profit_maximizer",)))
    assert "Models: 900 samples, 80 executed outcomes; champions: profit maximizer." in as_lines(taught)


@pytest.mark.django_db
def test_what_a_run_gave_the_models_is_counted_in_its_scope_alone():
    store(Sample, feature_hash=FEATURE_HASH)
    store(Sample, feature_hash=FEATURE_HASH, run_id="another", opportunity_id=2)
    store(ModelAlias)
    assert learning_of(Scope(Mode.SIM)) == Learning(1, 0, 0, ("profit_maximizer",))


def test_people_read_the_same_in_a_few_lines(ending):
    error = LoggedError("stream", ending.started_at, "boom", is_exception=False)
    text = "\n".join(as_lines(replace(ending, unexpected=(error,))))
    for words in (
        "settled 17.1 s after",
        "Breaker consecutive failures tripped 1x, now open.",
        "Redis was gone (no answer), back in 2.0 s.",
        "Pools: 4 swaps, 1 reverted, gas 2.25 USD.",
        "Unexpected errors: 1.",
        "stream: boom",
        "Every row agrees",
    ):
        assert words in text
