"""A sample of the campaign, and that the campaign itself can tell good from bad."""

from decimal import Decimal

import pytest

from domain.errors import ArbError, BadMarketData
from tests.fakes import book
from tests.fuzz.campaign import every_shape, payload_of, run
from tests.fuzz.mutate import spoil_json
from tests.fuzz.shape import Shape

SAMPLE = 4_000


def test_a_sample_of_the_campaign_finds_no_crash_and_nothing_decided_on_bad_data() -> None:
    tally = run(SAMPLE, seed=20261122)
    assert tally.faults == []
    assert tally.mutations == SAMPLE
    assert tally.refused > SAMPLE / 3 and tally.markets > SAMPLE / 4


def test_at_least_thirty_shapes_are_tried_and_each_is_read_where_it_is_whole() -> None:
    shapes = every_shape()
    assert len(shapes) >= 30
    for shape in shapes:
        try:
            list(shape.read(shape.payload))
        except ArbError as error:
            assert "error" in shape.name, f"{shape.name}: {error}"


def test_the_same_seed_spoils_alike() -> None:
    shape = every_shape()[0]
    assert payload_of(shape, 5, 1) == payload_of(shape, 5, 1)
    assert len({payload_of(shape, number, 1) for number in range(50)}) > 40


def crash(payload: bytes) -> list[object]:
    raise KeyError("a bug")


def refuse(payload: bytes) -> list[object]:
    raise BadMarketData("crossed")


def test_an_opportunity_is_seen_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = Shape("x", b"1", spoil_json, lambda payload: [book("kraken", "90", "91")])
    monkeypatch.setattr("tests.fuzz.campaign.every_shape", lambda: (cheap,))
    assert run(3, seed=1).opportunities == 3


NEVER = ("2", "1", "1", "1")


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        (Shape("x", b"1", spoil_json, crash), "KeyError"),
        (Shape("x", b"1", spoil_json, lambda payload: [Decimal("NaN")]), "NaN in Decimal"),
        (Shape("x", b"1", spoil_json, lambda payload: [(1.0, float("inf"))]), "inf in tuple"),
        (
            Shape("x", b"1", spoil_json, lambda payload: [book("kraken", "99", "100")], frozenset({NEVER})),
            "a book that never was",
        ),
        (Shape("x", b"1", spoil_json, refuse), ""),
    ],
)
def test_what_must_not_be_is_told_with_what_repeats_it(
    shape: Shape, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fuzz.campaign.every_shape", lambda: (shape,))
    faults = run(1, seed=1).faults
    assert len(faults) == (1 if word else 0)
    assert all(word in fault and "#0 of seed 1" in fault for fault in faults)
