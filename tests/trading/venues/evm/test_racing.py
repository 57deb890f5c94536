"""One question, several nodes: who is asked when, and whose answer is taken."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.errors import Unreachable
from trading.venues.evm.jsonrpc import NodeFault
from trading.venues.evm.racing import Outcome, Race


async def at_once() -> None:
    """Every node may be asked at once."""


async def run(
    attempts: dict[str, Callable[[], Awaitable[list[Any]]]],
    *,
    before_each: Callable[[], Awaitable[None]] = at_once,
    hedge_s: float = 0.001,
    deadline_s: float = 60.0,
) -> Outcome:
    race = Race(
        list(attempts),  # type: ignore[arg-type]
        lambda node: attempts[str(node)](),
        before_each=before_each,
        is_doubtful=lambda results: results == [None],
        hedge_s=hedge_s,
        deadline_s=deadline_s,
    )
    return await race.run()


def answering(*results: Any) -> Callable[[], Awaitable[list[Any]]]:
    async def attempt() -> list[Any]:
        return list(results)

    return attempt


def failing(reason: str) -> Callable[[], Awaitable[list[Any]]]:
    async def attempt() -> list[Any]:
        raise NodeFault(reason)

    return attempt


async def hanging() -> list[Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def test_the_first_alone_is_asked_while_it_answers() -> None:
    outcome = await run({"first": answering(1), "second": failing("never asked")}, hedge_s=60)
    assert (outcome.results, outcome.winner, outcome.faults, outcome.slow) == ([1], "first", {}, [])


async def test_after_a_fault_the_next_is_asked_at_once() -> None:
    outcome = await run({"first": failing("html"), "second": answering(2)}, hedge_s=60)
    assert (outcome.results, outcome.winner) == ([2], "second")
    assert outcome.faults["first"].reason == "html"  # type: ignore[index]


async def test_beside_one_that_hangs_the_next_is_asked() -> None:
    outcome = await run({"first": hanging, "second": hanging, "third": answering(3)})
    assert (outcome.results, outcome.winner, outcome.slow) == ([3], "third", ["first", "second"])


async def test_a_slow_answer_wins_over_a_later_fault() -> None:
    second_failed = asyncio.Event()

    async def slow() -> list[Any]:
        await second_failed.wait()
        return [1]

    async def fail() -> list[Any]:
        second_failed.set()
        raise NodeFault("http_500")

    outcome = await run({"first": slow, "second": fail})
    assert (outcome.results, outcome.winner) == ([1], "first")


async def test_a_doubtful_answer_is_taken_when_nobody_knows_better() -> None:
    assert (await run({"first": answering(None), "second": failing("http_500")})).winner == "first"
    assert (await run({"first": answering(None), "second": answering(None)})).winner == "first"
    assert (await run({"first": answering(None), "second": answering(2)})).results == [2]


async def test_a_doubtful_answer_does_not_wait_for_a_node_that_hangs() -> None:
    assert (await run({"first": answering(None), "second": hanging})).winner == "first"
    assert (await run({"first": hanging, "second": answering(None), "third": hanging})).winner == "second"


async def test_when_all_hang_the_deadline_ends_it() -> None:
    outcome = await run({"first": hanging, "second": hanging}, deadline_s=0.01)
    assert (outcome.results, outcome.winner) == (None, None)
    assert "first" in outcome.slow


async def test_an_answer_is_not_kept_waiting_for_the_turn_of_another_node() -> None:
    second_waits = asyncio.Event()
    turns = iter((1, 2))

    async def before_each() -> None:
        if next(turns) == 2:
            second_waits.set()
            await asyncio.Event().wait()

    async def slow() -> list[Any]:
        await second_waits.wait()
        return [1]

    outcome = await run({"first": slow, "second": hanging}, before_each=before_each)
    assert (outcome.results, outcome.slow) == ([1], [])


async def test_a_spent_budget_ends_the_question_only_where_nobody_is_being_asked() -> None:
    turns = 0

    async def before_each() -> None:
        nonlocal turns
        turns += 1
        if turns > 1:
            forbidden.set()
            raise Unreachable("spent")

    async def slow() -> list[Any]:
        await forbidden.wait()
        return [1]

    forbidden = asyncio.Event()
    assert (await run({"first": slow, "second": hanging}, before_each=before_each)).results == [1]
    with pytest.raises(Unreachable, match="spent"):
        await run({"first": answering(1)}, before_each=before_each)


async def test_a_fault_of_our_own_is_not_taken_for_one_of_the_node() -> None:
    async def broken() -> list[Any]:
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        await run({"first": broken, "second": answering(2)})
