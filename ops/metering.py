"""Counting and timing, forked children included: what they count reaches their parent, which alone is asked.

The metrics are prometheus_client's, and hold locks: a child forked while a thread of the parent counts would inherit
one shut and hang at its first count, in the library's own mode for several processes too. So a child touches no metric.
It writes a line into a pipe, and the parent counts what it reads there: children come and go, and the counts stay.
"""

import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress

import structlog
from prometheus_client import Counter, Histogram

from ops import metrics

log = structlog.get_logger(__name__)

_COUNTED = {str(metric): metric for metric in vars(metrics).values() if isinstance(metric, Counter | Histogram)}


def add(counter: Counter, *labels: str, amount: float = 1.0) -> None:
    """Count ``amount`` more; cheap enough for any path but that of a quote."""
    if _pipe.is_in_child:
        _pipe.hand_up(counter, labels, amount)
    else:
        (counter.labels(*labels) if labels else counter).inc(amount)


def observe(histogram: Histogram, value: float, *labels: str) -> None:
    """Take one value into the histogram."""
    if _pipe.is_in_child:
        _pipe.hand_up(histogram, labels, value)
    else:
        (histogram.labels(*labels) if labels else histogram).observe(value)


def share_with_children() -> None:
    """Count what children count that are forked from now on."""
    _pipe.open()


class _Pipe:
    """The way up from children to their parent."""

    def __init__(self) -> None:
        self._write_end: int | None = None
        self.is_in_child = False

    def open(self) -> None:
        if self._write_end is not None:
            return
        read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)  # a child never waits to be counted
        os.register_at_fork(after_in_child=self._enter_child)
        threading.Thread(target=_listen, args=[read_end], name="metrics-of-children", daemon=True).start()

    def hand_up(self, metric: Counter | Histogram, labels: Sequence[str], value: float) -> None:
        assert self._write_end is not None  # else no child would come here
        line = json.dumps([str(metric), labels, value]) + "\n"  # short enough to be taken at once or not at all
        with suppress(OSError):  # a full pipe or no parent any more: what is counted matters less than what is done
            os.write(self._write_end, line.encode())

    def _enter_child(self) -> None:
        self.is_in_child = True


def _listen(read_end: int) -> None:
    with os.fdopen(read_end, encoding="utf-8") as lines:
        for line in lines:
            try:
                name, labels, value = json.loads(line)
                _take(_COUNTED[name], labels, value)
            except (KeyError, ValueError) as error:  # one fault of ours stops no other count
                log.error("count_not_taken", line=line, error=str(error))


def _take(metric: Counter | Histogram, labels: Sequence[str], value: float) -> None:
    if isinstance(metric, Counter):
        add(metric, *labels, amount=value)
    else:
        observe(metric, value, *labels)


_pipe = _Pipe()
