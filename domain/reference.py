"""Reference data: what a venue or a chain states of itself, and which of it changed."""

from enum import StrEnum


class FactKind(StrEnum):
    """What a statement is about."""

    MARKET = "market"  # steps and minima of a pair
    FEES = "fees"  # what an account pays
    CONTRACT = "contract"  # decimals and code of a token, tokens of a pool
