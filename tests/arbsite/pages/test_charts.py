"""Bars: as high as their values, upwards for gains and downwards for losses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbsite.pages.charts import Bar, chart

AMOUNTS = st.floats(min_value=-1e9, max_value=1e9).map(lambda amount: round(amount, 18))  # as fine as rows keep money
VALUES = st.lists(AMOUNTS, min_size=1, max_size=60)


def drawn(values):
    bars = [Bar(((value, "c"),), f"{value}") for value in values]
    return chart("t", bars, scale=("", ""), ticks=((0, "first"),), legend=(), summary="s", nothing="nothing")


@given(VALUES)
def test_every_bar_begins_at_the_axis_and_stays_in_the_picture(values):
    picture = drawn(values)
    for value, bar in zip(values, picture.bars, strict=True):
        for box in bar.boxes:
            assert box.y >= -2
            assert box.y + box.height <= picture.height + 2
            edge = box.y + box.height if value > 0 else box.y
            assert edge == pytest.approx(picture.axis_y)


@given(VALUES)
def test_the_longest_bars_span_the_picture(values):
    heights = [sum(box.height for box in bar.boxes) for bar in drawn(values).bars]
    if any(values):
        assert max(heights) >= drawn(values).height / 2 - 1


def test_parts_stand_on_each_other():
    (bar,) = chart("t", [Bar(((1, "a"), (3, "b")), "")], scale=("", ""), ticks=(), legend=(), summary="").bars
    lower, upper = bar.boxes
    assert (lower.colour, upper.colour) == ("a", "b")
    assert upper.y + upper.height == pytest.approx(lower.y)
    assert upper.height == pytest.approx(3 * lower.height)


def test_nothing_is_said_where_nothing_is_drawn():
    assert drawn([0, 0]).nothing == "nothing"
    assert drawn([0, 1]).nothing == ""
    assert chart("t", [], scale=("", ""), ticks=(), legend=(), summary="", nothing="none").nothing == "none"
