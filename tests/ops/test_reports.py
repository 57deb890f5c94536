"""Counts with their nouns."""

import pytest

from ops.reports import plural


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [(1, "opportunity", "1 opportunity"), (0, "opportunity", "0 opportunities"), (12_000, "day", "12,000 days")],
)
def test_a_count_is_said_with_its_noun(count, noun, said):
    assert plural(count, noun) == said
