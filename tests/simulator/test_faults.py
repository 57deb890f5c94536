"""Fault scripts as data."""

import asyncio

import pytest

from domain.errors import BadInput
from simulator.faults import Channel, Fault, FaultBoard, FaultKind, parse_fault


class Elapsed:
    """A clock that stands where it is put."""

    def __init__(self, at_s: float = 0.0) -> None:
        self.at_s = at_s

    def __call__(self) -> float:
        return self.at_s


def test_a_fault_is_felt_between_its_times_on_its_venue_and_channel() -> None:
    now = Elapsed()
    board = FaultBoard([Fault(FaultKind.STALL, "kraken", 2, 4, channel=Channel.REST)], elapsed_s=now)
    felt = []
    for now.at_s in (1.9, 2.0, 3.9, 4.0):
        felt.append(board.strike(FaultKind.STALL, venue="kraken", channel=Channel.REST) is not None)
    assert felt == [False, True, True, False]
    now.at_s = 3
    assert board.on(FaultKind.STALL, venue="alpaca", channel=Channel.REST) is None
    assert board.on(FaultKind.STALL, venue="kraken", channel=Channel.STREAM) is None
    assert board.felt() == {"kraken:stall": 2}


def test_a_fault_for_every_venue_is_felt_on_each() -> None:
    board = FaultBoard([Fault(FaultKind.HTML, "*", 0, 1)], elapsed_s=Elapsed())
    for venue in ("kraken", "alpaca"):
        assert board.strike(FaultKind.HTML, venue=venue, channel=Channel.REST)
    assert board.felt() == {"kraken:html": 1, "alpaca:html": 1}


def test_added_faults_count_from_now_and_clearing_ends_them() -> None:
    now = Elapsed(100)
    board = FaultBoard([], elapsed_s=now)
    added = board.add(Fault(FaultKind.STALL, "kraken", 0, 5))
    assert (added.from_s, added.to_s) == (100, 105)
    assert board.on(FaultKind.STALL, venue="kraken", channel=Channel.REST) == added
    board.clear()
    assert board.on(FaultKind.STALL, venue="kraken", channel=Channel.REST) is None


async def test_clearing_frees_whoever_waits_for_the_end_of_a_fault() -> None:
    board = FaultBoard([], elapsed_s=Elapsed())
    waiting = asyncio.create_task(board.is_over(board.add(Fault(FaultKind.STALL, "kraken", 0, 1e6))))
    await asyncio.sleep(0)
    assert not waiting.done()
    board.clear()
    await waiting


async def test_a_fault_that_has_ended_holds_nobody() -> None:
    now = Elapsed()
    board = FaultBoard([], elapsed_s=now)
    ended = board.add(Fault(FaultKind.STALL, "kraken", 0, 5))
    now.at_s = 5
    await board.is_over(ended)
    assert board.on(FaultKind.STALL, venue="kraken", channel=Channel.REST) is None


def test_a_fault_without_value_takes_the_default_of_its_kind() -> None:
    values = {kind: Fault(kind, "kraken", 0, 1).value for kind in FaultKind}
    assert values[FaultKind.LATENCY] == 500
    assert values[FaultKind.SERVER_ERROR] == 503
    assert values[FaultKind.CLOCK_SKEW] == 3600
    assert values[FaultKind.STALL] == 0


def test_a_fault_is_read_from_json_fields() -> None:
    fields = {"kind": "latency", "venue": "kraken", "from_s": 1, "to_s": 2.5, "value": 40, "channel": "rest"}
    assert parse_fault(fields) == Fault(FaultKind.LATENCY, "kraken", 1, 2.5, 40, Channel.REST)
    assert parse_fault({"kind": "stall", "to_s": 2}) == Fault(FaultKind.STALL, "*", 0, 2)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "fire", "to_s": 1}, "'fire' is not a valid FaultKind"),
        ({"kind": "stall"}, "lacks the field 'to_s'"),
        ({"kind": "stall", "to_s": "soon"}, "soon"),
        ({"kind": "stall", "to_s": True}, "True is not a number"),
        ({"kind": "stall", "to_s": 1, "venue": "binance"}, "'binance' is unknown"),
        ({"kind": "stall", "from_s": 3, "to_s": 1}, "the end must come later"),
        ({"kind": "stall", "to_s": 1, "until": 5}, "unknown field 'until'"),
        ({"kind": "crossed", "to_s": 1, "channel": "rest"}, "its channel can only be both"),
    ],
)
def test_a_bad_fault_is_refused_by_name(fields: dict[str, object], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        parse_fault(fields)
