"""The live console: one screen, drawn from a snapshot."""

from collections.abc import Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from arbsite.demo.snapshot import BreakerView, FeedLine, Health, Snapshot, VenueView
from arbsite.demo.words import (
    age,
    ago,
    bps,
    clock_of,
    count,
    percent,
    refusal_lines,
    route_in_words,
    spaced,
    usd,
)
from domain.breakers import BreakerState

_LIGHTS = {BreakerState.CLOSED: "green", BreakerState.HALF_OPEN: "yellow", BreakerState.OPEN: "red"}
_LEVELS = {"info": "default", "warning": "yellow", "error": "red"}
_WIDE = 120
_TALL = 38


def render(snapshot: Snapshot, *, width: int, height: int) -> RenderableType:
    """Return the screen for a terminal of this size."""
    screen = Layout()
    rows = _rows(snapshot, width)
    if height < _TALL:
        rows = [row for row in rows if row.name in {"head", "money", "lights"}]
    screen.split_column(*rows, Layout(_feed(snapshot, height), name="feed", minimum_size=3))
    return screen


def _rows(snapshot: Snapshot, width: int) -> list[Layout]:
    is_wide = width >= _WIDE
    sources = _side_by_side("sources", _venues(snapshot), _processes(snapshot), size=13)
    money = [_funnel(snapshot), _results(snapshot)] + ([_refusals(snapshot)] if is_wide else [])
    lights = _side_by_side("lights", _breakers(snapshot), _last_trade(snapshot), size=11)
    head = Layout(_head(snapshot), name="head", size=4)
    return [head, sources, _side_by_side("money", *money, size=12), lights]


def _side_by_side(name: str, *panels: RenderableType, size: int) -> Layout:
    row = Layout(name=name, size=size)
    row.split_row(*(Layout(panel) for panel in panels))
    return row


def _head(snapshot: Snapshot) -> RenderableType:
    badge = Text(f" {snapshot.scope.mode.value.upper()} ", style="bold white on blue")
    length = f" of {snapshot.length_s:.0f}" if snapshot.length_s is not None else ""
    clock = f"{snapshot.at:%H:%M:%S} UTC   {snapshot.elapsed_s:.0f}{length} s   {snapshot.phase}"
    servers = Text("   ").join(_server(server.name, server.health, server.away_s) for server in snapshot.servers)
    top = Table.grid(expand=True)
    top.add_column()
    top.add_column(justify="right")
    top.add_row(Text.assemble(badge, "  simulated venues, paper fills   ", (clock, "bold")), servers)
    links = snapshot.links
    top.add_row(
        Text.assemble("admin ", (links.admin, "cyan"), f"  {links.admin_user} / {links.admin_password}"),
        Text(f"run {snapshot.scope.run_id}", style="dim"),
    )
    top.add_row(
        Text.assemble("flower ", (links.flower, "cyan"), f"  {links.flower_user} / {links.flower_password}"),
        Text("Ctrl-C ends it", style="dim"),
    )
    return top


def _server(name: str, health: Health, away_s: float) -> Text:
    if health is Health.UP:
        return Text.assemble(("● ", "green"), name)
    return Text(f"● {name} is away, {away_s:.0f} s", style="bold red")


def _venues(snapshot: Snapshot) -> Panel:
    table = _table(("venue", "left"), ("markets", "right"), ("freshest", "right"), ("oldest", "right"))
    for title in ("messages", "refused", "reconnects"):
        table.add_column(title, justify="right")
    for venue in snapshot.venues:
        table.add_row(*_venue_cells(venue))
    return _panel("Venues", table if snapshot.venues else Text("waiting for the first books", style="dim"))


def _venue_cells(venue: VenueView) -> tuple[RenderableType, ...]:
    style = "red" if venue.freshest_ms is None or venue.freshest_ms > 2000 else "default"
    return (
        venue.name,
        count(venue.markets),
        Text(age(venue.freshest_ms), style=style),
        age(venue.oldest_ms),
        count(venue.messages),
        count(venue.refused),
        count(venue.reconnects),
    )


def _processes(snapshot: Snapshot) -> Panel:
    table = _table(("process", "left"), ("state", "left"), ("restarts", "right"), ("pid", "right"))
    for process in snapshot.processes:
        style = "bold red" if process.is_down else "green" if process.pid else "dim"
        restarts = Text(count(process.restarts), style="yellow" if process.restarts else "default")
        table.add_row(process.name, Text(process.state, style=style), restarts, str(process.pid or ""))
    return _panel("Processes", table)


def _funnel(snapshot: Snapshot) -> Panel:
    funnel = snapshot.trading.funnel
    table = _table(("of all looks at a route", "left"), ("", "right"))
    for name in ("seen", "fresh", "crossed", "after_fees", "sized"):
        table.add_row(spaced(name), count(getattr(funnel, name)))
    for name in ("opportunities", "admitted", "executed"):
        table.add_row(Text(name, style="bold"), Text(count(getattr(funnel, name)), style="bold"))
    return _panel("Funnel", table)


def _results(snapshot: Snapshot) -> Panel:
    edge, results = snapshot.trading.edge, snapshot.trading.results
    table = _table(("profit and loss, USD", "left"), ("", "right"))
    waterfall = results.waterfall
    table.add_row("gross edge", usd(waterfall.gross))
    for name in ("fees", "gas", "slippage", "unwind"):
        table.add_row(f"  less {name}", usd(-getattr(waterfall, name)))
    table.add_row(Text("net", style="bold"), _signed(waterfall.net))
    table.add_row("edge last / mean", f"{bps(edge.last_bps)} / {bps(edge.mean_bps)}")
    table.add_row("win rate", f"{percent(results.win_rate)} of {results.filled}")
    return _panel("Results", table)


def _refusals(snapshot: Snapshot) -> Panel:
    table = _table(("reason", "left"), ("of", "left"), ("times", "right"))
    lines = refusal_lines(snapshot.trading.refusals)
    for line in lines:
        table.add_row(Text(line.reason, no_wrap=True, overflow="ellipsis"), line.of, count(line.times))
    return _panel("Why not", table if lines else Text("nothing refused yet", style="dim"))


def _breakers(snapshot: Snapshot) -> Panel:
    table = _table(("breaker", "left"), ("state", "left"), ("trips", "right"), ("why", "left"))
    for breaker in snapshot.trading.breakers:
        table.add_row(*_breaker_cells(breaker))
    gate = snapshot.trading.gate
    title = "Breakers" if gate == "active" else f"Breakers (gate {gate})"
    return _panel(title, table if snapshot.trading.breakers else Text("no breaker has a row yet", style="dim"))


def _breaker_cells(breaker: BreakerView) -> tuple[RenderableType, ...]:
    colour = _LIGHTS[BreakerState(breaker.state)]
    light = Text.assemble(("● ", colour), (spaced(breaker.state), colour))
    is_closed = breaker.state == BreakerState.CLOSED
    why = "" if is_closed else breaker.reason
    if breaker.cools_in_s is not None:
        why = f"{breaker.cools_in_s:.0f} s to cool: {why}"
    return spaced(breaker.kind), light, count(breaker.trips), Text(why, no_wrap=True, overflow="ellipsis")


def _last_trade(snapshot: Snapshot) -> Panel:
    last, slippage = snapshot.trading.last, snapshot.trading.slippage
    if last is None:
        return _panel("Last trade", Text("none has settled yet", style="dim"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    table.add_row("what", f"{last.symbol}, {usd(last.notional_usd, signed=False)} USD")
    table.add_row("route", route_in_words(last.route_key))
    table.add_row("ended", f"{last.state}, {ago(snapshot.at, last.at)}")
    table.add_row("net", _signed(last.net_usd, unit=" USD"))
    if slippage is not None:
        table.add_row("slippage", f"{bps(slippage.predicted_bps)} predicted, {bps(slippage.realised_bps)} realised")
    if snapshot.first_execution_s is not None:
        table.add_row("first", f"settled {snapshot.first_execution_s:.1f} s after the start")
    return _panel("Last trade", table)


def _feed(snapshot: Snapshot, height: int) -> Panel:
    lines = [_feed_line(line) for line in _latest(snapshot.feed, height)]
    return _panel("Alerts and events", Text("\n").join(lines) if lines else Text("quiet so far", style="dim"))


def _latest(feed: Sequence[FeedLine], height: int) -> Sequence[FeedLine]:
    return tuple(reversed(feed[-height:]))  # the newest on top: what does not fit is old


def _feed_line(line: FeedLine) -> Text:
    text = Text.assemble((f"{clock_of(line.at)}  ", "dim"), (line.text, _LEVELS[line.level]))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _signed(amount: Decimal, *, unit: str = "") -> Text:
    return Text(usd(amount) + unit, style="bold green" if amount > 0 else "bold red" if amount < 0 else "bold")


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1), show_edge=False, header_style="dim")
    for title, justify in columns:
        table.add_column(title, justify="right" if justify == "right" else "left", no_wrap=True)
    return table


def _panel(title: str, body: RenderableType) -> Panel:
    return Panel(body, title=title, title_align="left", border_style="dim", padding=(0, 1))
