"""Plots as inline SVG: named for those who do not see them, coloured by the page, the same from the same data."""

from xml.etree import ElementTree as ET

from ops.plots import SERIES, VARIABLES, drawn, finish


def _line(axes):
    axes.plot([0, 1, 2], [1, 3, 2], color=SERIES[0], label="a line")
    finish(axes)


def test_the_same_plot_is_the_same_text_and_another_salt_gives_other_names():
    one, again, other = (drawn(_line, title="A plot", salt=salt) for salt in ("x", "x", "y"))
    assert one == again
    assert one != other


def test_a_plot_is_named_and_coloured_by_the_page():
    svg = drawn(_line, title="A plot", salt="x", width_in=4.0)
    assert ET.fromstring(svg).attrib["aria-label"] == "A plot"
    assert "var(--series-1)" in svg
    assert not [colour for colour in VARIABLES if colour in svg]
