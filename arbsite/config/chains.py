"""How each chain is reached: endpoints of its own, else Alchemy's where its key is known."""

from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from arbsite.config import parse
from arbsite.config.source import Source
from arbsite.config.tree import Chain
from domain.errors import BadInput
from domain.money import EXACT
from domain.secret import Secret

LIMITS = "RPC_RATE_LIMITS"
_ALCHEMY_HOSTS = {"ethereum": "eth-mainnet.g.alchemy.com", "polygon": "polygon-mainnet.g.alchemy.com"}
_WEI_PER_GWEI = Decimal(10**9)


def chains(source: Source, *, base: Path) -> tuple[Chain, ...]:
    """Return every chain that ``source`` configures; relative paths begin at ``base``. Raises: BadInput."""
    limits = parse.assignments(source, LIMITS)
    for name in limits:
        if name not in _ALCHEMY_HOSTS:
            raise BadInput(f"{LIMITS} names {name!r}, which is none of our chains: {', '.join(_ALCHEMY_HOSTS)}")
    return tuple(_chain(source, name, limits.get(name, "300"), base) for name in _ALCHEMY_HOSTS)


def _chain(source: Source, name: str, limit: str, base: Path) -> Chain:
    prefix = f"ARB_{name.upper()}"
    alchemy = parse.secret(source, "ALCHEMY_API_KEY")
    deployment = source.get(f"{prefix}_DEPLOYMENT")
    return Chain(
        name=name,
        chain_id=parse.whole(source, f"{prefix}_CHAIN_ID", least=1),
        rpc_urls=_rpc_urls(source, f"{prefix}_RPC_URLS", name, alchemy),
        ws_url=_ws_url(source, f"{prefix}_WS_URL", name, alchemy),
        poll_ms=parse.whole(source, f"{prefix}_POLL_MS", least=50, most=60_000),
        max_head_age_ms=parse.whole(source, f"{prefix}_MAX_HEAD_AGE_MS", least=1_000),
        requests_per_s=parse.whole_of(f"{LIMITS} of {name}", limit, least=1, most=100_000),
        tip_wei=int(EXACT.multiply(parse.amount(source, f"{prefix}_TIP_GWEI"), _WEI_PER_GWEI)),
        deployment=base / deployment if deployment else None,
    )


def _rpc_urls(source: Source, variable: str, name: str, alchemy: Secret | None) -> tuple[Secret, ...]:
    given = source.get(variable).split()
    for url in given:
        _check(variable, url, "http://", "https://")
    if not given and alchemy:
        given = [f"https://{_ALCHEMY_HOSTS[name]}/v2/{alchemy.reveal()}"]
    if len(set(given)) != len(given):
        raise BadInput(f"{variable} names an endpoint twice")
    return tuple(map(Secret, given))


def _ws_url(source: Source, variable: str, name: str, alchemy: Secret | None) -> Secret | None:
    if given := source.get(variable):
        _check(variable, given, "ws://", "wss://")
        return Secret(given)
    has_own_nodes = bool(source.get(variable.replace("_WS_URL", "_RPC_URLS")))
    return Secret(f"wss://{_ALCHEMY_HOSTS[name]}/v2/{alchemy.reveal()}") if alchemy and not has_own_nodes else None


def _check(variable: str, url: str, *schemes: str) -> None:
    if not url.startswith(schemes):  # the address itself may hold a key: it is not shown
        raise BadInput(f"{variable} holds an address that begins with none of {', '.join(schemes)}")
    if not _has_place(url):
        raise BadInput(f"{variable} holds an address without a sound host and port")


def _has_place(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text may hold the address
        return False
