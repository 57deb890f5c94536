"""A watch's scorer follows the rows by the writer's thread, and says what it serves."""

import asyncio
import threading
from dataclasses import replace
from functools import partial

import pytest

from domain.scores import Abstained, ModelName
from domain.timestamps import from_ns
from mlops.models import ModelAlias, ModelVersion, ServedModel
from mlops.services import unread_scorer
from tests.fakes import NOW_NS, SIM, FixedClock
from tests.mlops.serving.bundles import TYPICAL
from tests.mlops.serving.placed import TAG, place, version_of
from trading.services.stream.context import from_rows
from trading.services.stream.models import follow_models
from trading.services.writer import Writer

PROFIT = ModelName.PROFIT


@pytest.fixture
def writer(settings, transactional_db, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))
    found = Writer()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def scorer(writer):
    return unread_scorer(SIM, now_ns=lambda: NOW_NS)


@pytest.fixture
async def following(writer, scorer):
    work = follow_models(scorer, scope=SIM, process="stream", clock=FixedClock(), writer=writer, every_s=0.02)
    task = asyncio.create_task(work)
    yield task
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


def promote(tag: str, seed: int = 1) -> None:
    place(version_of(PROFIT, scope=SIM, tag=tag, seed=seed))


async def until(is_so, within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def versions(scorer):
    answer = scorer(TYPICAL)
    return None if isinstance(answer, Abstained) else dict(answer.versions)


async def test_a_promotion_and_a_rollback_are_followed(writer, scorer, following):
    assert scorer(TYPICAL) == Abstained("no_model")
    later = "20260102_000000"
    moves = [(partial(promote, TAG), TAG), (partial(promote, later, 2), later), (partial(back_to, TAG), TAG)]
    for move, tag in moves:
        await from_rows(move, writer=writer)
        await until(lambda tag=tag: versions(scorer) == {PROFIT.value: tag})


def back_to(tag: str) -> None:
    place(ModelVersion.objects.get(tag=tag))


async def test_what_is_served_is_told(writer, scorer, following):
    def rows():
        found = ServedModel.objects.in_scope(SIM).filter(process="stream")
        return {(row.model_name, row.alias): (row.tag, row.abstains, row.seen_at) for row in found}

    async def told():
        return await from_rows(rows, writer=writer)

    async def until_told(tag, abstains):
        async with asyncio.timeout(60):
            while (await told()).get((PROFIT.value, "champion")) != (tag, abstains, from_ns(NOW_NS)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    await until_told("", "no_model")
    await from_rows(partial(promote, TAG), writer=writer)
    await until_told(TAG, "")
    suspended = {"suspended_at": from_ns(NOW_NS), "suspended_why": "lost to the rule"}
    await from_rows(lambda: ModelAlias.objects.update(**suspended), writer=writer)
    await until_told(TAG, "suspended: lost to the rule")
    assert len(await told()) == len(ModelName)


async def test_where_rows_cannot_be_read_it_goes_on_as_it_was(writer, scorer, following, monkeypatch):
    await from_rows(partial(promote, TAG), writer=writer)
    await until(lambda: versions(scorer) == {PROFIT.value: TAG})
    monkeypatch.setattr("trading.services.stream.models.from_rows", _no_answer)
    await asyncio.sleep(0.1)
    assert versions(scorer) == {PROFIT.value: TAG}
    assert not following.done()


async def _no_answer(read, **told):
    return None


async def test_before_the_rows_were_read_nothing_is_told(writer, scorer, monkeypatch):
    monkeypatch.setattr("trading.services.stream.models.from_rows", _no_answer)
    work = follow_models(scorer, scope=SIM, process="stream", clock=FixedClock(), writer=writer, every_s=0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await work
    assert writer.counts["served_models"] == 0


async def test_rows_are_read_ahead_of_what_else_the_writer_has_to_do(writer, scorer, following):
    released, reads_so_far = threading.Event(), []

    def job(*, waits: bool = False) -> None:
        reads_so_far.append(writer.counts["rows_read"])
        if waits:
            released.wait(30)

    writer.submit("first", partial(job, waits=True))
    for _ in range(20):
        writer.submit("queued", job)
    await until(lambda: reads_so_far and writer._ahead.qsize() > 0)
    released.set()
    await until(lambda: len(reads_so_far) == 21)
    assert reads_so_far[1] > reads_so_far[0]
