"""The Celery queues: one worker each, so that no backlog delays another's work."""

from enum import StrEnum


class Queue(StrEnum):
    """A queue, named after the worker that consumes it."""

    EXECUTION = "execution"  # steps of executions; the one worker with trade keys
    SCAN = "scan"  # volatility, breakers, sweeping, alerts
    ACCOUNT = "account"  # what needs read keys
    ML = "ml"  # training, validation, drift
