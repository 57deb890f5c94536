"""The models that a process keeps from one scan to the next, brought up to date at each."""

import os
from typing import Any, NamedTuple

from django.conf import settings

from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from mlops.services import LiveScorer, ServedTeller, unread_scorer

PROCESS = "scan"


class _Kept(NamedTuple):
    scorer: LiveScorer
    teller: ServedTeller
    clock: Clock  # kept, so that no other takes its place in memory


_of_process: dict[tuple[Any, ...], _Kept] = {}


def process_scorer(scope: Scope, *, clock: Clock) -> LiveScorer:
    """Return this process's scorer of ``scope``, as the rows and files are now."""
    scorer = _kept(scope, clock).scorer
    scorer.refresh()
    return scorer


def tell_served(scope: Scope, *, clock: Clock) -> None:
    """Write down what this process serves, where that is due."""
    kept = _kept(scope, clock)
    if tell := kept.teller.due(kept.scorer.served(), now=from_ns(clock.now_ns())):
        tell()


def _kept(scope: Scope, clock: Clock) -> _Kept:
    key = (os.getpid(), scope, settings.ARB.models.directory, id(clock))
    if key not in _of_process:
        _of_process.clear()  # what a parent loaded is the parent's
        scorer = unread_scorer(scope, now_ns=clock.now_ns)
        _of_process[key] = _Kept(scorer, ServedTeller(scope, process=PROCESS), clock)
    return _of_process[key]
