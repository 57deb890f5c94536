"""Logs: whoever writes a line, it is one JSON object, with its correlation id and without secrets."""

import io
import json
import logging
import sys
from dataclasses import dataclass

import pytest
import structlog

from arbsite import logs
from domain.secret import Secret
from ops import redaction
from ops.correlation import correlated

CANARIES = {
    "kraken": "KrakenCanary/0123456789+abcdefg==",
    "alpaca": "AlpacaCanary0123456789",
    "wallet": "0x" + "5e" * 32,
    "database": "DatabaseCanary!42",
    "redis": "redis://:RedisCanary42@cache:6379/0",
    "hook": "slack://CanaryTokenA/CanaryTokenB/CanaryTokenC",
}


@dataclass(frozen=True)
class Tree:
    venues: dict
    wallet: Secret | None
    database: Secret
    urls: tuple


@pytest.fixture
def lines():
    """Plant the canaries, and return what is written as parsed lines."""
    tree = Tree(
        venues={"kraken": Secret(CANARIES["kraken"]), "alpaca": [Secret(CANARIES["alpaca"])]},
        wallet=Secret(CANARIES["wallet"]),
        database=Secret(CANARIES["database"]),
        urls=(Secret(CANARIES["redis"]), Secret(CANARIES["hook"])),
    )
    redaction.install(logs.secrets_in(tree))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.line_formatter())
    root = logging.getLogger()
    root.addHandler(handler)

    def read() -> list[dict]:
        text = stream.getvalue()
        for secret in (*CANARIES.values(), "RedisCanary42", "5e5e5e5e"):
            assert secret not in text
        return [json.loads(line) for line in text.splitlines()]

    yield read
    root.removeHandler(handler)
    redaction.install(())


def test_a_structured_event_is_one_json_line_with_its_correlation_id(lines):
    with correlated("c0ffee"):
        structlog.get_logger("trading").info("leg_filled", execution_id=7, venue="kraken")
    (line,) = lines()
    assert line["event"] == "leg_filled"
    assert (line["execution_id"], line["venue"], line["level"]) == (7, "kraken", "info")
    assert line["correlation_id"] == "c0ffee"
    assert line["timestamp"].endswith("Z")


def test_lines_of_libraries_take_the_same_way(lines):
    with correlated("c0ffee"):
        logging.getLogger("django.request").error("Internal Server Error: %s", "/admin/", extra={"status_code": 500})
    (line,) = lines()
    assert (line["event"], line["correlation_id"]) == ("Internal Server Error: /admin/", "c0ffee")
    assert (line["logger"], line["status_code"]) == ("django.request", 500)


@pytest.mark.parametrize("name", ["django", "celery.worker", "ccxt.base", "urllib3.connectionpool", "trading"])
def test_no_canary_passes_through_any_logger(lines, name):
    log = logging.getLogger(name)
    for secret in CANARIES.values():
        log.error("signing with %s failed", secret, extra={"headers": {"X": secret}, "note": [secret]})
    assert len(lines()) == len(CANARIES)


def test_no_canary_passes_through_an_exception_its_cause_or_its_url(lines):
    try:
        try:
            raise ConnectionError(f"https://api/private?key={CANARIES['alpaca']}")
        except ConnectionError as error:
            raise RuntimeError(f"could not reach {CANARIES['redis']}") from error
    except RuntimeError:
        structlog.get_logger("trading").exception("venue_failed", database=CANARIES["database"])
    (line,) = lines()
    assert "RuntimeError" in line["exception"]
    assert "ConnectionError" in line["exception"]


def test_an_object_whose_text_is_a_secret_is_hidden(lines):
    class Order:
        def __repr__(self) -> str:
            return f"Order(key={CANARIES['kraken']})"

    structlog.get_logger("trading").info("sent", order=Order(), wallet=CANARIES["wallet"].encode())
    assert lines()[0]["order"] == "Order(key=[redacted])"


def test_what_nobody_caught_is_a_line_too(lines):
    try:
        raise ValueError(f"bad key {CANARIES['kraken']}")
    except ValueError:
        sys.excepthook(*sys.exc_info())
    (line,) = lines()
    assert (line["event"], line["level"]) == ("uncaught", "critical")


def test_every_secret_of_a_tree_is_found_and_passwords_within_addresses():
    tree = Tree({"a": [Secret("one")]}, None, Secret("two"), (Secret("redis://:three@h/0"),))
    assert sorted(logs.secrets_in(tree)) == ["one", "redis://:three@h/0", "three", "two"]
