"""The same show without a terminal: a line every few seconds, and one for whatever happens."""

from typing import Self, TextIO

from arbsite.demo.snapshot import FeedLine, Health, Snapshot
from arbsite.demo.words import bps, clock_of, percent, refusal_lines, spaced, swaps_in_words, usd
from domain.breakers import BreakerState

EVERY_S = 5.0


class PlainScreen:
    """Writes lines that read well in a log."""

    def __init__(self, stream: TextIO, *, every_s: float = EVERY_S) -> None:
        self._stream = stream
        self._every_s = every_s
        self._next_s = 0.0
        self._told: set[FeedLine] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def show(self, snapshot: Snapshot) -> None:
        """Write what is new, and from time to time how it goes."""
        for line in snapshot.feed:
            if line not in self._told:
                self._told.add(line)
                self._write(f"{clock_of(line.at)}  {line.level:7}  {line.text}")
        if snapshot.elapsed_s >= self._next_s:
            self._next_s = snapshot.elapsed_s + self._every_s
            for text in report_lines(snapshot):
                self._write(f"{clock_of(snapshot.at)}  {text}")

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def report_lines(snapshot: Snapshot) -> list[str]:
    """Return how it goes, in a few lines."""
    trading = snapshot.trading
    funnel, results = trading.funnel, trading.results
    away = [f"{server.name} is away" for server in snapshot.servers if server.health is not Health.UP]
    down = [f"{process.name} is {process.state}" for process in snapshot.processes if process.is_down]
    progress = (
        f"{funnel.seen:,} looks, {funnel.opportunities} opportunities, {funnel.admitted} admitted, "
        f"{funnel.executed} executed, {results.under_way} under way"
    )
    money = (
        f"edge {bps(trading.edge.last_bps)}, won {percent(results.win_rate)}, net {usd(results.waterfall.net)} USD; "
        f"pools: {swaps_in_words(trading.swaps, has_chain=snapshot.has_chain)}"
    )
    lines = [f"{snapshot.elapsed_s:4.0f} s  {snapshot.phase}: {progress}; {money}"]
    if away or down:
        lines.append("        " + ", ".join((*away, *down)))
    if tripped := [light for light in trading.breakers if light.state != BreakerState.CLOSED]:
        lines.append("        breakers: " + ", ".join(f"{spaced(b.kind)} {spaced(b.state)}" for b in tripped))
    if refused := refusal_lines(trading.refusals):
        lines.append("        why not: " + ", ".join(f"{line.reason} {line.times:,}" for line in refused))
    return lines
