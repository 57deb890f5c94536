"""The line from a quote to a ledger, in one process, on a clock that is set."""

from dataclasses import dataclass, field

import pytest

from domain.detection import DetectConfig
from domain.market import Market
from domain.scope import Scope
from domain.scores import Scorer
from tests.fakes import SIM, DictView, FixedClock, detect_config, no_model, pool_config
from trading.dispatch import InlineDispatch
from trading.models import Execution
from trading.services import execution, observing, pipeline
from trading.services.decision import Decision
from trading.services.venues import trading_venues


@dataclass
class Line:
    """Everything between a book and a settled execution."""

    scope: Scope = SIM
    clock: FixedClock = field(default_factory=FixedClock)
    view: DictView = field(default_factory=DictView)
    dispatch: InlineDispatch = field(default_factory=InlineDispatch)
    config: DetectConfig = field(default_factory=detect_config)
    score: Scorer = no_model

    def __post_init__(self) -> None:
        self.venues = trading_venues(self.scope, fees=self.config.fees, gas=self.config.gas, clock=self.clock)

    def decisions(self, *books: Market) -> list[Decision]:
        """Show the books and return what would be traded."""
        self.view.put(*books)
        changed = next(iter(self.view.books))
        found = pipeline.decide(changed, self.view, config=self.config, score=self.score, clock=self.clock)
        return [one for one in found if isinstance(one, Decision)]

    def commit(self, decision: Decision):
        return pipeline.commit(decision, scope=self.scope, dispatch=self.dispatch)

    def step(self, execution_id: int):
        return execution.step(execution_id, venues=self.venues, clock=self.clock)

    def observe(self, *books: Market) -> None:
        """Let the orders that wait meet these books and pools."""
        self.view.put(*books)
        for request in observing.pending_requests(self.scope):
            met = self.view.book(request.market)
            if met is not None:
                observing.store_book(request, met, at_ns=self.clock.now_ns(), dispatch=self.dispatch)

    def open(self, *books: Market) -> Execution:
        """Commit the one decision that the books give."""
        (decision,) = self.decisions(*books)
        return Execution.objects.get(pk=self.commit(decision))

    def run(self, execution_id: int):
        """Step, let the same books be observed after the delay, and step again."""
        self.step(execution_id)
        self.clock.advance(250)
        self.observe()
        return self.step(execution_id)


@pytest.fixture
def line(db) -> Line:
    return Line()


@pytest.fixture
def pool_line(db) -> Line:
    """The same, between a book and a pool."""
    return Line(config=pool_config())
