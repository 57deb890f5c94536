"""No secret is shown: by name, by value, by shape; and what is no secret stays readable."""

import base64
import json
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.redaction import HIDDEN, Redactor

KNOWN = "s3cr3t/with+odd=chars"
BASE64 = base64.b64encode(bytes(range(66))).decode()
HEX = "0x" + "ab" * 32


@pytest.mark.parametrize(
    "text",
    [
        f"could not sign with {KNOWN}",
        "GET https://host/0/private?token=s3cr3t%2Fwith%2Bodd%3Dchars",
        f"key {BASE64}",
        f"key {HEX}",
        "key " + "ab" * 32,
        "postgresql://arb:hunter2hunter2@db/arb",
        "redis://:hunter2hunter2@cache:6379/0",
        "https://api/x?apiKey=hunter2hunter2&signature=hunter2hunter2",
        "{'API-Key': 'hunter2hunter2', 'API-Sign': 'hunter2hunter2'}",
        '{"APCA-API-SECRET-KEY": "hunter2hunter2"}',
        "Authorization: Basic hunter2hunter2",
        "Authorization: Bearer hunter2hunter2",
        "Cookie: sessionid=hunter2hunter2",
        "password='hunter2hunter2'",
        "KRAKEN_API_SECRET=hunter2hunter2",
        "wallet_private_key: hunter2hunter2",
    ],
)
def test_a_secret_in_a_text_is_hidden(text):
    shown = Redactor([KNOWN]).text(text)
    assert HIDDEN in shown
    for secret in (KNOWN, "s3cr3t%2F", BASE64, "ab" * 32, "hunter2"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "leg_filled venue=kraken quantity=0.5 slip_bps=1.2",
        "key=breaker/win_rate route=kraken:BTC/USD>alpaca:BTC/USD",
        "https://api.kraken.com/0/public/Depth?pair=XBTUSD&count=100",
        "/usr/lib/python3.11/site-packages/django/db/backends/postgresql/base.py",
        "2026-11-22T08:08:39.726113Z ops.canary.scan[1646ae44-e2b3-4719-82eb-05715f218d7e]",
        "host:6379 at 12:30:00",
    ],
)
def test_what_is_no_secret_stays(text):
    assert Redactor([KNOWN]).text(text) == text


def test_a_value_under_a_secret_name_is_hidden_at_any_depth():
    shown = Redactor().value("", {"venue": "kraken", "request": [{"API-Sign": "abc", "nonce": 7}], "password": None})
    assert shown == {"venue": "kraken", "request": [{"API-Sign": HIDDEN, "nonce": 7}], "password": HIDDEN}


def test_a_public_digest_under_its_own_name_stays_unless_it_is_a_known_secret():
    redactor = Redactor([HEX])
    assert redactor.value("tx_hash", "0x" + "cd" * 32) == "0x" + "cd" * 32
    assert redactor.value("tx_hash", HEX) == HIDDEN
    assert redactor.value("note", "0x" + "cd" * 32) == HIDDEN


def test_bytes_and_objects_are_read_as_text():
    class Request:
        def __str__(self) -> str:
            return f"POST with {KNOWN}"

    redactor = Redactor([KNOWN])
    assert redactor.value("body", KNOWN.encode()) == HIDDEN
    assert redactor.value("request", Request()) == f"POST with {HIDDEN}"


def test_a_repr_of_the_redactor_shows_nothing():
    assert KNOWN not in repr(Redactor([KNOWN]))


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6), before=st.text(), after=st.text()
)
def test_a_known_secret_never_survives(secret, before, after):
    shown = Redactor([secret]).text(before + secret + after)
    assert secret not in shown.replace(HIDDEN, "\0")


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_logged_becomes_json(value):
    json.dumps(Redactor([secrets.token_hex(8)]).value("value", value))
