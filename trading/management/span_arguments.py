"""Spans and lengths of time on a command line: ``--from`` and ``--to``, the last so many days, 90s or 2h."""

import argparse
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import CommandParser

from domain.errors import BadInput
from domain.scope import Mode, Scope
from trading.selectors.offered import covered
from trading.selectors.terms import Span, now_in, run_of

USUAL_DAYS = 30  # looked back on where nothing is asked for; a replay is looked at whole
MOST_DAYS = 3_650

_LENGTH = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[smhd])", re.ASCII)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def add_span_arguments(parser: CommandParser) -> None:
    """Declare ``--days``, ``--from`` and ``--to``."""
    parser.add_argument("--days", type=_days, metavar="N", help="the last N days")
    parser.add_argument("--from", dest="first", type=first_instant, metavar="DATE", help="a day or an instant (UTC)")
    parser.add_argument("--to", dest="last", type=last_instant, metavar="DATE", help="a day, included, or an instant")


def span_of(options: dict[str, Any], scope: Scope, *, now: datetime) -> Span | None:
    """Return the span that was asked for; None where there is nothing to look at.

    Raises: BadInput for an empty or inverted span, and for one that holds no data, naming what there is.
    """
    _check_possible(options)
    hours = covered(scope)
    if hours is None:
        return None
    begins, ends = hours[0], hours[1] + timedelta(hours=1)
    first, last = _asked(options, scope, now=now, begins=begins, ends=ends)
    if first >= ends or last <= begins:
        there_is = f"the data of {scope} go from {_said(begins)} to {_until(ends)}"
        raise BadInput(f"there is nothing {_asked_in_words(options)}: {there_is}")
    return Span.around(first, last)


def first_instant(text: str) -> datetime:
    """Return the instant that a day or an instant states, in UTC where it says nothing else; for argparse."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a day or an instant: write 2023-03-11 or 2023-03-11T04:30"
        ) from None
    if not 2009 <= at.year < 2100:
        raise argparse.ArgumentTypeError(f"{text!r} does not lie between 2009 and 2100")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def last_instant(text: str) -> datetime:
    """Return where a span ends: before the instant stated, or with the end of the day stated; for argparse."""
    at = first_instant(text)
    return at + timedelta(days=1) if _is_day(text) else at


def length_of(text: str) -> timedelta:
    """Return the length of time that 90s, 20m, 2h or 3d states; for argparse."""
    stated = _LENGTH.fullmatch(text)
    if stated is None or not int(stated["count"]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a length of time: write 90s, 20m, 2h or 3d")
    length = int(stated["count"]) * _UNITS[stated["unit"]]
    if length > timedelta(days=MOST_DAYS):
        raise argparse.ArgumentTypeError(f"{text!r} is more than {MOST_DAYS} days")
    return length


def _check_possible(options: dict[str, Any]) -> None:
    first, last = options["first"], options["last"]
    if options["days"] and (first or last):
        raise BadInput("--days and --from or --to are two ways to say a span: choose one")
    if first and last and first >= last:
        raise BadInput(f"the span from {_said(first)} to {_until(last)} holds nothing: it ends before it begins")


def _asked(
    options: dict[str, Any], scope: Scope, *, now: datetime, begins: datetime, ends: datetime
) -> tuple[datetime, datetime]:
    if options["first"] or options["last"]:
        return options["first"] or begins, options["last"] or ends
    until = min(now_in(run_of(scope), now=now), ends)
    if options["days"]:
        return _midnight_before(until, options["days"]), until
    return (begins, ends) if scope.mode is Mode.REPLAY else (max(begins, _midnight_before(until, USUAL_DAYS)), until)


def _asked_in_words(options: dict[str, Any]) -> str:
    if options["days"]:
        return f"in the last {options['days']} days"
    ends = [f"from {_said(options['first'])}"] if options["first"] else []
    return " ".join([*ends, *([f"up to {_until(options['last'])}"] if options["last"] else [])])


def _midnight_before(until: datetime, days: int) -> datetime:
    """Return the midnight that ``days`` calendar days up to ``until`` begin with."""
    return datetime.combine((until - timedelta(microseconds=1)).date(), datetime.min.time(), UTC) - timedelta(
        days=days - 1
    )


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d}" if at.time() == datetime.min.time() else f"{at:%Y-%m-%d %H:%M}"


def _until(at: datetime) -> str:
    """Say an end that is left out: a midnight as the day that it ends."""
    return _said(at - timedelta(days=1)) if at.time() == datetime.min.time() else _said(at)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_DAYS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MOST_DAYS}")
    return int(text)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
