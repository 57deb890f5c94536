"""Why there is no model: each names the counts, and nothing is registered."""

from domain.errors import BadInput


class TooFewOutcomes(BadInput):
    """There are fewer executed, settled samples than a model may be trained on."""

    def __init__(self, have: int, needed: int) -> None:
        super().__init__(
            f"too few outcomes: {have} executed and settled samples, {needed} are needed, {needed - have} are missing"
        )
        self.have, self.needed = have, needed


class OneClassOnly(BadInput):
    """Every outcome is the same, so that nothing tells one sample from another."""

    def __init__(self, count: int, what: str) -> None:
        super().__init__(f"one class only: all {count} labelled samples {what}")
        self.count = count


class BadFeatures(BadInput):
    """A feature is infinite or too large, or unknown although it must always be known."""

    def __init__(self, counts: dict[str, int], n: int) -> None:
        named = ", ".join(f"{name} in {count}" for name, count in counts.items())
        super().__init__(f"bad features: of {n} samples, not finite or beyond all measure are {named}")
        self.counts, self.n = counts, n


class LooksAhead(BadInput):
    """One feature alone tells the outcome so well that it cannot have been known at the decision."""

    def __init__(self, feature: str, measure: str, n: int) -> None:
        super().__init__(
            f"{feature} alone tells what came ({measure} over {n} samples): it must have been known only afterwards"
        )
        self.feature = feature
