"""What the models said of one candidate, as its row keeps it: champions, and challengers beside them."""

from collections.abc import Iterator, Mapping
from typing import Any

from domain.errors import BadInput
from domain.scores import ModelName, Scores
from mlops.abstentions import abstention_said
from mlops.said import scores_said
from ops.admin import figures
from ops.admin.panels import Table, label


def scores_table(stored: Mapping[str, Any]) -> Table:
    """Return the scores of a row: one line per model; a sentence where none judged or none can be read."""
    try:
        champions, challengers = scores_said(stored), scores_said(stored, in_shadow=True)
    except BadInput as error:
        return _sentence(f"What is stored cannot be read: {error}.")
    reasons = {reason for _, reason in champions.abstained}
    if not champions.versions and len(reasons) == 1 and not (challengers.versions or challengers.abstained):
        return _sentence(f"No model judged it: {abstention_said(reasons.pop())}. The rules decided.")
    rows = [(figures.words(model), *_told(champions, model), *_told(challengers, model)) for model in ModelName]
    headers = ("Model", "Champion says", "Version", "Challenger says", "Version")
    return Table("Scores", headers, rows, note=" ".join(_notes(stored)))


def _sentence(nothing: str) -> Table:
    return Table("Scores", (), [], nothing=nothing, is_wide=False)


def _notes(stored: Mapping[str, Any]) -> Iterator[str]:
    if stored.get("explored"):
        yield "It was traded by chance although the champions refused it, to learn from."
    yield "A champion may only refuse what the rules allow; what a challenger says is stored and never acts."


def _told(scores: Scores, model: ModelName) -> tuple[str, str]:
    """Return what one side says of one model, and which version of it speaks."""
    tag, reason = dict(scores.versions).get(model), dict(scores.abstained).get(model)
    if reason is not None:
        return figures.joined([label("abstains"), abstention_said(reason)]), tag or figures.NOTHING
    return (_SAID[model](scores), tag) if tag else (figures.NOTHING, figures.NOTHING)


def _success(scores: Scores) -> str:
    probability, breakeven = scores.success_probability, scores.breakeven_probability
    if probability is None or breakeven is None:
        return figures.NOTHING if probability is None else f"{probability:.1%} likely to earn"
    words = f"{probability:.1%} likely to earn, pays from {breakeven:.1%}"
    return figures.coloured(words, good=probability >= breakeven)


def _profit(scores: Scores) -> str:
    expected = scores.expected_net_usd
    if expected is None:
        return figures.NOTHING
    words = f"{'-' if expected < 0 else ''}${abs(expected):.4g} expected net"
    return figures.coloured(words, good=expected > 0)


def _slippage(scores: Scores) -> str:
    if scores.slippage_bps is None:
        return figures.NOTHING
    outer = scores.slippage_range_bps
    beside = f", 8 times in 10 from {outer[0]:.1f} to {outer[1]:.1f}" if outer else ""
    return f"{scores.slippage_bps:.1f} bps lost on the way{beside}"


_SAID = {ModelName.ROUTE_SUCCESS: _success, ModelName.PROFIT: _profit, ModelName.SLIPPAGE: _slippage}
