"""Reference data: what venues and chains state, kept version by version; a change is told."""

from trading.services.reference.known import fees_now, known_fees, known_reference
from trading.services.reference.refresh import Refreshed, refresh
from trading.services.reference.statements import Statement, of_account, of_listings
from trading.services.reference.store import Change, record

__all__ = [
    "Change",
    "Refreshed",
    "Statement",
    "fees_now",
    "known_fees",
    "known_reference",
    "of_account",
    "of_listings",
    "record",
    "refresh",
]
