"""``manage.py why``: why things were or were not traded, or the whole story of one opportunity."""

import json
import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.table import Table

from domain.errors import BadInput
from domain.scope import Scope
from trading.formats import NOTHING, in_bps, in_usd, lasting, spaced
from trading.json_values import to_json
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.management.span_arguments import add_span_arguments, length_of, span_of
from trading.management.tables import plain_table, print_apart
from trading.selectors import verdict_words, why_words
from trading.selectors.story import ExecutionStory, LegStory, SeenBook, SeenPool, Story, number_of, story_of
from trading.selectors.terms import Span, now_in, run_of
from trading.selectors.why import Missed, Why, why_of
from trading.services.venues import fees_of

RATIOS = ("bps", "share")  # numbers in JSON; money is exact text
MOST_REASONS = 12
_CORRELATION_ID = re.compile("[0-9a-f]{16}")


class Command(BaseCommand):
    """Explains a span, or one opportunity."""

    help = (
        "Say why things were or were not traded: every reason and what it would have made; or one opportunity's story."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "id", nargs="?", type=_name, metavar="ID", help="one opportunity's number or correlation id"
        )
        parser.add_argument("--last", dest="lookback", type=length_of, metavar="TIME", help="as 90m, 1h or 2d")
        add_span_arguments(parser)
        add_scope_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = scope_of(options)
        console = Console(file=cast(IO[str], self.stdout), highlight=False)
        if options["id"] is not None:
            _check_alone(options)
            number = options["id"] if isinstance(options["id"], int) else number_of(scope, options["id"])
            self._tell(story_of(scope, number), console, options)
        elif (span := _span(options, scope)) is not None:
            self._explain(why_of(scope, span, fees_of=fees_of), console, options)
        else:
            self._say_where_to_begin(scope, console, options)

    def _tell(self, story: Story, console: Console, options: dict[str, Any]) -> None:
        if options["json"]:
            answer = why_words.story_answer(story)
            self.stdout.write(json.dumps({"answer": answer} | to_json(story, floats=RATIOS), indent=2))
        else:
            _show_story(story, console)

    def _explain(self, why: Why, console: Console, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({"answer": why_words.answer(why)} | to_json(why, floats=RATIOS), indent=2))
        else:
            _show(why, console)

    def _say_where_to_begin(self, scope: Scope, console: Console, options: dict[str, Any]) -> None:
        said = verdict_words.where_to_begin(scope)
        if options["json"]:
            self.stdout.write(json.dumps({"answer": said, "scope": to_json(scope, floats=RATIOS), "funnel": []}))
        else:
            for sentence in said:
                console.print(sentence)


def _check_alone(options: dict[str, Any]) -> None:
    if any(options[name] for name in ("lookback", "days", "first", "last")):
        raise BadInput(f"{options['id']} names one opportunity, whenever it was: leave the span out")


def _name(text: str) -> int | str:
    if _CORRELATION_ID.fullmatch(text):
        return text
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is not the number of an opportunity, nor a correlation id")
    return int(text)


def _span(options: dict[str, Any], scope: Scope) -> Span | None:
    now = datetime.now(UTC)
    if options["lookback"] is None:
        return span_of(options, scope, now=now)
    if options["days"] or options["first"] or options["last"]:
        raise BadInput("--last and --days, --from or --to are two ways to say a span: choose one")
    until = now_in(run_of(scope), now=now)
    whole = span_of(options, scope, now=now)
    return None if whole is None else Span.around(until - options["lookback"], until)


def _show(why: Why, console: Console) -> None:
    console.print(f"[bold]Why?[/bold] {why_words.title(why)}")
    for number, sentence in enumerate(why_words.answer(why)):
        console.print(sentence, style="bold" if number == 0 else None)
    _show_funnel(why, console)
    if why.looks:
        _show_looks(why, console)
    if why.missed or why.executed:
        _show_missed(why, console)
    console.print()
    for note in why_words.notes(why):
        console.print(note, style="dim")


def _show_funnel(why: Why, console: Console) -> None:
    table = plain_table(console, "How far it came", "", "count", "")
    for number, step in enumerate(why.funnel):
        what = "looks at a route" if number == 0 else ""
        if step.name == "opportunities":
            what = "each a route from when it paid until it did not"
        table.add_row(step.name, f"{step.count:,}", what)
    print_apart(table, console)


def _show_looks(why: Why, console: Console) -> None:
    table = plain_table(console, "Why a look ended before it paid", "reason", "times", "before", texts=("before",))
    for one in why.looks[:MOST_REASONS]:
        table.add_row(why_words.reason_in_words(one.reason), f"{one.count:,}", why_words.stage_in_words(one.stage))
    print_apart(table, console)


def _show_missed(why: Why, console: Console) -> None:
    names = ("reason", "times", "planned", "later", "of", "filled")
    table = plain_table(console, "What became of the opportunities, in USD", *names)
    for one in why.missed[:MOST_REASONS]:
        table.add_row(*_missed(one))
    if why.executed is not None:
        table.add_row(*_missed(why.executed))
    print_apart(table, console)
    if len(why.missed) > MOST_REASONS:
        console.print(f"And {len(why.missed) - MOST_REASONS} more reasons: --json shows all.")


def _missed(one: Missed) -> list[str]:
    name = why_words.reason_in_words(one.reason) if one.reason else "executed"
    later = in_usd(one.delayed_usd) if one.observed else NOTHING
    filled = NOTHING if one.settled_usd is None else in_usd(one.settled_usd)
    return [name, f"{one.count:,}", in_usd(one.planned_usd), later, f"{one.observed:,}", filled]


def _show_story(story: Story, console: Console) -> None:
    route = f"{story.symbol}, buy on {story.buy_venue}, sell on {story.sell_venue}"
    console.print(f"[bold]Opportunity {story.opportunity_id}[/bold] {route}")
    console.print(f"{story.at:%Y-%m-%d %H:%M:%S}.{story.at.microsecond // 1000:03d} UTC, {story.scope}")
    console.print(why_words.story_answer(story), style="bold")
    console.print(why_words.still_there(story))
    for book in story.books:
        _show_book(book, console)
    _show_reckoning(story, console)
    _show_gates(story, console)
    _show_later(story, console)
    if story.execution is not None:
        _show_execution(story.execution, console)


def _show_book(book: SeenBook, console: Console) -> None:
    if book.pool is not None:
        _show_pool(book, book.pool, console)
        return
    title = f"{book.venue}, {'asks: we buy' if book.side == 'buy' else 'bids: we sell'}, seen {book.age_ms} ms before"
    table = plain_table(console, title, "", "price", "quantity")
    for number, level in enumerate(book.levels, start=1):
        table.add_row(str(number), f"{level.price:f}", f"{level.quantity:f}")
    print_apart(table, console)


def _show_pool(seen: SeenBook, pool: SeenPool, console: Console) -> None:
    base, quote = seen.symbol.split("/")
    title = f"{seen.venue}, a pool: we {seen.side}, seen {seen.age_ms} ms before"
    table = plain_table(console, title, "", " ", texts=(" ",))
    if seen.levels:
        table.add_row(
            f"first price, {'with' if seen.side == 'buy' else 'after'} its fee",
            f"{_short(seen.levels[0].price)} {quote}",
        )
    table.add_row("it held", f"{_short(pool.base_reserve)} {base}, {_short(pool.quote_reserve)} {quote}")
    table.add_row("its fee", f"{in_bps(Decimal(pool.fee_pips) / 100)} bps, inside its price")
    table.add_row("block", f"{pool.block}, {lasting(pool.block_age_ms)} old")
    table.add_row("gas", f"{_short(pool.gas_price_gwei)} gwei a unit")
    print_apart(table, console)


def _show_reckoning(story: Story, console: Console) -> None:
    table = plain_table(
        console, f"What {_short(story.size)} {story.symbol.partition('/')[0]} were worth", "", "USD", "bps", " "
    )
    notional, costs = story.notional_usd, sum((cost.usd for cost in story.costs), Decimal(0))
    table.add_row("gross edge", in_usd(story.planned_usd + costs), in_bps(story.gross_bps), f"on {in_usd(notional)}")
    for cost in story.costs:
        table.add_row(cost.kind, in_usd(-cost.usd), in_bps(-cost.usd * 10_000 / notional), cost.source)
    table.add_row("net edge", in_usd(story.planned_usd), in_bps(story.net_bps), "")
    print_apart(table, console)


def _show_gates(story: Story, console: Console) -> None:
    table = plain_table(console, "What models and gates answered", "", " ", "  ")
    for line in why_words.models_said(story):
        table.add_row(*line)
    for gate in story.gates:
        table.add_row(spaced(gate.gate), "passed" if gate.passed else "refused", gate.detail)
    print_apart(table, console)


def _show_later(story: Story, console: Console) -> None:
    if not story.later:
        return
    table = plain_table(console, "What was left of the edge", "after", "net bps", "size")
    for look in story.later:
        net = "not seen" if look.net_bps is None else in_bps(look.net_bps)
        table.add_row(lasting(look.offset_ms), net, _short(look.size) if look.net_bps else NOTHING)
    print_apart(table, console)


def _show_execution(told: ExecutionStory, console: Console) -> None:
    title = f"Execution {told.execution_id}: {spaced(told.state)}"
    names = ("leg", "quantity", "limit", "filled", "at", "paid", " ")
    table = plain_table(console, title, *names)
    for leg in told.legs:
        table.add_row(*_leg(leg))
    print_apart(table, console)
    if told.waterfall is not None:
        print_apart(_waterfall(told, console), console)
    print_apart(_events(told, console), console)


def _leg(leg: LegStory) -> list[str]:
    name = f"{leg.side} on {leg.venue}" + (" to unwind" if leg.role == "unwind" else "")
    at = NOTHING if leg.mean_price is None else _short(leg.mean_price)
    state = why_words.reason_in_words(leg.reason) if leg.reason else leg.state
    quantities = (_short(leg.quantity), _short(leg.limit_price), _short(leg.filled_quantity))
    paid = [*leg.fees, *([f"{leg.gas} gas"] if leg.gas else [])]
    return [name, *quantities, at, ", ".join(paid) or NOTHING, state]


def _waterfall(told: ExecutionStory, console: Console) -> Table:
    table = plain_table(console, f"From the plan to the result, in {told.quote_asset}", "", "amount")
    found = told.waterfall
    assert found is not None
    table.add_row("gross edge of what was filled", f"{found.gross:.4f}")
    for name, amount in (
        ("fees", found.fees),
        ("gas", found.gas),
        ("slippage", found.slippage),
        ("unwinding", found.unwind),
    ):
        table.add_row(name, f"{-amount:.4f}")
    table.add_row("net", f"{found.net:.4f}")
    return table


def _events(told: ExecutionStory, console: Console) -> Table:
    table = plain_table(console, "What happened (UTC)", "", " ", "  ")
    for event in told.events:
        at = f"{event.at:%H:%M:%S}.{event.at.microsecond // 1000:03d}"
        step = spaced(f"{event.before} > {event.after}")
        table.add_row(at, event.subject or "execution", f"{spaced(event.event)}: {step}")
    return table


def _short(value: Decimal) -> str:
    """Return at most eight decimals, zeros trimmed."""
    text = f"{value:.8f}"
    return text.rstrip("0").rstrip(".") or "0"
