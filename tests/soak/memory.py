"""Memory by process over its life: how far it has grown once it had settled, and from one life to the next."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

MOST_GROWTH = 0.10
NOT_OURS = frozenset({"simulator's child"})  # anvil keeps 30 kB of each block; its driver starts another in time
WINDOW_S = 30.0


@dataclass(slots=True)
class Life:
    """One process from its start to its end: the memory of its own at each age."""

    name: str
    pid: int
    samples: list[tuple[float, int]] = field(default_factory=list)  # age in s, bytes

    @property
    def age_s(self) -> float:
        """Return how old it became."""
        return self.samples[-1][0] if self.samples else 0.0

    def level(self, since_s: float) -> float | None:
        """Return the median memory within a window of its life, None where it was not looked at then."""
        within = [size for age_s, size in self.samples if since_s <= age_s <= since_s + WINDOW_S]
        return median(within) if within else None


@dataclass(frozen=True, slots=True)
class Growth:
    """How one process grew."""

    name: str
    lives: int
    judged_s: float  # the longest life after it had settled
    settled_bytes: int
    last_bytes: int
    within_life: float | None  # share, of the longest life
    between_lives: float | None  # share, the last life against the first at the same age

    @property
    def is_bounded(self) -> bool:
        """Return whether neither growth is above what is allowed; what is not ours to mend is only told."""
        return self.name in NOT_OURS or all(
            share is None or share < MOST_GROWTH for share in (self.within_life, self.between_lives)
        )


def growths(lives: Sequence[Life], *, settle_s: float) -> list[Growth]:
    """Return the growth of each process that lived long enough to be judged at all."""
    by_name: dict[str, list[Life]] = defaultdict(list)
    for life in lives:
        if life.level(settle_s) is not None:
            by_name[life.name].append(life)
    return [_growth(name, found, settle_s) for name, found in sorted(by_name.items())]


def _growth(name: str, lives: list[Life], settle_s: float) -> Growth:
    longest = max(lives, key=lambda life: life.age_s)
    settled, last = longest.level(settle_s), longest.level(longest.age_s - WINDOW_S)
    assert settled is not None
    assert last is not None
    is_long = longest.age_s >= settle_s + 2 * WINDOW_S
    return Growth(
        name=name,
        lives=len(lives),
        judged_s=round(longest.age_s - settle_s, 1),
        settled_bytes=int(settled),
        last_bytes=int(last),
        within_life=last / settled - 1 if is_long else None,
        between_lives=_between(lives, settle_s),
    )


def _between(lives: list[Life], settle_s: float) -> float | None:
    first, last = lives[0].level(settle_s), lives[-1].level(settle_s)
    return last / first - 1 if len(lives) > 1 and first and last else None
