"""What a process tells of its metrics."""

from functools import cache
from wsgiref.simple_server import WSGIServer

from ops import metrics_server
from ops.metrics import REGISTRY


def value_of(name: str, **labels: str) -> float:
    """Return the metric's value just now, 0 where it has not been counted yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


@cache
def server() -> WSGIServer:
    """Return a server of this process's metrics that is there until the process ends: to stop one takes half a second."""
    return metrics_server.listen("127.0.0.1", 0)
