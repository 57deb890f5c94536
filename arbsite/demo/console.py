"""The live console: one screen, drawn from a snapshot."""

from collections.abc import Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
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
    swaps_in_words,
    usd,
)
from domain.breakers import BreakerState

_LIGHTS = {BreakerState.CLOSED: "green", BreakerState.HALF_OPEN: "yellow", BreakerState.OPEN: "red"}
_LEVELS = {"info": "default", "warning": "yellow", "error": "red"}
_WIDE = 120
_TALL = 45  # everything fits
_STALE_MS = 2000
_MIDDLING = 33  # everything but venues and processes


def render(snapshot: Snapshot, *, width: int, height: int) -> RenderableType:
    """Return the screen for a terminal of this size: a small one shows what matters most."""
    is_wide = width >= _WIDE
    rows = [Layout(_head(snapshot, is_wide=is_wide), name="head", size=4)]
    if height >= _TALL:
        rows.append(_side_by_side(_venues(snapshot, is_wide=is_wide), _processes(snapshot), size=13))
    rows.append(_side_by_side(*_money(snapshot, is_wide=is_wide), size=13))
    if height >= _MIDDLING:
        rows.append(_side_by_side(_breakers(snapshot, is_wide=is_wide), _last_trade(snapshot), size=11))
    else:
        rows.append(Layout(_lights(snapshot), size=3))
    screen = Layout()
    screen.split_column(*rows, Layout(_feed(snapshot, height), name="feed"))
    return screen


def _money(snapshot: Snapshot, *, is_wide: bool) -> list[Panel]:
    return [_funnel(snapshot), _results(snapshot)] + ([_refusals(snapshot)] if is_wide else [])


def _side_by_side(*panels: RenderableType, size: int) -> Layout:
    row = Layout(size=size)
    row.split_row(*(Layout(panel) for panel in panels))
    return row


def _head(snapshot: Snapshot, *, is_wide: bool) -> RenderableType:
    badge = Text(f" {snapshot.scope.mode.value.upper()} ", style="bold white on blue")
    length = f" of {snapshot.length_s:.0f}" if snapshot.length_s is not None else ""
    clock = f"  {snapshot.at:%H:%M:%S} UTC  {snapshot.elapsed_s:.0f}{length} s, {snapshot.phase}"
    about = "  simulated venues, paper fills" if is_wide else ""
    servers = Text("  ").join(_server(server.name, server.health, server.away_s) for server in snapshot.servers)
    links = snapshot.links
    run, ending = (f"run {snapshot.scope.run_id}", "Ctrl-C ends it") if is_wide else ("", "")
    return Group(
        _both_ends(Text.assemble(badge, about, (clock, "bold")), servers),
        _both_ends(_link("admin", links.admin, links.admin_user, links.admin_password), Text(run, style="dim")),
        _both_ends(_link("flower", links.flower, links.flower_user, links.flower_password), Text(ending, style="dim")),
        _both_ends(_pools(snapshot), Text()),
    )


def _pools(snapshot: Snapshot) -> Text:
    told = swaps_in_words(snapshot.trading.swaps, has_chain=snapshot.has_chain)
    why = f": {snapshot.why_no_chain}" if snapshot.why_no_chain else ""
    return Text.assemble(("pools  ", "dim"), (told + why, "default" if snapshot.has_chain else "yellow"))


def _both_ends(left: Text, right: Text) -> Table:
    line = Table.grid(expand=True)
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    line.add_row(left, right)
    return line


def _link(name: str, address: str, user: str, password: str) -> Text:
    return Text.assemble((f"{name:7}", "dim"), (address, "cyan"), f"  {user} / {password}")


def _server(name: str, health: Health, away_s: float) -> Text:
    if health is Health.UP:
        return Text.assemble(("● ", "green"), name)
    return Text(f"● {name} is away, {away_s:.0f} s", style="bold red")


def _venues(snapshot: Snapshot, *, is_wide: bool) -> Panel:
    more = ("markets>", "refused>", "reconnects>") if is_wide else ()
    table = _table("venue*", "freshest>", "oldest>", "messages>", *more)
    for venue in snapshot.venues:
        cells = _venue_cells(venue)
        table.add_row(*cells if is_wide else cells[:4])
    return _panel("Venues", table if snapshot.venues else Text("waiting for the first books", style="dim"))


def _venue_cells(venue: VenueView) -> tuple[RenderableType, ...]:
    style = "red" if venue.freshest_ms is None or venue.freshest_ms > _STALE_MS else "default"
    ages = (Text(age(venue.freshest_ms), style=style), age(venue.oldest_ms))
    return (venue.name, *ages, *map(count, (venue.messages, venue.markets, venue.refused, venue.reconnects)))


def _processes(snapshot: Snapshot) -> Panel:
    table = _table("process*", "state", "restarts>", "pid>")
    for process in snapshot.processes:
        style = "bold red" if process.is_down else "green" if process.pid else "dim"
        restarts = Text(count(process.restarts), style="yellow" if process.restarts else "default")
        table.add_row(process.name, Text(process.state, style=style), restarts, str(process.pid or ""))
    return _panel("Processes", table)


def _funnel(snapshot: Snapshot) -> Panel:
    funnel = snapshot.trading.funnel
    table = _table("looks at a route*", ">")
    for name in ("seen", "fresh", "crossed", "after_fees", "sized"):
        table.add_row(spaced(name), count(getattr(funnel, name)))
    for name in ("opportunities", "admitted", "executed"):
        table.add_row(Text(name, style="bold"), Text(count(getattr(funnel, name)), style="bold"))
    return _panel("Funnel", table)


def _results(snapshot: Snapshot) -> Panel:
    edge, results = snapshot.trading.edge, snapshot.trading.results
    table = _table("US dollars*", ">")
    waterfall = results.waterfall
    table.add_row("gross edge", usd(waterfall.gross))
    for name in ("fees", "gas", "slippage", "unwind"):
        table.add_row(f"  less {name}", usd(-getattr(waterfall, name)))
    table.add_row(Text("net", style="bold"), _signed(waterfall.net))
    table.add_row("edge, last", bps(edge.last_bps))
    table.add_row("edge, mean", bps(edge.mean_bps))
    table.add_row("win rate", f"{percent(results.win_rate)} of {results.filled}")
    return _panel("Results", table)


def _refusals(snapshot: Snapshot) -> Panel:
    table = _table("reason*", "of", "times>")
    lines = refusal_lines(snapshot.trading.refusals)
    for line in lines:
        table.add_row(line.reason, line.of, count(line.times))
    return _panel("Why not", table if lines else Text("nothing refused yet", style="dim"))


def _breakers(snapshot: Snapshot, *, is_wide: bool) -> Panel:
    table = _table("breaker", "state", "trips>", "why*") if is_wide else _table("breaker*", "state", "trips>")
    for breaker in snapshot.trading.breakers:
        cells = (spaced(breaker.kind), _light(breaker), count(breaker.trips), _why(breaker))
        table.add_row(*cells if is_wide else cells[:3])
    gate = snapshot.trading.gate
    title = "Breakers" if gate == "active" else f"Breakers (gate {gate})"
    return _panel(title, table if snapshot.trading.breakers else Text("no breaker has a row yet", style="dim"))


def _lights(snapshot: Snapshot) -> Panel:
    tripped = [light for light in snapshot.trading.breakers if light.state != BreakerState.CLOSED]
    words = [Text.assemble(f"{spaced(light.kind)} ", _light(light)) for light in tripped]
    closed = Text.assemble(("● ", "green"), "all closed" if not tripped else "the others closed")
    return _panel("Breakers", Text("  ").join((*words, closed)))


def _light(breaker: BreakerView) -> Text:
    colour = _LIGHTS[BreakerState(breaker.state)]
    return Text.assemble(("● ", colour), (spaced(breaker.state), colour))


def _why(breaker: BreakerView) -> str:
    if breaker.state == BreakerState.CLOSED:
        return ""
    cooling = f"{breaker.cools_in_s:.0f} s to cool: " if breaker.cools_in_s is not None else ""
    return cooling + spaced(breaker.reason.removeprefix(f"{breaker.kind} is "))  # the row begins with the name


def _last_trade(snapshot: Snapshot) -> Panel:
    last, slippage = snapshot.trading.last, snapshot.trading.slippage
    if last is None:
        return _panel("Last trade", Text("none has settled yet", style="dim"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis")
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
    lines = Text("\n", no_wrap=True, overflow="ellipsis").join(
        _feed_line(line) for line in _latest(snapshot.feed, height)
    )
    return _panel("Alerts and events", lines if snapshot.feed else Text("quiet so far", style="dim"))


def _latest(feed: Sequence[FeedLine], height: int) -> Sequence[FeedLine]:
    return tuple(reversed(feed[-height:]))  # the newest on top: what does not fit is old


def _feed_line(line: FeedLine) -> Text:
    return Text.assemble((f"{clock_of(line.at)}  ", "dim"), (line.text, _LEVELS[line.level]))


def _signed(amount: Decimal, *, unit: str = "") -> Text:
    return Text(usd(amount) + unit, style="bold green" if amount > 0 else "bold red" if amount < 0 else "bold")


def _table(*columns: str) -> Table:
    """Return a table; a column marked * takes the room that is left and is cut short, one marked > is of figures."""
    table = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1), show_edge=False, header_style="dim")
    for column in columns:
        title = column.rstrip("*>")
        if column.endswith("*"):
            table.add_column(title, ratio=1, no_wrap=True, overflow="ellipsis", min_width=7)
        else:
            table.add_column(title, justify="right" if column.endswith(">") else "left", no_wrap=True, min_width=5)
    return table


def _panel(title: str, body: RenderableType) -> Panel:
    return Panel(body, title=title, title_align="left", border_style="dim", padding=(0, 1))
