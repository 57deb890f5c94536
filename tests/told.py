"""What a process tells of one metric."""

from ops.metrics import REGISTRY


def value_of(name: str, **labels: str) -> float:
    """Return the metric's value just now, 0 where it has not been counted yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
