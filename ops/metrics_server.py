"""Where a process tells its metrics over HTTP: an address of its own, for whoever may reach it.

It is not for strangers: loopback by default, a network of containers at most, and no port of it is published.
"""

import os
import threading
from wsgiref.simple_server import WSGIServer

import structlog
from django.conf import settings
from prometheus_client import start_http_server

from ops import metrics

log = structlog.get_logger(__name__)

_serving = threading.Event()


def serve() -> None:
    """Serve this process's metrics where its settings name an address; what cannot be watched works all the same."""
    address = settings.ARB.metrics_address
    if address is None or _serving.is_set():
        return
    metrics.BUILD.info({"mode": settings.ARB.scope.mode, "commit": settings.ARB.commit})
    try:
        listen(address.host, address.port)
    except OSError as error:
        log.error("metrics_not_served", port=address.port, error=f"{error.strerror}: name another address")
        return
    _serving.set()
    log.info("metrics_served", host=address.host, port=address.port)


def listen(host: str, port: int) -> WSGIServer:
    """Serve at this address, port 0 for a free one, by a thread of its own. Raises: OSError if it is taken."""
    server, _ = start_http_server(port, host, metrics.REGISTRY)
    # a forked child that kept the socket would keep the port from whoever comes after us
    os.register_at_fork(after_in_child=server.socket.close)
    return server
