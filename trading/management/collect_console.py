"""A collection in people's words, on the console, as it happens and at its end."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO

from rich.console import Console
from rich.table import Table

from domain.errors import ArbError
from domain.market import MarketKey, Pair
from domain.money import plain
from ops.reports import plural
from trading.formats import in_price, spaced
from trading.management.tables import plain_table, print_apart
from trading.marketdata.feeds import VenueStatus
from trading.services.collect.figures import Figures, VenueFigures, problem_of
from trading.services.collect.route_looks import RouteLook
from trading.services.decision import Decision

MOST_ROUTES = 20  # lines of the table of one look

_REASONS = {  # to be read after the venue's name
    "no_connection": "gave no connection",
    "name_not_found": "name not found: is there a network?",
    "no_answer_in_time": "gave no answer in time",
    "connect_timeout": "gave no answer in time",
    "handshake": "broke off at the handshake",
    "silent": "fell silent",
    "no_books": "sent no sound book",
    "closed": "closed the connection",
    "cut_off": "cut the connection off",
}


class Lines:
    """Writes a line for whatever happens."""

    def __init__(self, stream: IO[str]) -> None:
        self._console = Console(file=stream, highlight=False)

    def say(self, text: str) -> None:
        """Write one line with the time of day (UTC)."""
        self._console.print(f"{datetime.now(UTC):%H:%M:%S} {text}", soft_wrap=True, markup=False)

    def asks(self, venues: Sequence[str]) -> None:
        """Tell whom we ask first."""
        self.say(f"asking {_joined(venues)} which pairs they list")

    def lists(self, venue: str, pairs: Sequence[Pair], missing: Sequence[Pair]) -> None:
        """Tell what a venue lists, and what is left out there."""
        left_out = f"; not {_symbols(missing)}, left out there" if missing else ""
        said = f"lists {_symbols(pairs)}{left_out}" if pairs else "lists none of the pairs in ARB_PAIRS: left out"
        self.say(f"{venue} {said}")

    def fails(self, venue: str, error: ArbError, *, is_final: bool) -> None:
        """Tell that a venue does not answer."""
        self.say(f"{venue} {problem_of(error)}{'' if is_final else '; it is asked again until it answers'}")

    def watches(self, markets: Sequence[MarketKey]) -> None:
        """Tell that the watch begins."""
        venues = sorted({market.venue for market in markets})
        self.say(f"watching and recording {plural(len(markets), 'market')} of {_joined(venues)}; Ctrl-C ends it")

    def connects(self, status: VenueStatus, reason: str) -> None:
        """Tell how a connection stands."""
        self.say(_connection(status, reason))

    def decides(self, decision: Decision) -> None:
        """Tell of an opportunity."""
        found = decision.candidate
        buy, sell = found.route.legs
        usd = decision.config.in_usd(found.sized.net_quote, buy.pair.quote)
        self.say(
            f"opportunity: buy {plain(found.size)} {buy.pair.base} at {buy.venue}, sell at {sell.venue}: "
            f"{found.net_bps:.1f} bps, {usd:.2f} USD after costs"
        )

    def beats(self, figures: Figures) -> None:
        """Tell how it goes."""
        venues = "; ".join(_venue(one, figures) for one in figures.venues) or "no venue has answered yet"
        lost = f", {figures.recorded.lost:,} lost" if figures.recorded.lost else ""
        self.say(
            f"after {length(figures.elapsed_s)}: {venues}; {figures.recorded.written:,} recorded{lost}, "
            f"{plural(figures.opportunities, 'opportunity')}, {size(figures.rss)} of memory"
        )

    def ends(self, figures: Figures, *, is_look: bool = False) -> None:
        """Tell what it came to; one look trades nothing, so there is nothing to tell of that."""
        console = self._console
        print_apart(_venues(figures, console), console)
        for line in (*_reasons(figures), *_summary(figures, is_look=is_look)):
            console.print(line, soft_wrap=True, markup=False)

    def shows(self, looks: Sequence[RouteLook]) -> None:
        """Tell what each route offers."""
        if looks:
            print_apart(_routes(looks, self._console), self._console)
            if len(looks) > MOST_ROUTES:
                self._console.print(f"... and {len(looks) - MOST_ROUTES} routes that offer less")


class Silence:
    """Says nothing: what comes at the end is all that is wanted."""

    def asks(self, venues: Sequence[str]) -> None: ...

    def lists(self, venue: str, pairs: Sequence[Pair], missing: Sequence[Pair]) -> None: ...

    def fails(self, venue: str, error: ArbError, *, is_final: bool) -> None: ...

    def watches(self, markets: Sequence[MarketKey]) -> None: ...

    def connects(self, status: VenueStatus, reason: str) -> None: ...

    def decides(self, decision: Decision) -> None: ...

    def beats(self, figures: Figures) -> None: ...


def nothing_came(figures: Figures) -> str:
    """Return one sentence on why no venue gave a book."""
    reasons = [f"{one.venue} {_trouble(one) or 'sent none'}" for one in figures.venues]
    return f"no venue gave a book within {length(figures.elapsed_s)} ({'; '.join(reasons) or 'none answered'})"


def length(seconds: float) -> str:
    """Return a length of time as 45 s, 3 min 20 s or 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60 if whole < 3600 else 0, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def size(count: float) -> str:
    """Return a number of bytes as 512 B, 3.4 kB or 120 MB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _connection(status: VenueStatus, reason: str) -> str:
    venue, pace = status.feed.venue, status.feed.polled_every_ms
    if status.is_connected:
        return f"{venue}: answers, asked every {pace:,} ms" if pace else f"{venue}: connected"
    why = f" ({_word(reason)})" if reason else ""
    return f"{venue}: {'connection lost' if status.feed.books else 'cannot be reached'}{why}; trying again"


def _venue(one: VenueFigures, figures: Figures) -> str:
    if not one.books:
        return f"{one.venue} no book yet" + (f" ({_trouble(one)})" if _trouble(one) else "")
    age = "" if one.age_ms is None or one.age_ms < 5_000 else f", the newest {length(one.age_ms / 1000)} old"
    return f"{one.venue} {one.books:,} books ({figures.rate_of(one.books):,.1f}/s{age})"


def _trouble(one: VenueFigures) -> str:
    return one.problem or ", ".join(_word(reason) for reason in one.trouble)


def _venues(figures: Figures, console: Console) -> Table:
    names = ("venue", "markets", "books", "a second", "refused", "hours of 24", "comes")
    table = plain_table(console, f"Collected in {figures.mode} in {length(figures.elapsed_s)}", *names)
    covered = {one.venue: one for one in figures.coverage}
    for one in figures.venues:
        hours = covered.get(one.venue)
        table.add_row(
            one.venue,
            str(one.markets),
            f"{one.books:,}",
            f"{figures.rate_of(one.books):,.1f}",
            f"{sum(one.refused.values()):,}",
            "0" if hours is None else str(hours.hours_with_data),
            f"every {one.polled_every_ms:,} ms" if one.polled_every_ms else "as it changes",
        )
    return table


def _reasons(figures: Figures) -> Iterator[str]:
    for one in figures.venues:
        if one.refused:
            yield f"{one.venue} refused books: {_counts(one.refused)}."
        if one.problem or one.trouble:
            yield f"{one.venue} had trouble: {one.problem or _counts(one.trouble)}."


def _summary(figures: Figures, *, is_look: bool) -> list[str]:
    done = figures.recorded
    each = f", {done.size / done.written:.1f} bytes each" if done.written else ""
    ids = ", ".join(map(str, figures.recordings)) or "none"
    written = f"{done.written:,} of {done.seen:,} books written, {done.lost + done.waiting:,} lost"
    lines = [
        f"Recording {ids}: {written}, {size(done.size)}{each}.",
        "One look trades nothing."
        if is_look
        else f"{plural(figures.opportunities, 'opportunity')}; executions: {_counts(figures.executions)}.",
        f"Memory {size(figures.rss_start)} at the start, {size(figures.rss)} at the end.",
    ]
    if figures.dropped or figures.failed:
        lines.append(
            f"The writer had no room for {figures.dropped:,} jobs, and {figures.failed:,} could not be written."
        )
    return lines


def _routes(looks: Sequence[RouteLook], console: Console) -> Table:
    names = ("route", "pair", "ask", "bid", "before", "after", "answer")
    title = "What each route offers, in bps before and after fees, the best first"
    table = plain_table(console, title, *names, texts=("pair", "answer"))
    for look in looks[:MOST_ROUTES]:
        buy, sell = look.route.legs
        table.add_row(
            f"{buy.venue} > {sell.venue}",
            buy.pair.symbol if buy.pair == sell.pair else f"{buy.pair} > {sell.pair.quote}",
            "-" if look.ask is None else in_price(look.ask),
            "-" if look.bid is None else in_price(look.bid),
            "-" if look.gross_bps is None else f"{look.gross_bps:+.1f}",
            "-" if look.net_bps is None else f"{look.net_bps:+.1f}",
            spaced(look.answer),
        )
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{_word(name)} {count:,}" for name, count in counts.items()) or "none"


def _word(reason: str) -> str:
    return _REASONS.get(reason, spaced(reason))


def _symbols(pairs: Sequence[Pair]) -> str:
    return ", ".join(pair.symbol for pair in pairs[:8]) + (f" and {len(pairs) - 8} more" if pairs[8:] else "")


def _joined(names: Sequence[str]) -> str:
    shown = list(names[:6]) + ([f"{len(names) - 6} more"] if names[6:] else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
