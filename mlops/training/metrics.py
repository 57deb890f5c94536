"""How good predictions were: each measure beside its interval, resampled by runs of episodes that belong together.

A judge takes weights, how often each sample counts, and returns its measures by name; ``nan`` where one has no
meaning. ``measure`` asks it once with every sample counting once and then over and over with runs drawn at random.
What ``measure`` and ``bins_of`` return is ready for JSON.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.scores import ModelName

Floats: TypeAlias = NDArray[np.float64]
Judge: TypeAlias = Callable[[Floats], dict[str, float]]

LEVEL = 0.95
RESAMPLES = 1000
N_BINS = 10
QUANTILES = (0.1, 0.5, 0.9)


def measure(
    judge: Judge, clusters: NDArray[np.int64], *, seed: int, level: float = LEVEL, resamples: int = RESAMPLES
) -> dict[str, dict[str, float | None]]:
    """Return ``{name: {"value", "low", "high"}}``: ``level`` of the resampled values lie between low and high.

    ``clusters`` numbers what is drawn together, from 0 on without gaps. None stands for what has no meaning.
    """
    n_clusters = int(clusters.max(initial=-1)) + 1
    values = judge(np.ones(len(clusters)))
    if n_clusters < 2:
        return {name: {"value": _told(value), "low": None, "high": None} for name, value in values.items()}
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=resamples)
    drawn = [judge(draw[clusters].astype(float)) for draw in draws]
    return {name: _between(value, np.array([one[name] for one in drawn]), level) for name, value in values.items()}


def difference(of: Judge, against: Judge) -> Judge:
    """Return the judge of how much more ``of`` has than ``against``, over the same samples."""

    def judge(weights: Floats) -> dict[str, float]:
        ours, theirs = of(weights), against(weights)
        return {name: ours[name] - theirs[name] for name in ours if name in theirs}

    return judge


def judge_of(model: ModelName, said: Floats, came: Floats) -> Judge:
    """Return the judge of what a model said; success came where ``came`` is above zero."""
    match model:
        case ModelName.ROUTE_SUCCESS:
            return of_probabilities(said, came > 0)
        case ModelName.PROFIT:
            return of_means(said, came)
        case ModelName.SLIPPAGE:
            return of_quantiles(said, came)


def of_probabilities(said: Floats, came: NDArray[np.bool_], *, threshold: float | Floats = 0.5) -> Judge:
    """Return the judge of probabilities; "yes" is a probability of at least ``threshold``.

    Its measures: accuracy, precision, recall, f1, brier, ece (10 bins of equal counts), auc, base_rate, mean_said.
    """
    yes, truth = said >= threshold, came.astype(float)
    squares, bins = (said - truth) ** 2, _bin_numbers(said, N_BINS)
    _, ranks = np.unique(said, return_inverse=True)

    def judge(weights: Floats) -> dict[str, float]:
        total, hits = weights.sum(), (weights * truth).sum()
        tp, called = (weights * truth * yes).sum(), (weights * yes).sum()
        precision, recall = _ratio(tp, called), _ratio(tp, hits)
        return {
            "accuracy": _ratio((weights * (yes == came)).sum(), total),
            "precision": precision,
            "recall": recall,
            "f1": _ratio(2 * tp, called + hits),
            "brier": _ratio((weights * squares).sum(), total),
            "ece": _calibration_error(said, truth, bins, weights),
            "auc": _area(ranks, truth, weights),
            "base_rate": _ratio(hits, total),
            "mean_said": _ratio((weights * said).sum(), total),
        }

    return judge


def of_means(said: Floats, came: Floats) -> Judge:
    """Return the judge of predicted amounts.

    Its measures: mae, mse, correlation, mean_percent_error (absolute errors over absolute amounts, in per cent: a
    ratio of sums, as amounts near zero would drown a mean of ratios), mean_said, mean_came.
    """
    errors = said - came

    def judge(weights: Floats) -> dict[str, float]:
        total, off = weights.sum(), (weights * np.abs(errors)).sum()
        return {
            "mae": _ratio(off, total),
            "mse": _ratio((weights * errors**2).sum(), total),
            "correlation": _correlation(said, came, weights),
            "mean_percent_error": 100 * _ratio(off, (weights * np.abs(came)).sum()),
            "mean_said": _ratio((weights * said).sum(), total),
            "mean_came": _ratio((weights * came).sum(), total),
        }

    return judge


def of_quantiles(said: Floats, came: Floats) -> Judge:
    """Return the judge of predicted quantiles, whose median is judged like a mean.

    Shapes: (n_samples, 3) float64, never falling along a row.
    Its measures are those of ``of_means``, and pinball (the mean over the quantiles), coverage (of the outer ones).
    """
    levels = np.array(QUANTILES)
    short = came[:, None] - said
    losses = np.maximum(levels * short, (levels - 1) * short).mean(axis=1)
    inside = (came >= said[:, 0]) & (came <= said[:, 2])
    median = of_means(said[:, 1], came)

    def judge(weights: Floats) -> dict[str, float]:
        total = weights.sum()
        return {
            **median(weights),
            "pinball": _ratio((weights * losses).sum(), total),
            "coverage": _ratio((weights * inside).sum(), total),
        }

    return judge


def of_veto(vetoed: NDArray[np.bool_], net_usd: Floats) -> Judge:
    """Return the judge of what it would have changed to leave the vetoed trades alone: sums, in USD."""
    lost = np.where(vetoed, -net_usd, 0.0)

    def judge(weights: Floats) -> dict[str, float]:
        return {
            "changed_usd": float((weights * lost).sum()),
            "rule_usd": float((weights * net_usd).sum()),
            "vetoed_share": _ratio((weights * vetoed).sum(), weights.sum()),
        }

    return judge


def bins_of(said: Floats, came: NDArray[np.bool_], n_bins: int = N_BINS) -> list[dict[str, float]]:
    """Return the calibration by bins of equal counts: mean probability, share that came, its Wilson interval, n."""
    numbers = _bin_numbers(said, n_bins)
    return [_bin(said[numbers == number], came[numbers == number]) for number in np.unique(numbers)]


def mean_bins_of(said: Floats, came: Floats, n_bins: int = N_BINS) -> list[dict[str, float]]:
    """Return predicted against actual amounts by bins of equal counts, the interval that of the actual mean."""
    numbers = _bin_numbers(said, n_bins)
    return [_mean_bin(said[numbers == number], came[numbers == number]) for number in np.unique(numbers)]


def calibration_error_by_chance(said: Floats, *, seed: int, draws: int = 200) -> float:
    """Return the ece that probabilities would show if each were exactly right: what so few samples cannot tell."""
    rng, bins, ones = np.random.default_rng(seed), _bin_numbers(said, N_BINS), np.ones(len(said))
    drawn = ((rng.random(len(said)) < said).astype(float) for _ in range(draws))
    return float(np.mean([_calibration_error(said, truth, bins, ones) for truth in drawn]))


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval of a share of ``n``. Source: Wilson 1927, the score interval."""
    centre, spread = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return min(max(low, 0.0), share), max(min(high, 1.0), share)  # at 0 and 1 rounding would leave the share outside


def histogram_of(values: Floats, n_bins: int = N_BINS) -> dict[str, list[float]]:
    """Return the edges of bins of about equal counts, and the share of each; the last share is of the unknown."""
    known = values[np.isfinite(values)]
    edges = np.unique(np.quantile(known, np.arange(1, n_bins) / n_bins)) if len(known) else np.array([])
    return {"edges": edges.tolist(), "shares": _shares(values, edges).tolist()}


def psi(histogram: Mapping[str, Any], values: Floats) -> float:
    """Return the population stability index of values against a histogram: 0 is the same, above 0.25 another world.

    Source: sum of (actual - expected) * ln(actual / expected) over bins; empty bins count as half a sample.
    """
    expected = np.array(histogram["shares"])
    actual = _shares(values, np.array(histogram["edges"]))
    least = 0.5 / max(len(values), 1)
    expected, actual = np.maximum(expected, least), np.maximum(actual, least)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def _shares(values: Floats, edges: Floats) -> Floats:
    known = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(known)) / max(len(values), 1)


def _bin_numbers(said: Floats, n_bins: int) -> NDArray[np.int64]:
    edges = np.unique(np.quantile(said, np.arange(1, n_bins) / n_bins)) if len(said) else np.array([])
    return np.searchsorted(edges, said, side="left")


def _bin(said: Floats, came: NDArray[np.bool_]) -> dict[str, float]:
    n, share = len(came), float(came.mean())
    low, high = wilson(share, n)
    return {"said": float(said.mean()), "came": share, "n": n, "low": low, "high": high}


def _mean_bin(said: Floats, came: Floats) -> dict[str, float]:
    mean, spread = float(came.mean()), 1.96 * float(came.std()) / math.sqrt(len(came))
    return {"said": float(said.mean()), "came": mean, "n": len(came), "low": mean - spread, "high": mean + spread}


def _calibration_error(said: Floats, truth: Floats, bins: NDArray[np.int64], weights: Floats) -> float:
    gaps = np.bincount(bins, weights * (said - truth))
    return _ratio(np.abs(gaps).sum(), weights.sum())


def _area(ranks: NDArray[np.int64], truth: Floats, weights: Floats) -> float:
    """The area under the curve: how often a success is ranked above a failure, a tie counting half."""
    hits = np.bincount(ranks, weights * truth)
    misses = np.bincount(ranks, weights * (1 - truth))
    below = np.cumsum(misses) - misses / 2
    return _ratio((hits * below).sum(), hits.sum() * misses.sum())


def _correlation(said: Floats, came: Floats, weights: Floats) -> float:
    total = weights.sum()
    if not total or np.ptp(said) == 0 or np.ptp(came) == 0:  # else rounding errors would be correlated
        return math.nan
    one, other = said - (weights * said).sum() / total, came - (weights * came).sum() / total
    spread = math.sqrt((weights * one**2).sum() * (weights * other**2).sum())
    return float(np.clip(_ratio((weights * one * other).sum(), spread), -1, 1))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan


def _between(value: float, drawn: Floats, level: float) -> dict[str, float | None]:
    known = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or len(known) < len(drawn) * level:
        return {"value": _told(value), "low": None, "high": None}
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return {"value": value, "low": float(low), "high": float(high)}


def _told(value: float) -> float | None:
    return value if math.isfinite(value) else None
