"""The verdict on a soak: one line for each thing promised, and the figures behind it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tests.soak.memory import MOST_GROWTH, Growth, growths
from tests.soak.running import Soak, as_json
from tests.soak.watching import Seen

MOST_MESSAGES = 50  # in a queue; beat's entries expire, so a worker that is away leaves no heap
MOST_AFTERWARDS = 10
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Line:
    """One promise: whether it was kept, and by how much."""

    promise: str
    is_kept: bool
    detail: str


def lines_of(soak: Soak, seen: Seen, *, settle_s: float) -> list[Line]:
    """Return every promise."""
    return [
        _green(soak),
        _exceptions(soak),
        _queues(seen),
        _memory(growths(list(seen.lives.values()), settle_s=settle_s), settle_s),
        _trading(seen, soak.trips),
        _books(soak),
        _end(soak),
    ]


def told(soak: Soak, seen: Seen, lines: list[Line], *, settle_s: float) -> dict[str, Any]:
    """Return everything, for machines."""
    return {
        "seed": soak.seed,
        "minutes": soak.minutes,
        "kept": all(line.is_kept for line in lines),
        "lines": [asdict(line) for line in lines],
        "green_at_start_after_s": round(soak.start_s, 1),
        "faults": [wound.as_json() for wound in soak.wounds],
        "memory": [asdict(one) for one in growths(list(seen.lives.values()), settle_s=settle_s)],
        "deepest_queues": dict(seen.deepest),
        "most_outbox_rows": seen.most_waiting,
        "executions_settled": seen.executions[-1][1] if seen.executions else 0,
        "breakers": soak.trips,
        "looks": seen.looks,
        "looks_without_a_server": seen.blind_looks,
        "exceptions_unexplained": [as_json(one) for one in soak.unexplained()],
        "errors": dict(Counter(f"{one.process}: {one.text[:80]}" for one in soak.troubles).most_common(40)),
        "reconciled": soak.reconciled[1],
    }


def _green(soak: Soak) -> Line:
    late = [wound.name for wound in soak.wounds if wound.green_after_s is None or wound.failure]
    taken = sorted(wound.green_after_s for wound in soak.wounds if wound.green_after_s is not None)
    detail = f"{len(soak.wounds)} faults"
    detail += (
        f", green again after {taken[len(taken) // 2]:.0f} s in the median, {taken[-1]:.0f} s at most" if taken else ""
    )
    return Line("canaries green again after each fault", not late, "; ".join([detail, *late]))


def _exceptions(soak: Soak) -> Line:
    found = soak.unexplained()
    echoes = sum(one.is_exception for one in soak.troubles) - len(found)
    detail = [
        f"{len(found)} unexplained, {echoes} echoes of an outage",
        *(f"{one.process}: {one.text}" for one in found),
    ]
    return Line("no unhandled exception", not found, "; ".join(detail[:6]))


def _queues(seen: Seen) -> Line:
    is_bounded = all(depth <= MOST_MESSAGES for depth in seen.deepest.values())
    is_drained = all(depth <= MOST_AFTERWARDS for depth in seen.depths.values())
    deepest = ", ".join(f"{name} {depth}" for name, depth in seen.deepest.most_common())
    return Line("queues bounded", is_bounded and is_drained, f"deepest: {deepest}; outbox {seen.most_waiting} rows")


def _memory(found: list[Growth], settle_s: float) -> Line:
    told = ", ".join(_words(one) for one in found)
    is_kept = bool(found) and all(one.is_bounded for one in found)
    limit = f"growth under {MOST_GROWTH:.0%} after the first {settle_s:.0f} s of a life"
    return Line("memory bounded", is_kept, f"{limit}: {told}")


def _words(one: Growth) -> str:
    shares = (("", one.within_life), ("between lives ", one.between_lives))
    grown = " ".join(f"{name}{share:+.1%}" for name, share in shares if share is not None)
    return f"{one.name} {one.settled_bytes / 1e6:.0f} MB {grown or 'too short-lived to grow'}"


def _trading(seen: Seen, trips: list[str]) -> Line:
    settled = list(_settled_by_third(seen))
    told = f"executions settled by third of the time: {settled}; breakers: {'; '.join(trips[-4:]) or 'none tripped'}"
    is_kept = any(settled) and (all(settled) or bool(trips))
    return Line("it trades, or a breaker says why not", is_kept, told)


def _settled_by_third(seen: Seen) -> Iterator[int]:
    looks = seen.executions
    for third in range(3) if looks else ():
        within = looks[third * len(looks) // 3 : (third + 1) * len(looks) // 3 + 1]
        yield within[-1][1] - within[0][1] if within else 0


def _books(soak: Soak) -> Line:
    code, said = soak.reconciled
    is_kept = code == 0 and soak.open_at_end == 0
    return Line("reconciliation clean", is_kept, f"exit {code}, {soak.open_at_end} executions open; {str(said)[:300]}")


def _end(soak: Soak) -> Line:
    code, left = soak.ended
    return Line("ended when asked", code == INTERRUPTED and not left, f"exit {code}, {len(left)} processes left {left}")
