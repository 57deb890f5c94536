"""Where a process tells its metrics over HTTP: an address of its own, for whoever may reach it.

It is not for strangers: loopback by default, a network of containers at most, and no port of it is published.
"""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ops import metering, metrics
from ops.metering import Sample
from ops.process_use import process_use

log = structlog.get_logger(__name__)

EVERYTHING = "/metrics"
PROCESS = "/metrics/process"  # what the process uses, and nothing that has to be gathered from elsewhere
_PATIENCE_S = 5.0

_serving = threading.Event()


def serve() -> None:
    """Serve this process's metrics where its settings name an address; what cannot be watched works all the same."""
    address = settings.ARB.metrics_address
    if address is None or _serving.is_set():
        return
    tell_of_ourselves()
    try:
        listen(address.host, address.port)
    except OSError as error:
        log.error("metrics_not_served", port=address.port, error=f"{error.strerror}: name another address")
        return
    _serving.set()
    log.info("metrics_served", host=address.host, port=address.port)


def listen(host: str, port: int) -> ThreadingHTTPServer:
    """Serve at this address, port 0 for a free one, by a thread of its own. Raises: OSError if it is taken."""
    server = ThreadingHTTPServer((host, port), _Page)
    server.daemon_threads = True
    # a forked child that kept the socket would keep the port from whoever comes after us
    os.register_at_fork(after_in_child=server.socket.close)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def tell_of_ourselves() -> None:
    """Let what is told include what this process is and uses."""
    metering.watch("process", process_use)
    metering.watch("build", lambda: [Sample(metrics.BUILD, 1, (settings.ARB.scope.mode, settings.ARB.commit))])


class _Page(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        if self.path == EVERYTHING:
            self._answer(generate_latest(metering.registry()))
        elif self.path == PROCESS:
            self._answer(generate_latest(metering.registry(only="process")))
        else:
            self.send_error(404)

    def _answer(self, text: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        """Log no line for each question."""
