"""The report as words, text, JSON and one page: the same figures, nothing asked for from anywhere, no wide lines."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from domain.scores import ModelName
from mlops.validation.as_json import as_json
from mlops.validation.figures import NO_EFFECT, Report
from mlops.validation.page import page_of
from mlops.validation.plots import charts_of, effect_chart
from mlops.validation.text import WIDTH, text_of
from mlops.validation.words import headline, notes
from tests.mlops.validation.outcomes import START, report

REPORT = report(600)
LARGE = report(2_400)
EMPTY = Report(REPORT.scope, START, REPORT.last, REPORT.created_at, 0, 0, missing=tuple(ModelName))


def test_the_page_asks_for_nothing_from_anywhere():
    text = page_of(REPORT)
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\((?!#)", text)
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', text)
    assert "prefers-color-scheme: dark" in text


def test_every_model_has_its_plots_and_the_effect_one():
    drawn = [chart.title for model in REPORT.models for chart in charts_of(model)]
    assert drawn == ["Calibration", "How sure it was", *(["Predicted against actual", "How far it was off"] * 2)]
    for chart in (*(chart for model in REPORT.models for chart in charts_of(model)), effect_chart(REPORT)):
        ET.fromstring(chart.svg)
        assert not re.search(r"#0[1-8]0[1-8]0[1-8]", chart.svg)


def test_plots_in_one_page_share_no_names():
    named = [
        set(re.findall(r'\bid="([^"]+)"', chart.svg))
        - set(
            re.findall(
                r'\bid="((?:figure|patch|axes|matplotlib|text|line2d|xtick|ytick|legend|LineC|PathC)[^"]*)"', chart.svg
            )
        )
        for model in REPORT.models
        for chart in charts_of(model)
    ]
    assert sum(map(len, named)) == len(set().union(*named))


def test_the_text_fits_a_terminal_and_names_every_expected_figure():
    lines = text_of(REPORT).splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []
    text = "\n".join(lines)
    for expected in ("60 to 70 %", "55 to 65 %", "0.55 to 0.65", "$5 to $15", "10 to 25 %", "5 to 15 bps"):
        assert expected in text


def test_below_two_thousand_outcomes_there_is_no_verdict_on_calibration():
    few, many = ([*notes(one.models[0])][-1] for one in (REPORT, LARGE))
    assert few.endswith("over 600 outcomes: no verdict, that takes 2,000.")
    assert re.search(r"over 2,400 outcomes: (not )?below the 3% that is asked for", many)
    told = [as_json(one)["models"]["route_success_predictor"]["calibration"] for one in (REPORT, LARGE)]
    assert told[0]["verdict"] is None
    assert told[1]["verdict"] in ("met", "not met")


def test_json_has_one_entry_per_model_and_nothing_that_json_does_not_know():
    told = json.loads(json.dumps(as_json(REPORT), allow_nan=False))
    assert list(told["models"]) == [model.value for model in ModelName]
    accuracy = told["models"]["route_success_predictor"]["figures"]["accuracy"]
    assert accuracy["expected"] == [0.6, 0.7]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert told["models"]["profit_maximizer"]["measured"]["mae"] == pytest.approx(REPORT.models[1].figure("mae").value)
    assert sum(day["change_usd"] for day in told["days"]) == pytest.approx(told["effect"]["change_usd"])


def test_without_models_or_outcomes_it_says_so():
    said = headline(EMPTY)
    assert said[0].startswith("There is no outcome to judge by in sim from 2026-03-01 00:00")
    assert "train profit_maximizer makes one" in said[2]
    assert page_of(EMPTY).count("<svg") == 0
    assert as_json(EMPTY)["models"]["slippage_predictor"]["version"] is None
    assert "Made 2026" in text_of(EMPTY)


def test_samples_of_other_features_are_named_where_nothing_else_is_there():
    assert "; 12 samples of other features are left out." in headline(replace(EMPTY, of_other_features=12))[0]


def test_what_the_scores_would_have_changed_is_said_with_its_interval():
    assert re.match(
        r"The scores would have refused \d+ of 480 opportunities \(160 executed\), \d+ of them rightly: \+\$[\d.]+ beside the rule's "
        r"-?\$[\d.]+, 95 % sure between \+\$[\d.]+ and \+\$[\d.]+\.$",
        headline(REPORT)[0],
    )
    assert "No opportunity was judged" in headline(replace(REPORT, effect=NO_EFFECT))[0]
    none_refused = replace(REPORT, effect=replace(REPORT.effect, refused=0))
    assert "refused none of 480 opportunities" in headline(none_refused)[0]


def test_what_flatters_or_discounts_a_model_is_said():
    model = REPORT.models[0]
    subject = replace(model.subject, is_synthetic=True, has_skill=False, why="AUC 0.51, between 0.47 and 0.55")
    said = " ".join(notes(replace(model, subject=subject, n_in_sample=9, abstained={"out_of_depth": 3})))
    assert "trained on the simulator's market" in said
    assert "no skill, so that it abstains and the rule decides: AUC 0.51, between 0.47 and 0.55." in said
    assert "9 of 600 outcomes were decided before its training data ended" in said
    assert "It left out 3 (out of depth)" in said


def test_models_without_skill_are_not_followed_and_that_is_said():
    success, profit, _ = REPORT.models
    unskilled = [replace(one, subject=replace(one.subject, has_skill=False)) for one in (success, profit)]
    none_left = replace(REPORT, models=(*unskilled, REPORT.models[2]), followed=NO_EFFECT)
    assert headline(none_left)[1] == (
        "Abstaining for want of skill: Route Success Predictor and Profit Maximizer; so what changes in fact is "
        "nothing, the rule decides."
    )
    one_left = replace(REPORT, models=(unskilled[0], *REPORT.models[1:]), followed=profit.effect)
    assert re.search(
        r"Route Success Predictor; so what changes in fact is \+\$[\d.]+, 95 % sure", headline(one_left)[1]
    )
    assert "Abstaining" not in " ".join(headline(REPORT))


def test_what_comes_from_rows_is_text_and_never_markup():
    model = REPORT.models[0]
    subject = replace(model.subject, has_skill=False, why="<b>none</b>")
    assert "&lt;b&gt;none" in page_of(replace(REPORT, models=(replace(model, subject=subject),)))
