"""The one notifier: reaches every address once, and records what became of it."""

from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from domain.scope import Mode, Scope
from domain.secret import Secret
from ops.models import Alert, Delivery
from ops.services.alerts import alert
from ops.services.notifier import deliver

SIM = Scope(Mode.SIM)
pytestmark = pytest.mark.django_db


def use_addresses(settings, *urls: str) -> None:
    settings.ARB = replace(settings.ARB, alert_urls=tuple(Secret(url) for url in urls))


@pytest.fixture
def hook():
    """Yield the address of a web hook on loopback and what it was told."""
    told: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    server.server_close()


def test_without_an_address_it_is_for_the_screen():
    stored = alert("Hello", "", "info", key="k", scope=SIM)
    deliver(stored.pk)
    assert Alert.objects.get().delivery == Delivery.NO_CHANNEL


def test_it_reaches_a_web_hook_once(settings, hook):
    address, told = hook
    use_addresses(settings, address)
    stored = alert("A breaker opened", "win rate", "error", key="k", scope=SIM)
    deliver(stored.pk)
    deliver(stored.pk)
    assert len(told) == 1
    assert b"A breaker opened" in told[0]
    stored.refresh_from_db()
    assert stored.delivery == Delivery.SENT
    assert stored.delivered_at is not None


def test_a_failed_sending_is_recorded_without_the_address(settings):
    use_addresses(settings, "json://127.0.0.1:9/secret-path-123")
    stored = alert("Hello", "", "info", key="k", scope=SIM)
    deliver(stored.pk)
    stored.refresh_from_db()
    assert stored.delivery == Delivery.FAILED
    assert stored.failure == "one of 1 addresses did not accept the message"


def test_an_address_that_apprise_does_not_know_is_named_by_its_place(settings, hook):
    use_addresses(settings, hook[0], "nosuch://token")
    stored = alert("Hello", "", "info", key="k", scope=SIM)
    deliver(stored.pk)
    stored.refresh_from_db()
    assert stored.failure == "address 2 of 2 is not one that Apprise knows"
