"""Correlation ids: fresh by default, and gone when the block is left."""

import contextvars

from ops import correlation


def test_a_block_has_an_id_and_gives_back_the_one_before():
    with correlation.correlated("outer"), correlation.correlated() as inner:
        assert correlation.current() == inner
        assert inner not in ("", "outer")
    assert correlation.current() == ""


def test_two_fresh_ids_differ():
    assert correlation.new() != correlation.new()


def test_an_id_bound_in_one_context_is_not_seen_in_another():
    contextvars.copy_context().run(correlation.bind, "theirs")
    assert correlation.current() == ""
