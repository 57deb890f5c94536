"""What doctor looks at: the machine, the servers, the ports, the venues and chains, the clock."""

import json
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from arbsite import config
from arbsite.config import Arb
from arbsite.demo.local_chain import find_chain
from arbsite.embedded.ports import is_free
from arbsite.entry import lease_services
from arbsite.setup.schema import connect_beside, expected_migrations
from domain.errors import Unreachable
from domain.scope import Mode
from domain.secret import Secret
from mlops.serving.native import NoLightGBM, library
from trading.services.venue_facts import not_watched
from trading.venues.evm.endpoints import name_of

_LEAST_FREE_BYTES = 2_000_000_000
_MOST_SKEW_S = 2.0
_VENUE_TIMEOUT_S = 4.0
_WHICH_CHAIN = b'{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}'
_LONGEST_ANSWER_BYTES = 10_000
_FETCHED, _NOT_FETCHED = "fetched", "not fetched: make chain fetches it, for simulated pools"


class Verdict(StrEnum):
    """How a part is."""

    OK = "ok"
    NOTE = "note"  # works, but a person may want to know
    FAULT = "fault"
    DOWN = "down"  # a dependency cannot be used


@dataclass(frozen=True, slots=True)
class Finding:
    """One part and how it is."""

    part: str
    verdict: Verdict
    detail: str


def diagnose() -> list[Finding]:
    """Return what was found, servers first started where they are ours to start."""
    arb = config.current()
    machine = [*_python(), *_models(), *_disk(arb), *_ports(arb), *_stop_file(arb), *_env_file(arb)]
    return [*machine, *_servers(), *_keys(arb), *_venues(arb), *_chains(arb)]


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", Verdict.OK if sys.version_info >= (3, 11) else Verdict.FAULT, version)


def _models() -> Iterator[Finding]:
    try:
        library()
    except NoLightGBM as error:
        yield Finding("models", Verdict.NOTE, f"every model abstains and the rules decide: {error}")
    else:
        yield Finding("models", Verdict.OK, "LightGBM's library can be used")


def _disk(arb: Arb) -> Iterator[Finding]:
    folder = next(path for path in (arb.state_dir, *arb.state_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    verdict = Verdict.OK if free >= _LEAST_FREE_BYTES else Verdict.FAULT
    yield Finding("disk", verdict, f"{free / 1e9:.1f} GB free for {arb.state_dir}")


def _ports(arb: Arb) -> Iterator[Finding]:
    for variable, port in (("ARB_WEB_PORT", arb.web.port), ("ARB_FLOWER_PORT", arb.web.flower_port)):
        if port is None:
            yield Finding("port", Verdict.OK, f"{variable}: a free one is chosen")
        elif is_free(port):
            yield Finding("port", Verdict.OK, f"{variable}: {port} is free")
        else:
            yield Finding("port", Verdict.NOTE, f"{variable}: something listens on {port}, our own process perhaps")


def _stop_file(arb: Arb) -> Iterator[Finding]:
    if arb.stop_file.exists():
        yield Finding("stop file", Verdict.NOTE, f"{arb.stop_file} exists, so nothing is sent: manage.py resume")


def _env_file(arb: Arb) -> Iterator[Finding]:
    file = arb.checkout / ".env"
    if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding("secrets", Verdict.NOTE, f"{file} can be read by others: chmod 600 {file}")


def _servers() -> list[Finding]:
    try:
        with lease_services():
            arb = config.current()
            return [*_database(arb), *_redis(arb)]
    except Unreachable as error:
        return [Finding("servers", Verdict.DOWN, str(error))]


def _database(arb: Arb) -> Iterator[Finding]:
    try:
        with connect_beside(arb.database) as server:
            version = server.execute("SHOW server_version").fetchone()
            skew_s = _skew_of_database(server)
    except Unreachable as error:
        yield Finding("database", Verdict.DOWN, str(error))
        return
    address = f"{arb.database.host}:{arb.database.port}"
    yield Finding("database", Verdict.OK, f"PostgreSQL {version[0] if version else '?'} at {address}")
    yield _clock("database", skew_s)
    yield _schema(arb)


def _skew_of_database(server: psycopg.Connection) -> float:
    row = server.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    return time.time() - row[0] if row else 0.0


def _schema(arb: Arb) -> Finding:
    database = arb.database
    try:
        with connect_beside(database, name=database.name) as server:
            applied = set(server.execute("SELECT app, name FROM django_migrations").fetchall())
    except (Unreachable, psycopg.errors.UndefinedTable):
        return Finding("schema", Verdict.NOTE, f"{database.name} is not set up yet: run manage.py setup")
    missing = len(expected_migrations() - applied)
    verdict, detail = (Verdict.NOTE, f"lacks {missing} migrations") if missing else (Verdict.OK, "is up to date")
    return Finding("schema", verdict, f"{database.name} {detail}")


def _redis(arb: Arb) -> Iterator[Finding]:
    try:
        with Redis.from_url(arb.redis_url, socket_timeout=3, socket_connect_timeout=3) as server:
            info = server.info()
    except RedisError as error:
        yield Finding("redis", Verdict.DOWN, f"cannot be used: {error}")
        return
    yield Finding("redis", Verdict.OK, f"version {info['redis_version']}")
    if info.get("maxmemory_policy") not in (None, "noeviction"):
        yield Finding("redis", Verdict.FAULT, f"evicts keys ({info['maxmemory_policy']}): set noeviction")
    if not info.get("aof_enabled"):
        yield Finding("redis", Verdict.NOTE, "keeps no append-only file: a restart loses queued tasks")


def _keys(arb: Arb) -> Iterator[Finding]:
    kraken, alpaca = arb.venues.kraken, arb.venues.alpaca
    held = {"kraken trade": kraken.trade, "kraken read": kraken.read, "alpaca trade": alpaca.trade}
    held |= {"alpaca read": alpaca.read, "alpaca data": alpaca.data}
    for name, credentials in held.items():
        verdict = Verdict.OK if credentials or arb.scope.mode is not Mode.LIVE else Verdict.FAULT
        yield Finding("keys", verdict, f"{name}: {'set' if credentials else 'not set'}")


def _venues(arb: Arb) -> Iterator[Finding]:
    if arb.scope.mode is Mode.REPLAY:
        return
    addresses = {"kraken": arb.venues.kraken.rest_url + "/0/public/Time", "alpaca": arb.venues.alpaca.data_url}
    for name, address in addresses.items():
        yield _venue(name, address)


def _venue(name: str, address: str) -> Finding:
    """Return how far a venue's clock is from ours: its answer's Date header, whatever else it answers."""
    try:
        with urlopen(Request(address, method="GET"), timeout=_VENUE_TIMEOUT_S) as answer:  # noqa: S310  # checked address
            date = answer.headers.get("Date", "")
    except HTTPError as error:
        date = error.headers.get("Date", "")
    except (URLError, OSError) as error:
        return Finding(f"venue {name}", Verdict.NOTE, f"{address} cannot be reached: {_reason(error)}")
    if not date:
        return Finding(f"venue {name}", Verdict.OK, "answers")
    return _clock(f"venue {name}", time.time() - parsedate_to_datetime(date).timestamp() - 0.5)


def _chains(arb: Arb) -> Iterator[Finding]:
    is_there = find_chain(arb.state_dir) is not None
    yield Finding("local chain", Verdict.OK if is_there else Verdict.NOTE, _FETCHED if is_there else _NOT_FETCHED)
    if arb.scope.mode is Mode.REPLAY:
        return
    for chain in arb.venues.chains:
        if not chain.is_watched:
            yield Finding(f"chain {chain.name}", Verdict.NOTE, not_watched(chain.name))
        for url in chain.rpc_urls:
            yield _node(f"chain {chain.name}", url, chain.chain_id)


def _node(part: str, url: Secret, chain_id: int) -> Finding:
    """Return whether a node answers, and for the chain that it is meant for."""
    name = name_of(url)
    request = Request(url.reveal(), data=_WHICH_CHAIN, headers={"Content-Type": "application/json"})  # noqa: S310
    try:
        with urlopen(request, timeout=_VENUE_TIMEOUT_S) as answer:  # noqa: S310  # checked address
            told = int(json.loads(answer.read(_LONGEST_ANSWER_BYTES))["result"], 16)
    except OSError as error:
        return Finding(part, Verdict.NOTE, f"{name} cannot be used: {_reason(error)}")
    except (ValueError, KeyError, TypeError):
        return Finding(part, Verdict.FAULT, f"{name} does not answer as a node does")
    if told != chain_id:
        return Finding(part, Verdict.FAULT, f"{name} is on chain {told}, not {chain_id}")
    return Finding(part, Verdict.OK, f"{name} answers, chain {told}")


def _reason(error: OSError) -> str:
    """Return what went wrong without the library's own words around it, which may hold the address."""
    if isinstance(error, HTTPError):
        return f"it answers {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    return str(getattr(cause, "strerror", None) or cause)


def _clock(part: str, skew_s: float) -> Finding:
    verdict = Verdict.OK if abs(skew_s) <= _MOST_SKEW_S else Verdict.FAULT
    return Finding(f"clock of {part}", verdict, f"ours is {skew_s:+.1f} s off")
