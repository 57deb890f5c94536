"""Two reports side by side, and their way to JSON and back."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import BadInput
from tests.trading.services.backtest.reports import NOTHING_TRADED, REPORT, TOLD
from trading.services.backtest.compare import compare
from trading.services.backtest.figures import Report


def test_every_figure_has_its_difference():
    found = {row.name: row.difference for row in compare(NOTHING_TRADED, REPORT).rows}
    assert found["executed"] == Decimal("1.499")
    assert found["trading beside holding"] == Decimal("1.8567")
    assert found["hold benchmark"] == 0
    assert found["executions"] == 2


def test_only_assumptions_that_differ_are_named_by_their_path():
    dearer = {**TOLD, "fees": {"kraken": {"taker_bps": "26", "source": "stated"}}, "extra": 1}
    other = replace(REPORT, assumptions=dearer, is_limited=False)
    assert compare(REPORT, other).assumptions == (
        ("extra", "-", "1"),
        ("fees.kraken.taker_bps", "40", "26"),
        ("is_limited", "True", "False"),
    )
    assert compare(REPORT, REPORT).assumptions == ()


def test_a_comparison_is_told_in_json():
    told = json.loads(json.dumps(compare(NOTHING_TRADED, REPORT).as_json()))
    assert told["runs"] == [NOTHING_TRADED.run_id, REPORT.run_id]
    assert told["figures"]["executed"] == {"unit": "usd", "one": "0", "other": "1.499", "difference": "1.499"}


@pytest.mark.parametrize("report", [REPORT, NOTHING_TRADED])
def test_a_report_comes_back_from_json_as_it_was(report):
    assert Report.of_json(json.loads(json.dumps(report.as_json()))) == report


@pytest.mark.parametrize(
    "broken", [{}, {"run_id": 1}, {**REPORT.as_json(), "days": 5}, {**REPORT.as_json(), "end_usd": "x"}]
)
def test_what_is_no_report_is_said_to_be_none(broken):
    with pytest.raises(BadInput, match="this is not a Report"):
        Report.of_json(broken)
