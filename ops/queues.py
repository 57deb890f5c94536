"""The Celery queues: one worker each, so that no backlog delays another's work."""

from enum import StrEnum

BEAT = "beat"  # signs beside the queues
CANARY_PERIOD_S = 15
STALE_AFTER_S = 3 * CANARY_PERIOD_S  # a queue whose last canary is older is not consumed


class Queue(StrEnum):
    """A queue, named after the worker that consumes it."""

    EXECUTION = "execution"  # steps of executions; the one worker with trade keys
    SCAN = "scan"  # volatility, breakers, sweeping, alerts
    ACCOUNT = "account"  # what needs read keys
    ML = "ml"  # training, validation, drift
