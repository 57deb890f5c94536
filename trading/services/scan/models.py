"""The models that a process keeps from one scan to the next, brought up to date at each."""

from weakref import WeakKeyDictionary

from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from mlops.services import LiveScorer, ServedTeller, unread_scorer
from trading.services.partitions import process_name
from trading.services.scan.connections import Connections

PROCESS = "scan"  # and its number where several workers scan


class ScannedModels:
    """A process's scorer of one scope, and what has been told of it."""

    def __init__(self, scope: Scope, clock: Clock) -> None:
        self._clock = clock
        self._scorer = unread_scorer(scope, now_ns=clock.now_ns)
        self._teller = ServedTeller(scope, process=process_name(PROCESS))

    def scorer(self) -> LiveScorer:
        """Return the scorer, as the rows and files are now."""
        self._scorer.refresh()
        return self._scorer

    def tell(self) -> None:
        """Write down what this process serves, where that is due."""
        if tell := self._teller.due(self._scorer.served(), now=from_ns(self._clock.now_ns())):
            tell()


_of_process: WeakKeyDictionary[Connections, ScannedModels] = WeakKeyDictionary()


def process_models(connections: Connections, scope: Scope, *, clock: Clock) -> ScannedModels:
    """Return the models of the scans over these connections, which a process keeps."""
    models = _of_process.get(connections)
    if models is None:
        models = _of_process[connections] = ScannedModels(scope, clock)
    return models
