"""Holds the table of a chain against the chain itself: what differs is left out, each with one sentence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.errors import BadInput, BadMarketData
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.multicall import Read, pack, read_all
from trading.venues.evm.rpc import Rpc
from trading.venues.evm.states import Watched
from trading.venues.evm.wire import (
    DECIMALS,
    FACTORY,
    FEE,
    GET_PAIR,
    GET_POOL,
    GET_RESERVES,
    SLOT0,
    TICK_SPACING,
    TOKEN0,
    TOKEN1,
    WORD,
    address_of,
    address_word,
    word,
    words,
)
from trading.venues.identity import ChainTable, Pool, PoolKind, Problem, Token

_RESERVES_BYTES = 3 * WORD


@dataclass(frozen=True, slots=True)
class Checked:
    """What of a table can be used on the chain as it is, and what cannot."""

    watched: Watched
    problems: tuple[Problem, ...]


class _Unsound(BadInput):
    """An entry that the chain contradicts."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(reason, sentence)


async def check_table(rpc: Rpc, table: ChainTable, pools: Sequence[Pool], *, at: Block) -> Checked:
    """Return those of ``pools`` that the chain bears out. Raises: Refused, Unreachable, BadMarketData."""
    return await _Check(rpc, table, at).run(pools)


class _Check:
    """One look at a chain's contracts."""

    def __init__(self, rpc: Rpc, table: ChainTable, at: Block) -> None:
        self._rpc = rpc
        self._table = table
        self._at = at
        self._problems: list[Problem] = []

    async def run(self, pools: Sequence[Pool]) -> Checked:
        sound = await self._sound_tokens(pools)
        v2, v3 = [], {}
        for pool, answers in await self._answers(pools):
            if not {pool.base, pool.quote} <= sound:
                continue  # said of the token
            try:
                await self._check_pool(pool, answers)
                if pool.kind is PoolKind.V2:
                    v2.append(pool)
                else:
                    v3[pool] = _spacing(pool, answers)
            except _Unsound as unsound:
                self._problems.append(unsound.problem)
        return Checked(Watched(self._table.multicall3, tuple(v2), v3), tuple(self._problems))

    async def _sound_tokens(self, pools: Sequence[Pool]) -> set[Token]:
        tokens = list(dict.fromkeys(token for pool in pools for token in (pool.base, pool.quote)))
        reads = [Read(token.address, DECIMALS) for token in tokens]
        answers = await read_all(self._rpc, pack(self._table.multicall3, reads), at=self._at)
        sound = set()
        for token, answer in zip(tokens, answers, strict=True):
            try:
                await self._check_token(token, answer)
                sound.add(token)
            except _Unsound as unsound:
                self._problems.append(unsound.problem)
        return sound

    async def _check_token(self, token: Token, answer: bytes | None) -> None:
        name = f"{token.symbol} at {token.address} on chain {token.chain_id}"
        await self._check_code(token.address, name, answer)
        decimals = _number(answer)
        if decimals != token.decimals:
            told = "tells no decimals" if decimals is None else f"has {decimals} decimals"
            raise _Unsound(
                "decimals_differ", f"{name} {told}, and the table says {token.decimals}: its pools are left out"
            )

    async def _check_pool(self, pool: Pool, answers: Sequence[bytes | None]) -> None:
        name = f"{pool} at {pool.address} on chain {pool.base.chain_id}"
        await self._check_code(pool.address, name, answers[0])
        tokens = {pool.base.address.lower(), pool.quote.address.lower()}
        told = {_address(answers[0]), _address(answers[1])}
        if None in told:
            raise _Unsound("not_a_pool", f"{name} is no pool: it does not tell its tokens")
        if told != tokens:
            raise _Unsound("tokens_differ", f"{name} trades {_listed(told)}, and the table says {_listed(tokens)}")
        if _address(answers[2]) != pool.factory.lower():
            raise _Unsound("factory_differs", f"{name} is of the factory {_address(answers[2])}, not of {pool.factory}")
        if _address(answers[3]) != pool.address.lower():
            raise _Unsound(
                "factory_differs", f"the factory {pool.factory} does not know {name} as its pool of that pair"
            )
        if pool.kind is PoolKind.V3:
            _check_v3(pool, name, answers)
        elif answers[4] is None or len(answers[4]) != _RESERVES_BYTES:
            raise _Unsound("not_a_pool", f"{name} is no v2 pool: it does not tell its reserves")

    async def _check_code(self, address: str, name: str, answer: bytes | None) -> None:
        """Ask whether there is code only where the answer is empty: a contract without code answers just so."""
        if answer == b"" and await self._rpc.call("eth_getCode", [address], at=self._at) == "0x":
            raise _Unsound("no_code", f"{name} has no code")

    async def _answers(self, pools: Sequence[Pool]) -> list[tuple[Pool, list[bytes | None]]]:
        asked = [(pool, _reads_of(pool)) for pool in pools]
        packed = pack(self._table.multicall3, [read for _, reads in asked for read in reads])
        answers = iter(await read_all(self._rpc, packed, at=self._at))
        return [(pool, [next(answers) for _ in reads]) for pool, reads in asked]


def _reads_of(pool: Pool) -> list[Read]:
    common = [Read(pool.address, data) for data in (TOKEN0, TOKEN1, FACTORY)]
    both = address_word(pool.base.address) + address_word(pool.quote.address)
    if pool.kind is PoolKind.V2:
        return [*common, Read(pool.factory, GET_PAIR + both), Read(pool.address, GET_RESERVES)]
    known_as = Read(pool.factory, GET_POOL + both + word(pool.fee_pips))
    return [*common, known_as, *(Read(pool.address, data) for data in (FEE, TICK_SPACING, SLOT0))]


def _check_v3(pool: Pool, name: str, answers: Sequence[bytes | None]) -> None:
    fee_pips = _number(answers[4])
    if fee_pips != pool.fee_pips:
        raise _Unsound("fee_differs", f"{name} takes {fee_pips} pips, and the table says {pool.fee_pips}")
    if not _number(answers[6]):
        raise _Unsound("empty", f"{name} has no price yet: nobody has put anything in")


def _spacing(pool: Pool, answers: Sequence[bytes | None]) -> int:
    spacing = _number(answers[5])
    if spacing is None or not 0 < spacing <= 16_384:
        raise _Unsound("not_a_pool", f"{pool} at {pool.address} tells no spacing of its ticks")
    return spacing


def _number(answer: bytes | None) -> int | None:
    try:
        return words(answer, 1)[0] if answer is not None else None
    except BadMarketData:
        return None


def _address(answer: bytes | None) -> str | None:
    number = _number(answer)
    try:
        return None if number is None else address_of(number)
    except BadMarketData:
        return None


def _listed(addresses: Iterable[str | None]) -> str:
    return " and ".join(sorted(str(address) for address in addresses))
