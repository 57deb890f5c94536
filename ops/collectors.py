"""Metrics that are read only when somebody asks, so that the path of a quote pays nothing for them."""

from collections.abc import Callable, Iterable, Iterator

import structlog
from prometheus_client import Metric
from prometheus_client.registry import Collector

log = structlog.get_logger(__name__)

Read = Callable[[], Iterable[Metric]]


def register(name: str, read: Read) -> None:
    """Call ``read`` whenever somebody asks, in place of an earlier one of that name; it runs in a thread beside."""
    COLLECTORS.by_name[name] = read


class Collectors(Collector):
    """Everything that is read in this process."""

    def __init__(self) -> None:
        self.by_name: dict[str, Read] = {}

    def collect(self) -> Iterator[Metric]:
        """Yield what each of them tells just now."""
        for name, read in list(self.by_name.items()):
            try:
                yield from list(read())
            except Exception:  # the outermost frame of a question: one's fault hides no other's numbers
                log.exception("metrics_not_read", source=name)


COLLECTORS = Collectors()
