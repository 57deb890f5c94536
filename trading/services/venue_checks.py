"""How every venue is just now: what the stream tells of it, and what it answers when it is asked."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis
from django.conf import settings

from domain.errors import BadInput, Unreachable
from domain.market import Clock, Pair
from domain.scope import Scope
from trading.marketdata.venue_board import VenueBoard
from trading.marketdata.venue_lines import VenueLine
from trading.services.reference.known import known_reference
from trading.services.reference.terms import Reference
from trading.services.scan.connections import NOT_ASKED_WHY, Connections
from trading.services.venue_facts import not_watched
from trading.venues import roster
from trading.venues.budget import Budget
from trading.venues.evm.endpoints import EndpointStatus
from trading.venues.evm.rpc import RpcCounts
from trading.venues.rest_books import Reading

TOLD_LATELY_S = 5.0  # what a stream told longer ago is no longer how it is
LEAST_HEALTH = 50
LEAST_INTEGRITY = 0.99


@dataclass(frozen=True, slots=True)
class Answered:
    """What a venue answered when it was asked for our pairs; ``faults`` says why a pair gave nothing."""

    markets: int
    of: int
    took_ms: int
    faults: Mapping[str, str]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Spending:
    """A venue's budget of requests."""

    per_s: float
    burst: int
    is_shared: bool  # over all processes; alone a process takes half


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """How a chain's nodes are, and what of its table or settings cannot be used."""

    nodes: tuple[EndpointStatus, ...]
    counts: RpcCounts | None
    problems: tuple[str, ...]
    requests_per_s: int


@dataclass(frozen=True, slots=True)
class VenueCheck:
    """One venue or chain; ``line`` is what the stream told last, None where none watches."""

    venue: str
    answered: Answered
    line: VenueLine | None = None
    spending: Spending | None = None
    chain: ChainCheck | None = None
    faults: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing speaks against trading there."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Checkup:
    """Every venue, and when the stream told of them last; None where it has not."""

    venues: tuple[VenueCheck, ...]
    told_ago_s: float | None
    board_problem: str

    @property
    def is_streamed(self) -> bool:
        """Whether a stream watches just now."""
        return self.told_ago_s is not None and self.told_ago_s <= TOLD_LATELY_S


def sources_of(chosen: str | None) -> tuple[str, ...]:
    """Return the venues and chains that are asked, or the one that ``chosen`` names: a pool's is its chain.

    Raises: BadInput for a name that is none of ours.
    """
    venues = settings.ARB.venues
    pools = roster.pool_venues(venues)
    exchanges = [venue for venue in roster.adapters(venues) if venue not in pools]
    sources = (*exchanges, *(chain.name for chain in venues.chains if chain.is_watched))
    if chosen is None:
        return sources
    found = pools[chosen].chain if chosen in pools else chosen
    if found in sources:
        return (found,)
    if found in {chain.name for chain in venues.chains}:
        raise BadInput(f"{found} is {not_watched(found)}")
    raise BadInput(f"{chosen!r} is none of our venues: they are {', '.join((*sources, *pools))}")


def check_venues(names: Sequence[str], scope: Scope, *, clock: Clock, connections: Connections) -> Checkup:
    """Ask each of ``names`` for our pairs, and put what the stream tells of it beside the answer."""
    lines, told_ago_s, board_problem = _board(connections.redis, scope)
    is_streamed = told_ago_s is not None and told_ago_s <= TOLD_LATELY_S
    checks = tuple(_check(name, lines.get(name) if is_streamed else None, scope, clock, connections) for name in names)
    return Checkup(checks, told_ago_s, board_problem)


def _board(client: "redis.Redis", scope: Scope) -> tuple[dict[str, VenueLine], float | None, str]:
    board = VenueBoard(client, scope, partitions=settings.ARB.partition.count)
    try:
        return {line.venue: line for line in board.lines()}, board.age_s(), ""
    except Unreachable as error:
        return {}, None, str(error)


def _check(name: str, line: VenueLine | None, scope: Scope, clock: Clock, connections: Connections) -> VenueCheck:
    known = known_reference(scope)
    pairs = _pairs_at(name, known)
    answered = _ask(name, pairs, clock, connections, of=_markets_at(name, known) or len(pairs))
    chain = _chain(name, connections)
    budget = connections.budgets.get(name)
    return VenueCheck(
        venue=name,
        answered=answered,
        line=line,
        spending=None if budget is None else _spending(budget),
        chain=chain,
        faults=(*_faults_of_answer(name, answered), *_faults_of_line(line), *_faults_of_chain(chain, answered)),
    )


def _spending(budget: Budget) -> Spending:
    return Spending(budget.allowance.per_s, budget.allowance.burst, budget.is_shared)


def _pairs_at(name: str, known: Reference) -> tuple[Pair, ...]:
    """Return the pairs that are stated there; before any statement, all of ours."""
    by_source = roster.pairs_by_source(settings.ARB.venues, known.pairs, shown=settings.ARB.pairs)
    return by_source.get(name) or tuple(settings.ARB.pairs)


def _markets_at(name: str, known: Reference) -> int:
    sources = roster.sources(settings.ARB.venues)
    return sum(name == sources[key.venue] for key in known.lots)


def _ask(name: str, pairs: tuple[Pair, ...], clock: Clock, connections: Connections, *, of: int) -> Answered:
    began_s = time.monotonic()
    (reading,) = connections.read({name: pairs}) or [Reading(name)]
    took_ms = round((time.monotonic() - began_s) * 1000)
    found, refused = reading.sound(now_ns=clock.now_ns(), max_age_ms=settings.ARB.trading.max_book_age_ms)
    faults = {pair.symbol: reason for pair, reason in refused.items()}
    return Answered(len(found), max(of, len(found)), took_ms, faults, "" if found else reading.error)


def _chain(name: str, connections: Connections) -> ChainCheck | None:
    for source in connections.chains:
        if source.venue == name:
            problems = tuple(problem.sentence for problem in source.problems)
            limits = {chain.name: chain.requests_per_s for chain in settings.ARB.venues.chains}
            return ChainCheck(source.nodes, source.counts, problems, limits[name])
    return None


def _faults_of_answer(name: str, answered: Answered) -> list[str]:
    if answered.error == NOT_ASKED_WHY:
        return []
    if answered.error:
        return [f"does not answer: {answered.error.removeprefix(f'{name}: ')}"]
    return [f"{symbol}: {reason}" for symbol, reason in answered.faults.items()]


def _faults_of_line(line: VenueLine | None) -> list[str]:
    if line is None:
        return []
    faults = [] if line.is_connected else [f"the stream has no connection: {line.last_error or 'cut off'}"]
    if line.health < LEAST_HEALTH:
        faults.append(f"health {line.health} of 100: {', '.join(line.health_reasons)}")
    if line.integrity < LEAST_INTEGRITY:
        faults.append(f"only {line.integrity:.2%} of its books were sound")
    return faults


def _faults_of_chain(chain: ChainCheck | None, answered: Answered) -> list[str]:
    if chain is None:
        return []
    unfit = [node for node in chain.nodes if not node.is_fit and node.reason not in answered.error]  # said once
    problems = [problem for problem in chain.problems if problem not in answered.error]
    return [*(f"node {node.name} is left out: {node.reason}" for node in unfit), *problems]
