"""Frames of drawn samples, and the same with their outcomes dealt out anew."""

import numpy as np
import pandas as pd

from benchmarks.training_time import drawn_samples
from mlops.training.samples import frame_of

OUTCOME = ["planned_usd", "worth_usd", "lost_bps", "executed"]


def drawn_frame(n: int, *, seed: int = 1, skill: float = 1.0, executed: float = 0.6) -> pd.DataFrame:
    return frame_of(drawn_samples(n, seed=seed, skill=skill, executed=executed))


def dealt_anew(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    order = np.random.default_rng(seed).permutation(len(frame))
    return frame.assign(**{name: frame[name].to_numpy()[order] for name in OUTCOME})
