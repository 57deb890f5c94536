"""Alert rules as Grafana evaluates them: a table's numbers by their labels, reduced, held against a threshold."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arbsite.dashboards.parts import EXPRESSION, Rule, Step
from domain.errors import BadInput

Labels = tuple[tuple[str, str], ...]
Numbers = Mapping[Labels, tuple[float | None, ...]]

EVALUATORS: dict[str, tuple[int, Callable[[float, Sequence[float]], bool]]] = {
    "gt": (1, lambda value, params: value > params[0]),
    "lt": (1, lambda value, params: value < params[0]),
    "eq": (1, lambda value, params: value == params[0]),
    "ne": (1, lambda value, params: value != params[0]),
    "gte": (1, lambda value, params: value >= params[0]),
    "lte": (1, lambda value, params: value <= params[0]),
    "within_range": (2, lambda value, params: params[0] < value < params[1]),
    "outside_range": (2, lambda value, params: value < params[0] or value > params[1]),
}
REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {
    "last": lambda values: values[-1],
    "min": min,
    "max": max,
    "sum": math.fsum,
    "mean": lambda values: math.fsum(values) / len(values),
    "count": lambda values: float(len(values)),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a database: which of its instances would fire, were it so for long enough."""

    firing: tuple[Labels, ...]
    values: Mapping[Labels, float]


def evaluate(rule: Rule, answers: Mapping[str, Numbers]) -> Verdict:
    """Return what ``rule`` makes of what its queries answered, by refId.

    Raises: BadInput for a query that answered nothing, or a number that is none: Grafana would raise another alarm.
    """
    known = {step.ref: step for step in rule.steps}
    reached = known[rule.condition]
    values = _values(known[reached.reads], known, answers)
    _, holds = EVALUATORS[reached.evaluator]
    return Verdict(tuple(labels for labels, value in values.items() if holds(value, reached.params)), values)


def _values(step: Step, known: Mapping[str, Step], answers: Mapping[str, Numbers]) -> Mapping[Labels, float]:
    if step.datasource != EXPRESSION:
        return {labels: _number(step, labels, numbers[-1]) for labels, numbers in _found(step, answers).items()}
    source = known[step.reads]
    if source.datasource == EXPRESSION:
        raise BadInput(f"step {step.ref} reads the expression {source.ref}: a reduce takes a query's numbers")
    reduce = REDUCERS[step.reducer]
    found = _found(source, answers)
    return {labels: reduce([_number(source, labels, one) for one in numbers]) for labels, numbers in found.items()}


def _found(step: Step, answers: Mapping[str, Numbers]) -> Numbers:
    found = answers.get(step.ref, {})
    if not found:
        raise BadInput(f"query {step.ref} found nothing: an alert needs a row of its own for zero")
    return found


def _number(step: Step, labels: Labels, value: float | None) -> float:
    if value is None or not math.isfinite(value):
        said = ", ".join(f"{name}={word}" for name, word in labels)
        raise BadInput(f"query {step.ref} gives no number for {said or 'its only row'}")
    return value
