"""Minutes of one answer: whole ones alone, quiet ones filled in, each once."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading.venues.bars import MinuteBar, whole_minutes


def bar(minute: int, price: int = 100, volume: int = 1) -> MinuteBar:
    return MinuteBar(minute * 60, *[Decimal(price)] * 4, Decimal(volume))


def minutes(bars: list[MinuteBar]) -> list[int]:
    return [one.minute_s // 60 for one in bars]


def test_the_minute_that_still_runs_is_left_out():
    assert minutes(whole_minutes([bar(1), bar(2), bar(3)], since_s=60, until_s=3 * 60 + 59)) == [1, 2]


def test_a_minute_without_a_trade_keeps_the_price_before_it():
    found = whole_minutes([bar(1, 100), bar(4, 110)], since_s=0, until_s=600)
    assert found[1:3] == [bar(2, 100, 0), bar(3, 100, 0)]


def test_the_later_word_on_a_minute_counts():
    assert whole_minutes([bar(1, 100), bar(1, 101)], since_s=0, until_s=600) == [bar(1, 101)]


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(0, 2400), st.integers(0, 2400))
def test_what_comes_out_is_every_minute_from_the_first_to_the_last_within_the_span(told, since_s, until_s):
    found = whole_minutes(map(bar, told), since_s=since_s, until_s=until_s)
    first, last = (min(told), max(told)) if told else (0, -1)
    assert minutes(found) == [at for at in range(first, last + 1) if since_s <= at * 60 <= until_s - 60]
