"""A file of tokens and pools that replaces the reviewed table: what a local chain has, one entry at a time."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from domain.errors import BadInput
from trading.venues.identity import MAINNETS, ChainTable, Pool, PoolKind, Problem, Token

T = TypeVar("T")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_NO_ADDRESS = "0x" + "0" * 40
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_SYMBOL = re.compile(r"[A-Za-z0-9.]{1,16}", re.ASCII)
_MOST_DECIMALS = 18  # beyond, an amount fits no money column
_MOST_FEE_PIPS = 100_000
_V2_FEE_STEP = 1000  # its contract reckons in thousandths
_TAKEN = frozenset({"kraken", "alpaca", "ethereum", "polygon"})  # exchanges and chains: no pool is a market of theirs


def table_of(chain: str, chain_id: int, deployment: Path | None) -> ChainTable:
    """Return what is known of a chain: its file where one is named, else the reviewed table. Raises: BadInput."""
    if deployment is None:
        found = MAINNETS.get(chain_id)
        if found is None:
            raise BadInput(f"{chain} is set to chain {chain_id}, of which no table is known: name a file of its pools")
        return found
    table = read_deployment(deployment)
    if table.chain_id != chain_id:
        raise BadInput(f"{deployment} tells of chain {table.chain_id}, and {chain} is set to {chain_id}")
    return table


def read_deployment(path: Path) -> ChainTable:
    """Return the table that a file holds; an entry that cannot be used is left out and named. Raises: BadInput."""
    try:
        return parse_deployment(json.loads(path.read_bytes()), source=path.name)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read as a deployment: {type(error).__name__}") from None
    except BadInput as bad:
        raise BadInput(f"{path}: {bad}") from None


def parse_deployment(given: Any, *, source: str) -> ChainTable:
    """Return the table that ``given`` holds; an entry that cannot be used is left out and named. Raises: BadInput."""
    if not isinstance(given, dict):
        raise BadInput("a deployment is an object")
    problems: list[Problem] = []
    chain_id = _whole(given, "chain_id", 1, 2**53)
    parsed = _each(given, "tokens", lambda row: _token(row, chain_id, source), problems)
    tokens = {token.address.lower(): token for token in parsed}
    pools = _each(given, "pools", lambda row: _pool(row, tokens, source), problems)
    return ChainTable(
        chain_id,
        _address(given, "multicall3"),
        _text(given, "native", _SYMBOL),
        _address(given, "wrapped_native"),
        tuple(tokens.values()),
        tuple(_once(pools, problems)),
        tuple(problems),
    )


def _each(
    given: Mapping[str, Any], name: str, parse: Callable[[Mapping[str, Any]], T], problems: list[Problem]
) -> list[T]:
    rows = given.get(name)
    if not isinstance(rows, list):
        raise BadInput(f"{name} is not a list")
    found = []
    for place, row in enumerate(rows, start=1):
        try:
            if not isinstance(row, dict):
                raise BadInput("it is not an object")
            found.append(parse(row))
        except BadInput as bad:
            problems.append(Problem("bad_entry", f"entry {place} of {name} is left out: {bad}"))
    return found


def _once(pools: Sequence[Pool], problems: list[Problem]) -> list[Pool]:
    """Return the first pool of each market: a venue has one pool of a pair."""
    found: dict[tuple[str, str], Pool] = {}
    for pool in pools:
        first = found.setdefault((pool.venue, pool.pair.symbol), pool)
        if first is not pool:
            problems.append(
                Problem("bad_entry", f"{pool} at {pool.address} is left out: {first.address} is that market")
            )
    return list(found.values())


def _token(row: Mapping[str, Any], chain_id: int, source: str) -> Token:
    return Token(
        chain_id,
        _address(row, "address"),
        _text(row, "symbol", _SYMBOL),
        _whole(row, "decimals", 0, _MOST_DECIMALS),
        _text(row, "asset", _SYMBOL),
        source,
    )


def _pool(row: Mapping[str, Any], tokens: Mapping[str, Token], source: str) -> Pool:
    base, quote = _known(row, "base", tokens), _known(row, "quote", tokens)
    if base.address == quote.address or base.asset == quote.asset:
        raise BadInput(f"it trades {base.symbol} for {quote.symbol}, which are the same")
    kind, fee_pips = _kind(row), _whole(row, "fee_pips", 0, _MOST_FEE_PIPS)
    if kind is PoolKind.V2 and fee_pips % _V2_FEE_STEP:
        raise BadInput(f"its fee of {fee_pips} pips is none that a v2 pool takes: thousandths alone")
    return Pool(
        _venue(row),
        kind,
        _address(row, "factory"),
        _address(row, "address"),
        base,
        quote,
        fee_pips,
        source,
        _address(row, "router") if row.get("router") else None,
    )


def _venue(row: Mapping[str, Any]) -> str:
    venue = _text(row, "venue", _NAME)
    if venue in _TAKEN:
        raise BadInput(f"its venue {venue!r} is the name of an exchange or a chain")
    return venue


def _kind(row: Mapping[str, Any]) -> PoolKind:
    try:
        return PoolKind(str(row.get("kind")))
    except ValueError:
        raise BadInput(f"its kind {row.get('kind')!r} is neither v2 nor v3") from None


def _known(row: Mapping[str, Any], name: str, tokens: Mapping[str, Token]) -> Token:
    address = _address(row, name)
    if address.lower() not in tokens:
        raise BadInput(f"its {name} {address} is none of the tokens")
    return tokens[address.lower()]


def _address(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value) or value == _NO_ADDRESS:
        raise BadInput(f"its {name} {str(value)[:60]!r} is no address")
    return value


def _text(row: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise BadInput(f"its {name} is {str(value)[:60]!r}")
    return value


def _whole(row: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = row.get(name)
    if type(value) is not int or not least <= value <= most:
        raise BadInput(f"its {name} {str(value)[:60]!r} is no whole number from {least} to {most}")
    return value
