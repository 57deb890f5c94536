"""Where a process tells its metrics over HTTP: an address of its own, for whoever may reach it.

It is not for strangers: loopback by default, a network of containers at most, and no port of it is published.
"""

import os
import threading

import structlog
from django.conf import settings
from prometheus_client import start_http_server

from ops import metering, metrics
from ops.metering import Sample
from ops.process_use import process_use

log = structlog.get_logger(__name__)

_serving = threading.Event()


def serve() -> None:
    """Serve this process's metrics where its settings name an address; what cannot be watched works all the same."""
    address = settings.ARB.metrics_address
    if address is None or _serving.is_set():
        return
    tell_of_ourselves()
    try:
        server, _ = start_http_server(address.port, address.host, registry=metering.registry())
    except OSError as error:
        log.error("metrics_not_served", port=address.port, error=f"{error.strerror}: name another address")
        return
    _serving.set()
    # a forked child that kept the socket would keep the port from whoever comes after us
    os.register_at_fork(after_in_child=server.socket.close)
    log.info("metrics_served", host=address.host, port=address.port)


def tell_of_ourselves() -> None:
    """Let what is told include what this process is and uses."""
    metering.watch("process", process_use)
    metering.watch("build", lambda: [Sample(metrics.BUILD, 1, (settings.ARB.scope.mode, settings.ARB.commit))])
