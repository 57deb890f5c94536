"""Venues in people's words, on the console."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from domain.money import plain
from trading.formats import NOTHING, counts_in_words, lasting
from trading.management.tables import plain_table, print_apart
from trading.services.venue_accounts import Held
from trading.services.venue_checks import Checkup, VenueCheck
from trading.services.venue_facts import Charge, KnownVenue


def show_list(told: Mapping[str, Sequence[KnownVenue]], console: Console) -> None:
    """Show every venue with what serves it."""
    table = plain_table(
        console, "Venues", "", "served by", "prices of", "keys", " ", texts=("served by", "prices of", "keys")
    )
    for one in told["venues"]:
        table.add_row(one.venue, one.served_by, one.origin or NOTHING, ", ".join(one.keys) or "none", one.problem)
    print_apart(table, console)


def show_markets(told: Mapping[str, Sequence[Any]], console: Console) -> None:
    """Show every market with its steps and minima."""
    names = ("pair", "step", "least", "least worth", "tick", "version", " ")
    table = plain_table(console, "Markets as their venues state them", "", *names, texts=("pair",))
    for one in told["markets"]:
        terms = [one.stated[name] for name in ("step", "min_quantity", "min_quote", "tick")]
        said = f"since {one.valid_from:%Y-%m-%d %H:%M}"
        note = said if one.stated["is_tradable"] == "yes" else f"not tradable, {said}"
        table.add_row(one.venue, one.symbol, *map(_small, terms), str(one.version), note)
    if told["markets"]:
        print_apart(table, console)
    elif not told["shown_only"]:
        console.print("no market of our pairs is stated there")
    for one in told["shown_only"]:
        fee = f"{one.fee_pips / 100:g} bps"
        console.print(f"{one.venue} {one.symbol} ({fee}): prices shows it, no route trades it yet.", markup=False)


def show_fees(told: Mapping[str, Sequence[Charge]], console: Console) -> None:
    """Show what every venue charges."""
    table = plain_table(
        console,
        "Fees that decisions reckon with, in bps",
        "",
        "maker",
        "taker",
        "taken from",
        " ",
        texts=("taken from",),
    )
    for one in told["fees"]:
        table.add_row(one.venue, one.maker_bps, one.taker_bps, one.charged_in, one.source)
    print_apart(table, console)


def show_balances(told: Mapping[str, Sequence[Held]], console: Console) -> None:
    """Show what is held at every venue."""
    for one in told["balances"]:
        title = f"{one.venue}, by {'its own word' if one.said_by == 'venue' else 'our ledger of paper trades'}"
        table = plain_table(console, title, "", "held", "of it in orders")
        for asset, amount in sorted(one.balances.items()):
            tied_up = one.tied_up.get(asset)
            table.add_row(asset, plain(amount), plain(tied_up) if tied_up else NOTHING)
        if one.balances:
            print_apart(table, console)
        else:
            console.print(f"{title}: nothing yet.", markup=False)
        if one.problem:
            console.print(f"{one.problem}.", markup=False, soft_wrap=True)


def show_check(found: Checkup, console: Console) -> None:
    """Show how every venue does, and what speaks against each."""
    print_apart(_health(found, console), console)
    for check in found.venues:
        if check.chain is not None and check.chain.nodes:
            print_apart(_nodes(check, console), console)
    console.print()
    for sentence in (*_stream_notes(found), *_faults(found.venues), *_reasons(found.venues), *_budgets(found.venues)):
        console.print(sentence, markup=False, soft_wrap=True)


def _health(found: Checkup, console: Console) -> Table:
    names = ("health", "sound", "clock", "latency", "rate/s", "books", "answer")
    table = plain_table(console, "Venues", "", *names)
    for check in found.venues:
        line, answered = check.line, check.answered
        of_stream = [NOTHING] * 5
        if line is not None:
            clock = NOTHING if line.clock_offset_ms is None else f"{line.clock_offset_ms:+.0f} ms"
            latency = (
                NOTHING if line.latency_p50_ms is None else f"{line.latency_p50_ms:.0f}/{line.latency_p99_ms:.0f} ms"
            )
            of_stream = [
                str(line.health),
                f"{line.integrity:.2%}".replace("%", " %"),
                clock,
                latency,
                f"{line.rate_per_s:g}",
            ]
        answer = "none" if answered.error else lasting(answered.took_ms)
        table.add_row(check.venue, *of_stream, f"{answered.markets} of {answered.of}", answer)
    return table


def _nodes(check: VenueCheck, console: Console) -> Table:
    assert check.chain is not None
    names = ("fit", "head", "behind", "latency", "asked", " ")
    table = plain_table(console, f"Nodes of {check.venue}", "", *names, texts=("fit",))
    for node in check.chain.nodes:
        latency = NOTHING if node.latency_ms is None else f"{node.latency_ms:.0f} ms"
        failed = f"failed: {counts_in_words(node.failed)}" if node.failed else ""
        said = "; ".join(part for part in (node.reason, failed) if part)
        table.add_row(
            node.name,
            "yes" if node.is_fit else "no",
            _or_nothing(node.head_number),
            _or_nothing(node.lag_blocks),
            latency,
            str(node.asked),
            said,
        )
    return table


def _stream_notes(found: Checkup) -> Iterable[str]:
    if found.board_problem:
        yield f"What the stream tells is not known: {found.board_problem}."
    elif found.told_ago_s is None:
        yield "No stream watches: health, integrity, clock and latency are its to tell (manage.py stream or up)."
    elif not found.is_streamed:
        ago = f"{found.told_ago_s:.0f} s ago"
        yield f"The stream told of itself last {ago}: it has stopped, and its figures are left out."
    else:
        yield "Health, integrity, clock, latency (median and 99th percentile) and rate are told by the stream."


def _faults(checks: Iterable[VenueCheck]) -> Iterable[str]:
    for check in checks:
        if check.is_well:
            yield (
                f"{check.venue}: nothing speaks against it."
                if not check.answered.error
                else f"{check.venue}: {check.answered.error}."
            )
        else:
            yield f"{check.venue}: {'; '.join(check.faults)}."


def _reasons(checks: Iterable[VenueCheck]) -> Iterable[str]:
    """Tell what the stream refused and how often, and that a venue is polled."""
    for check in checks:
        line = check.line
        if line is not None and line.reasons:
            yield f"{check.venue} since the stream began: {counts_in_words(line.reasons)}."
        if line is not None and line.polled_every_ms:
            yield f"{check.venue} is asked every {lasting(line.polled_every_ms)}: what changes in between is not seen."


def _budgets(checks: Iterable[VenueCheck]) -> Iterable[str]:
    for check in checks:
        if check.spending is not None:
            how = (
                "shared by all processes"
                if check.spending.is_shared
                else "half of it for this process alone: Redis is away"
            )
            rate = f"{check.spending.per_s:g} a second, {check.spending.burst} at once"
            yield f"{check.venue} REST budget: {rate}, {how}."
        if check.chain is not None:
            yield _chain_budget(check.venue, check.chain)


def _chain_budget(name: str, chain: Any) -> str:
    said = f"{name} RPC budget: {chain.requests_per_s} a second over all processes"
    counts = chain.counts
    if counts is None:
        return f"{said}; nothing was asked."
    alone = "" if counts.is_budget_shared else " (Redis is away: half of it for this process alone)"
    saved = f"{counts.shared} answered from what others had asked, {counts.failed_over} by another node"
    return f"{said}{alone}; {counts.asked} asked, {saved}."


def _or_nothing(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _small(text: str) -> str:
    """Return a number of many zeros in powers of ten, so that it fits."""
    return text if len(text) <= 10 else f"{float(text):.0e}".replace("e-0", "e-")
