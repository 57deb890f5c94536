"""The journey of a quote on one page: a book changed, so decide; a decision stands, so commit it.

``decide`` is pure: the same change, view, scorer and instant give the same decisions in the stream and in a replay.
What falls short of paying by little is a near miss: ``near_misses`` hands it to the models, and nobody trades it.
``commit`` is one transaction: the opportunity, the admission under the gate's lock, the execution with its orders, and
the outbox row that brings a worker to it all become true together or not at all.
"""

from django.db import transaction

from domain.background import Background
from domain.detection import Candidate, DetectConfig, detect, near_miss_of
from domain.exploration import is_explored
from domain.inventory import UNLIMITED, Holdings
from domain.market import Clock, MarketKey
from domain.routes import MarketView
from domain.scope import Scope
from domain.scores import Scorer, refusal_of
from domain.terms import Rejected
from domain.timestamps import from_ns
from ops import metering, metrics
from ops.correlation import correlated
from risk.services import Refusal, admit
from trading.dispatch import EXECUTION_STEP, Dispatch
from trading.models import Opportunity
from trading.services import episodes
from trading.services.decision import Decision, NearMiss
from trading.services.execution.open import NotAdmitted, open_execution, request_for
from trading.services.near_misses import NearMissTracker

EPISODE_OPEN = Refusal("episode_open")
ADMITTED = "admitted"


def decide(
    change: MarketKey,
    view: MarketView,
    *,
    config: DetectConfig,
    score: Scorer,
    clock: Clock,
    holdings: Holdings = UNLIMITED,
    background: Background | None = None,
) -> list[Decision | Rejected]:
    """Return what each route through the changed market is worth at this instant."""
    now_ns = clock.now_ns()
    return [
        found if isinstance(found, Rejected) else _judge(found, score, now_ns, config, holdings)
        for found in detect(change, view, now_ns=now_ns, config=config, holdings=holdings, background=background)
    ]


def _judge(candidate: Candidate, score: Scorer, now_ns: int, config: DetectConfig, holdings: Holdings) -> Decision:
    scores = score(candidate.features)
    reason = refusal_of(scores)
    if reason and is_explored(candidate.route.key, now_ns, config.exploration_share):
        return Decision(candidate, scores, "", now_ns, config, holdings, explored=True)
    return Decision(candidate, scores, reason, now_ns, config, holdings)


def near_miss(
    found: Rejected,
    view: MarketView,
    *,
    spells: NearMissTracker,
    config: DetectConfig,
    score: Scorer,
    clock: Clock,
    background: Background | None = None,
) -> NearMiss | None:
    """Return a route that begins to fall short by little as it would have been traded; None where it does not.

    Costs and lots are reckoned whole here, which most looks at a route need not.
    """
    now_ns = clock.now_ns()
    if not spells.begins(found, now_ns):
        return None
    candidate = near_miss_of(found, view, now_ns=now_ns, config=config, background=background)
    if candidate is None:
        spells.fell_short(found)
        return None
    return NearMiss(candidate, score(candidate.features), now_ns, config)


def commit(decision: Decision, *, scope: Scope, dispatch: Dispatch) -> int | Refusal:
    """Write a decision down and, if every gate admits it, open its execution; return the execution's id.

    All that it causes, here and wherever the execution is stepped, carries the correlation id of the opportunity.
    """
    with transaction.atomic():
        opportunity = episodes.open_episode(decision, scope=scope)
        if opportunity is None:
            return EPISODE_OPEN
        with correlated(opportunity.correlation_id):
            answer = _commit(opportunity, decision, scope=scope, dispatch=dispatch)
    metering.add(metrics.DECISIONS, answer.reason if isinstance(answer, Refusal) else ADMITTED)
    return answer


def _commit(opportunity: Opportunity, decision: Decision, *, scope: Scope, dispatch: Dispatch) -> int | Refusal:
    episodes.tell_models(opportunity, decision, scope=scope)
    if decision.reason:
        return episodes.refuse(opportunity, Refusal(decision.reason))
    try:
        return _open(opportunity, decision, scope=scope, dispatch=dispatch)
    except NotAdmitted as error:
        return episodes.refuse(opportunity, error.refusal)


def _open(opportunity: Opportunity, decision: Decision, *, scope: Scope, dispatch: Dispatch) -> int:
    with transaction.atomic():  # what cannot be opened takes its reservation back with it
        answer = admit(request_for(opportunity), scope=scope, now=from_ns(decision.decided_at_ns))
        if isinstance(answer, Refusal):
            raise NotAdmitted(answer)
        execution = open_execution(opportunity, decision, answer, scope=scope)
        dispatch.enqueue(EXECUTION_STEP, execution.pk)
        return int(execution.pk)
