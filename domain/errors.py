"""The one error tree, named by what the catcher must do."""


class ArbError(Exception):
    """The root of every error this system raises on purpose."""


class Refused(ArbError):
    """A definite no: give up, nothing happened."""


class Unreachable(ArbError):
    """Nothing was done and nothing is known to be wrong with the request: retry later."""


class OutcomeUnknown(ArbError):
    """The request may or may not have been carried out: ask the venue before anything else."""


class BadInput(ArbError):
    """What a person or a file gave cannot be used; the message names it in one sentence."""


class BadMarketData(ArbError):
    """Market data that is torn, crossed, malformed or impossible: drop it and count ``reason``."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class IllegalTransition(ArbError):
    """An event that the state table does not accept: a fault in our own code."""
