"""What came of a sample, as each model is judged by it; None where that is not known."""

from mlops.labelled import LabelledSample

OPPORTUNITY = "opportunity"


def succeeded(sample: LabelledSample) -> bool | None:
    """Return whether it paid: by its settlement where it was executed, else by the edge after the delay."""
    told = sample.settled_net_usd if sample.executed else sample.edge_at_latency_bps
    return None if told is None else told > 0


def lost_bps(sample: LabelledSample) -> float | None:
    """Return how much of the planned edge was gone after the delay."""
    return None if sample.edge_at_latency_bps is None else sample.net_bps - sample.edge_at_latency_bps


def planned_usd(sample: LabelledSample) -> float:
    """Return what it was planned to earn."""
    return sample.net_bps * sample.notional_usd / 1e4


def worth_usd(sample: LabelledSample) -> float | None:
    """Return what it was worth: settled where it was executed, else what was left after the delay."""
    if sample.executed:
        return sample.settled_net_usd
    if sample.edge_at_latency_bps is None:
        return None
    return sample.edge_at_latency_bps * sample.notional_usd / 1e4


def is_opportunity(sample: LabelledSample) -> bool:
    """Whether the rules would have traded it; a near miss they refuse themselves."""
    return sample.kind == OPPORTUNITY
