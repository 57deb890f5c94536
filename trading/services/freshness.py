"""Freshness: how old the markets of a decision are, per leg and against each other; asked when it is taken and sent.

At sending they are the markets of the decision, older by the time since: who looks when changes nothing, and an order
that our own machine brings too late is not sent.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings

from domain.timestamps import NS_PER_MS, to_ns
from risk.services import GateAnswer, Refusal
from trading.models import Execution, Opportunity
from trading.services.decision import Decision

STALE = "stale"
SKEWED = "skewed"


@dataclass(frozen=True, slots=True)
class Limits:
    """The oldest that a market may be, and the furthest that two may be apart."""

    age_ms: int
    skew_ms: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old each market is, by venue, and how far the two are apart."""

    ages_ms: tuple[tuple[str, int], ...]
    skew_ms: int

    @classmethod
    def of(cls, seen: Iterable[tuple[str, int]], *, now_ns: int) -> "Freshness":
        """Return the freshness of markets by venue and the instant they were seen, in ns; parts of a ms count whole."""
        instants = list(seen)
        ages_ms = tuple((venue, max(-(-(now_ns - seen_ns) // NS_PER_MS), 0)) for venue, seen_ns in instants)
        apart_ns = max(at for _, at in instants) - min(at for _, at in instants)
        return cls(ages_ms, -(-apart_ns // NS_PER_MS))

    def answers(self, limits: Limits, *, suffix: str = "") -> tuple[GateAnswer, GateAnswer]:
        """Return what is answered: the greatest age of either leg, and the skew between them."""
        ages = ", ".join(f"{venue} {age_ms} ms" for venue, age_ms in self.ages_ms)
        greatest_ms = max(age_ms for _, age_ms in self.ages_ms)
        return (
            GateAnswer(f"age{suffix}", greatest_ms <= limits.age_ms, f"{ages}; at most {limits.age_ms} ms"),
            GateAnswer(
                f"skew{suffix}", self.skew_ms <= limits.skew_ms, f"{self.skew_ms} ms; at most {limits.skew_ms} ms"
            ),
        )


def answers_at_decision(decision: Decision) -> tuple[GateAnswer, GateAnswer]:
    """Return how fresh the markets of a decision were when it was taken."""
    seen = ((market.venue, market.seen_at_ns) for market in decision.candidate.markets)
    limits = Limits(decision.config.max_age_ms, decision.config.max_skew_ms)
    return Freshness.of(seen, now_ns=decision.decided_at_ns).answers(limits)


def refusal_at_sending(execution: Execution, *, now: datetime) -> Refusal | None:
    """Return why an opening order may not rest on its decision's markets any more, and keep the answers with it."""
    rows = Opportunity.objects.filter(pk=execution.opportunity_id, timestamp=execution.opportunity_at)
    opportunity = rows.only("books", "gates").first()
    if opportunity is None or not opportunity.books:
        return None
    ours = settings.ARB.trading
    seen = ((book["venue"], book["seen_at_ns"]) for book in opportunity.books)
    limits = Limits(ours.max_book_age_ms, ours.max_skew_ms)
    answers = Freshness.of(seen, now_ns=to_ns(now)).answers(limits, suffix="_at_sending")
    rows.update(gates=[*opportunity.gates, *map(asdict, answers)])
    reasons = (reason for answer, reason in zip(answers, (STALE, SKEWED), strict=True) if not answer.passed)
    reason = next(reasons, None)
    return None if reason is None else Refusal(reason, answers)
