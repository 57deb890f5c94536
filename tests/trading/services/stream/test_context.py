"""Rows that a watch reads by the writer, and the loop that waits for them."""

import asyncio

import pytest

from trading.services.stream.context import from_rows


class AtOnce:
    """A writer that runs a job as it is handed over."""

    def offer(self, name, job, *, ahead=False):
        job()
        return True


class Full:
    def offer(self, name, job, *, ahead=False):
        return False


async def test_what_was_read_is_returned_and_none_where_the_writer_takes_no_more():
    assert await from_rows(lambda: "rows", writer=AtOnce()) == "rows"
    assert await from_rows(lambda: "rows", writer=Full()) is None


@pytest.mark.parametrize("turns", range(6))
async def test_a_watch_that_is_ended_at_the_instant_of_the_answer_ends(turns):
    asking = asyncio.ensure_future(from_rows(lambda: "rows", writer=AtOnce()))
    for _ in range(turns):
        await asyncio.sleep(0)
    ended_in_time = asking.cancel()  # False where the answer was returned already
    await asyncio.wait({asking})
    assert asking.cancelled() is ended_in_time
