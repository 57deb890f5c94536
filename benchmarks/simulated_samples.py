"""Simulated samples for the study of the models' skill, kept as plain arrays so that they are made once.

One seed's samples are one file; they are made by two processes.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from domain.features import FEATURE_HASH, FeatureVector
from domain.timestamps import from_ns, to_ns
from mlops.labelled import LabelledSample

PROCESSES = 2
COLUMNS = ("net_bps", "notional_usd", "edge_at_latency_bps")


@dataclass(frozen=True)
class Store:
    """A folder of samples by seed."""

    folder: Path
    count: int

    def fill(self, seeds: Sequence[int]) -> None:
        """Make what is not there yet, telling each seed that is done."""
        missing = [seed for seed in seeds if not self._file(seed).exists()]
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
            for seed, _ in zip(
                missing,
                pool.map(make, missing, [str(self.folder)] * len(missing), [self.count] * len(missing)),
                strict=True,
            ):
                print(f"seed {seed}: {self.count:,} samples made", flush=True)

    def samples(self, seed: int) -> list[LabelledSample]:
        """Return one seed's samples, in order of time."""
        with np.load(self._file(seed), allow_pickle=False) as kept:
            return _samples(dict(kept))

    def _file(self, seed: int) -> Path:
        return self.folder / file_name(seed, self.count)


def file_name(seed: int, count: int) -> str:
    """Return the name of one seed's file: it holds for one set of features, one market and one detection alone."""
    return f"{_version()}-{seed}-{count}.npz"


def make(seed: int, folder: str, count: int) -> None:
    """Make one seed's samples and write them, whole or not at all; in a process of its own."""
    from arbsite import config  # late: each process sets Django up for itself

    config.name_settings_module()
    import django  # late: as above

    django.setup()
    from arbsite.synthetic import samples  # late: as above

    file = Path(folder) / file_name(seed, count)
    part = file.with_suffix(".part.npz")
    np.savez(part, **_arrays(samples(seed, count)))
    part.rename(file)


def _version() -> str:
    sources = (Path(__file__).parents[1] / name for name in ("arbsite/synthetic.py", "simulator/dislocations.py"))
    return sha256(b"".join([FEATURE_HASH.encode(), *(source.read_bytes() for source in sources)])).hexdigest()[:12]


def _arrays(samples: Sequence[LabelledSample]) -> dict[str, np.ndarray]:
    told = {name: np.array([getattr(one, name) for one in samples], dtype=float) for name in COLUMNS}
    return told | {
        "features": np.array([one.features.values for one in samples]),
        "route_key": np.array([one.route_key for one in samples]),
        "kind": np.array([one.kind for one in samples]),
        "at_ns": np.array([to_ns(one.timestamp) for one in samples], dtype=np.int64),
        "known_ns": np.array([to_ns(one.known_at) for one in samples if one.known_at], dtype=np.int64),
    }


def _samples(kept: dict[str, np.ndarray]) -> list[LabelledSample]:
    columns = {name: array.tolist() for name, array in kept.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [_sample(row) for row in rows]


def _sample(row: dict) -> LabelledSample:
    is_executed = row["kind"] == "opportunity"
    left_bps = row["edge_at_latency_bps"]
    return LabelledSample(
        route_key=row["route_key"],
        symbol=row["route_key"].partition(":")[2].partition(">")[0],
        timestamp=from_ns(row["at_ns"]),
        kind=row["kind"],
        features=FeatureVector(tuple(row["features"])),
        net_bps=row["net_bps"],
        notional_usd=row["notional_usd"],
        executed=is_executed,
        edge_at_latency_bps=left_bps,
        settled_net_usd=left_bps * row["notional_usd"] / 1e4 if is_executed else None,
        slippage_bps=row["net_bps"] - left_bps if is_executed else None,
        known_at=from_ns(row["known_ns"]),
    )
