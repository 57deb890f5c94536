"""What venues list: each is asked by itself, until it answers, so that one that is away holds up no other."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

import structlog

from domain.errors import ArbError, BadInput, Refused, Unreachable
from domain.market import Pair
from domain.terms import Lot
from trading.services.reference.terms import Reference
from trading.venues.base import AccountSource, Listing

log = structlog.get_logger(__name__)

T = TypeVar("T")
Lots = Mapping[Pair, Lot]
Note = Callable[[str, Sequence[Listing]], object]  # takes a venue and what it lists of the wanted pairs
ASK_AGAIN_S = 2.0


class Told(Protocol):
    """Who is told how the asking goes."""

    def lists(self, venue: str, pairs: Sequence[Pair], missing: Sequence[Pair]) -> None:
        """Take what a venue lists of the wanted pairs, and what it does not."""

    def fails(self, venue: str, error: ArbError, *, is_final: bool) -> None:
        """Take why a venue did not answer; it is asked again unless that is final."""


class Unheard:
    """Tells nobody: what matters is logged."""

    def lists(self, venue: str, pairs: Sequence[Pair], missing: Sequence[Pair]) -> None: ...

    def fails(self, venue: str, error: ArbError, *, is_final: bool) -> None: ...


async def reference_of(
    sources: Mapping[str, AccountSource],
    pairs: Sequence[Pair],
    *,
    ask_again_s: float = ASK_AGAIN_S,
    note: Note | None = None,
    of: str = "all pairs",
) -> Reference:
    """Return what all venues list of the wanted pairs; one that refuses is left out, and that is logged.

    ``note`` takes each venue's own words on them; ``of`` is whose pairs they are. Raises: BadInput if nothing is left
    to watch.
    """
    asking = (
        ask_until_answered(venue, source, pairs, told=Unheard(), ask_again_s=ask_again_s, note=note)
        for venue, source in sources.items()
    )
    known = Reference.of(dict(zip(sources, await asyncio.gather(*asking), strict=True)))
    if not known.lots:
        raise BadInput(f"no venue lists any of the pairs in ARB_PAIRS ({of}: {', '.join(map(str, pairs))})")
    return known


async def ask_until_answered(
    venue: str,
    source: AccountSource,
    pairs: Sequence[Pair],
    *,
    told: Told,
    ask_again_s: float | None = ASK_AGAIN_S,
    note: Note | None = None,
) -> Lots:
    """Return the lots of the wanted pairs that a venue lists; none where it refuses, or is away and not asked again."""
    last_error = ""
    while True:
        try:
            listings = await in_thread(source.listings)
        except Refused as error:
            log.error("venue_left_out", venue=venue, error=str(error))
            told.fails(venue, error, is_final=True)
            return {}
        except Unreachable as error:
            if str(error) != last_error:
                last_error = str(error)
                log.warning("listings_not_read", venue=venue, error=last_error)
                told.fails(venue, error, is_final=ask_again_s is None)
            if ask_again_s is None:
                return {}
            await asyncio.sleep(ask_again_s)
        else:
            if note is not None:
                note(venue, [one for one in listings if one.pair in pairs])
            return _lots_in(venue, listings, pairs, told)


def _lots_in(venue: str, listings: Sequence[Listing], pairs: Sequence[Pair], told: Told) -> Lots:
    listed = {one.pair: one.lot for one in listings if one.is_tradable}
    lots = {pair: listed[pair] for pair in pairs if pair in listed}
    missing = tuple(pair for pair in pairs if pair not in lots)
    if missing:
        log.info("pairs_not_listed", venue=venue, pairs=[pair.symbol for pair in missing])
    told.lists(venue, tuple(lots), missing)
    return lots


async def in_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, from a thread that nobody waits for at the end: SDKs take their time to give up."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def hand_over(take: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile, and with it whoever asked
            loop.call_soon_threadsafe(lambda: None if answer.done() else take())

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - the outermost frame of the thread: it is for whoever asked
            failure = error
            hand_over(lambda: answer.set_exception(failure))
        else:
            hand_over(lambda: answer.set_result(result))

    threading.Thread(target=run, daemon=True).start()
    return await answer
