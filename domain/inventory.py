"""Inventory: what lies at each venue and may be traded there; without transfers a trade can use no more."""

from decimal import Decimal
from typing import Protocol


class Holdings(Protocol):
    """What each account holds and no running order needs."""

    def free(self, venue: str, asset: str) -> Decimal | None:
        """Return how much of ``asset`` a new order at ``venue`` may use; None where there is no limit."""

    def refresh(self) -> None:
        """Look again: orders have been written or filled since."""


class Unlimited:
    """As much of everything everywhere as any book shows."""

    def free(self, venue: str, asset: str) -> Decimal | None:
        """Return None: nothing is ever short."""
        return None

    def refresh(self) -> None:
        """Do nothing: it never changes."""


UNLIMITED: Holdings = Unlimited()
