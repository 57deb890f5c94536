"""How near the success model comes to all there is to know of the simulated market, over ten seeds.

    python -m benchmarks.model_skill [--folder .local/benchmarks] [--seeds 10]

Twenty seeds' samples of 10,000 each are made once by two processes (about ten minutes on an idle machine) and kept. A
reference of the same family, LightGBM, is fitted on all 200,000; it and every model of ours are scored on the same
20,000 samples of two further seeds. Ours are trained on the first 2,000, 5,000 and 10,000 samples of each seed. Then
the features of 2,000 samples are shuffled among them: such a model must be found to have no skill, and serve nothing.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import lightgbm
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.simulated_samples import Store
from domain.features import FEATURE_NAMES
from domain.scores import ModelName
from mlops.labelled import LabelledSample
from mlops.training import Trained, train
from mlops.training.samples import frame_of

EACH = 10_000
REFERENCE_SEEDS = range(1, 21)
HELD_OUT_SEEDS = (101, 102)
SIZES = (2_000, 5_000, 10_000)
MOST_BEHIND = {2_000: 0.06, 10_000: 0.03}  # of AUC
MOST_ECE, FROM_SIZE = 0.03, 5_000
BINS = 10
REFERENCE = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "min_data_in_leaf": 200, "verbosity": -1}
ROUNDS, PATIENCE = 1_000, 50


@dataclass(frozen=True)
class Answered:
    """Opportunities as the models see them, and whether each still paid after the delay."""

    features: np.ndarray  # (n_samples, n_features)
    paid: np.ndarray  # (n_samples,) bool

    @classmethod
    def of(cls, samples: Sequence[LabelledSample]) -> "Answered":
        """Return the executed of the samples."""
        traded = [one for one in samples if one.executed]
        features = np.array([one.features.values for one in traded]).reshape(len(traded), len(FEATURE_NAMES))
        return cls(features, np.array([(one.settled_net_usd or 0) > 0 for one in traded]))


@dataclass(frozen=True)
class Skill:
    """How one model did on the held-out samples."""

    auc: float
    ece: float


def main() -> None:
    """Make what is missing, measure, print, and end with 3 where a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "arbsite-benchmarks")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--reference-seeds", type=int, default=len(REFERENCE_SEEDS), help="fewer for a quick look")
    told = parser.parse_args()
    store = Store(told.folder, EACH)
    seeds = REFERENCE_SEEDS[: told.reference_seeds]
    store.fill([*HELD_OUT_SEEDS, *seeds])
    held_out = Answered.of([one for seed in HELD_OUT_SEEDS for one in store.samples(seed)])
    reference = reference_auc(store, seeds, held_out)
    print(f"reference on {len(seeds) * EACH:,} samples: AUC {reference:.4f} on {len(held_out.paid):,} held out")
    is_kept = study(store, seeds[: told.seeds], held_out, reference) & acts_as_the_rule(store, seeds[: told.seeds])
    sys.exit(0 if is_kept else 3)


def reference_auc(store: Store, seeds: Sequence[int], held_out: Answered) -> float:
    """Return what the same family reaches with all samples, its length chosen on the last tenth of them."""
    known = Answered.of([one for seed in seeds for one in store.samples(seed)])
    cut = len(known.paid) * 9 // 10
    fitted = lightgbm.train(
        REFERENCE,
        lightgbm.Dataset(known.features[:cut], known.paid[:cut]),
        ROUNDS,
        valid_sets=[lightgbm.Dataset(known.features[cut:], known.paid[cut:])],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return float(roc_auc_score(held_out.paid, fitted.predict(held_out.features)))


def study(store: Store, seeds: Sequence[int], held_out: Answered, reference: float) -> bool:
    """Print what ours reach at each size, and return whether every bound is kept."""
    print(
        f"{'samples':>8} {'AUC':>7} {'behind':>7} {'worst':>7} {'ECE':>7} {'worst':>7} {'with skill':>10} {'s each':>7}"
    )
    are_kept = [_at_size(store, seeds, size, held_out, reference) for size in SIZES]  # each is printed
    return all(are_kept)


def acts_as_the_rule(store: Store, seeds: Sequence[int]) -> bool:
    """Print how many models find skill in shuffled features, and return whether none does."""
    found = [shuffled(store.samples(seed)[: SIZES[0]], seed).has_skill for seed in seeds]
    print(f"shuffled features: {sum(found)} of {len(found)} models claim skill; the others serve nothing")
    return not any(found)


def shuffled(samples: Sequence[LabelledSample], seed: int) -> Trained:
    """Return the success model of samples whose features have been dealt out anew."""
    frame = frame_of(samples)
    order = list(range(len(frame)))
    Random(seed).shuffle(order)
    frame[list(FEATURE_NAMES)] = frame[list(FEATURE_NAMES)].to_numpy()[order]
    return _trained(frame, seed)


def skill_of(trained: Trained, held_out: Answered) -> Skill:
    """Return how a model of ours does, its probabilities calibrated as they are served."""
    booster = lightgbm.Booster(model_str=trained.bundle.boosters["probability"])
    calibration = trained.bundle.calibration
    assert calibration is not None
    raw = booster.predict(held_out.features)
    said = np.array([calibration(score) for score in raw])
    return Skill(float(roc_auc_score(held_out.paid, said)), ece_of(said, held_out.paid))


def ece_of(said: np.ndarray, paid: np.ndarray) -> float:
    """Return the expected calibration error over bins of equal counts."""
    parts = np.array_split(np.argsort(said, kind="stable"), BINS)
    return float(sum(abs(said[part].mean() - paid[part].mean()) * len(part) for part in parts) / len(said))


def _at_size(store: Store, seeds: Sequence[int], size: int, held_out: Answered, reference: float) -> bool:
    begun_s = time.perf_counter()
    models = [_trained(frame_of(store.samples(seed)[:size]), seed) for seed in seeds]
    each_s = (time.perf_counter() - begun_s) / len(models)
    skills = [skill_of(model, held_out) for model in models]
    aucs, eces = [one.auc for one in skills], [one.ece for one in skills]
    behind = reference - float(np.mean(aucs))
    print(
        f"{size:>8,} {np.mean(aucs):>7.4f} {behind:>7.4f} {reference - min(aucs):>7.4f} {np.mean(eces):>7.4f} "
        f"{max(eces):>7.4f} {sum(model.has_skill for model in models):>10} {each_s:>7.1f}",
        flush=True,
    )
    is_near = behind <= MOST_BEHIND.get(size, 1.0)
    return is_near and (size < FROM_SIZE or float(np.mean(eces)) < MOST_ECE)


def _trained(frame: object, seed: int) -> Trained:
    return train(ModelName.ROUTE_SUCCESS, frame, seed=seed, told=lambda what, done, total: None)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
