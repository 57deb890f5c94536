"""How each venue is reached: the two usual ones, and further configurations of their adapters."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from arbsite.config import parse
from arbsite.config.chains import chains
from arbsite.config.source import Source
from arbsite.config.tree import Alpaca, Kraken, VenueInstance, Venues
from arbsite.config.variables import KEY_PAIRS
from domain.costs import ENTRY_TIER
from domain.errors import BadInput
from domain.secret import Credentials

MORE = "ARB_MORE_VENUES"
_ADAPTERS = {"kraken": ("rest_url", "ws_url"), "alpaca": ("trading_url", "data_url", "stream_url")}
_NAME = re.compile(r"[a-z][a-z0-9]{0,31}")


def venues(source: Source, *, base: Path) -> Venues:
    """Return every venue that ``source`` configures; relative paths begin at ``base``. Raises: BadInput."""
    keys = {names[0]: _credentials(source, *names) for names in KEY_PAIRS}
    kraken = Kraken(
        rest_url=parse.url(source, "ARB_KRAKEN_REST_URL", "https", "http"),
        ws_url=parse.url(source, "ARB_KRAKEN_WS_URL", "wss", "ws"),
        trade=keys["KRAKEN_API_KEY"],
        read=keys["KRAKEN_READ_API_KEY"],
    )
    alpaca = Alpaca(
        trading_url=parse.url(source, "ARB_ALPACA_TRADING_URL", "https", "http"),
        data_url=parse.url(source, "ARB_ALPACA_DATA_URL", "https", "http"),
        stream_url=parse.url(source, "ARB_ALPACA_STREAM_URL", "wss", "ws"),
        poll_ms=parse.whole(source, "ARB_ALPACA_POLL_MS", least=100, most=60_000),
        trade=keys["ALPACA_API_KEY"],
        read=keys["ALPACA_READ_API_KEY"],
        data=keys["ALPACA_DATA_API_KEY"],
    )
    return Venues(kraken, alpaca, _more(source, {"kraken": kraken, "alpaca": alpaca}), chains(source, base=base))


def _credentials(source: Source, key_name: str, secret_name: str) -> Credentials | None:
    key, secret = parse.secret(source, key_name), parse.secret(source, secret_name)
    if key and secret:
        return Credentials(key, secret)
    if key or secret:
        given, missing = (key_name, secret_name) if key else (secret_name, key_name)
        raise BadInput(f"{given} is set but {missing} is not: set both or neither")
    return None


def _more(source: Source, usual: dict[str, Kraken | Alpaca]) -> tuple[VenueInstance, ...]:
    found: dict[str, VenueInstance] = {}
    for text in source.get(MORE).split():
        instance = _instance(text, usual)
        if instance.name in found:
            raise BadInput(f"{MORE} names {instance.name} twice")
        found[instance.name] = instance
    return tuple(found.values())


def _instance(text: str, usual: dict[str, Kraken | Alpaca]) -> VenueInstance:
    name, equals, rest = text.partition("=")
    adapter, at, addresses = rest.partition("@")
    if not (equals and at and _NAME.fullmatch(name)):
        raise BadInput(
            f"{MORE} holds {name!r}; write name=kraken@REST_URL,WS_URL with a name of small letters and digits"
        )
    if name in ENTRY_TIER:
        raise BadInput(f"{MORE} names {name!r}, which is a venue already")
    if adapter not in _ADAPTERS:
        raise BadInput(f"{MORE} gives {name} the adapter {adapter!r}; there are {', '.join(_ADAPTERS)}")
    return VenueInstance(name, adapter, replace(usual[adapter], **_urls(name, adapter, addresses.split(","))))


def _urls(name: str, adapter: str, addresses: list[str]) -> dict[str, Any]:
    wanted = _ADAPTERS[adapter]
    if len(addresses) != len(wanted):
        raise BadInput(f"{MORE} gives {name} {len(addresses)} addresses; {adapter} takes {', '.join(wanted)}")
    for field, address in zip(wanted, addresses, strict=True):
        is_socket = field in ("ws_url", "stream_url")
        parse.check_url(f"{MORE}, {field} of {name},", address, *(("wss", "ws") if is_socket else ("https", "http")))
    return {field: address.rstrip("/") for field, address in zip(wanted, addresses, strict=True)}
