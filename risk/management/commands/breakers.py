"""Show the breakers, and recover them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from domain.breakers import BreakerKind
from domain.errors import BadInput
from domain.money import plain
from domain.scope import Scope
from risk.management.base import RiskCommand, add_scope_arguments, scope_of
from risk.models import Breaker
from risk.services import Status, recover, reset, status
from risk.stopfile import operator


class Command(RiskCommand):
    """List the breakers with the gate and the limits; recover one; reset all."""

    help = "Show the breakers, the gate and the limits; let a tripped breaker take probes; close all (with caution)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("action", nargs="?", default="list", choices=["list", "recover", "reset"])
        parser.add_argument("kind", nargs="?", default="", help=f"which one: {', '.join(BreakerKind)}")
        parser.add_argument("--reason", default="", help="why, in a few words; kept in the audit trail")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        add_scope_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked. Raises: BadInput, Refused."""
        scope = scope_of(options)
        if options["action"] != "list":
            self._act(scope, options)
        shown = status(scope, now=timezone.now())
        self.answer(options, _as_json(shown) | {"dry_run": options["dry_run"]}, _as_words(shown))

    def _act(self, scope: Scope, options: dict[str, Any]) -> None:
        kind = _kind(options["kind"]) if options["action"] == "recover" else None
        if kind is None and options["kind"]:
            raise BadInput(f"reset takes no breaker, it closes all of them; {options['kind']!r} was given")
        if not options["reason"].strip():
            raise BadInput("--reason is missing: say why in a few words")
        if options["dry_run"]:
            return
        if kind:
            recover(kind, scope=scope, actor=operator(), reason=options["reason"], now=timezone.now())
        else:
            reset(scope=scope, actor=operator(), reason=options["reason"], now=timezone.now())


def _kind(name: str) -> BreakerKind:
    try:
        return BreakerKind(name.lower())
    except ValueError:
        raise BadInput(f"{name!r} is no breaker: name one of {', '.join(BreakerKind)}") from None


def _as_json(shown: Status) -> dict[str, Any]:
    return {
        **shown.scope.columns,
        "gate": shown.gate,
        "reason": shown.reason,
        "stop_file": shown.stop_file,
        "may_open": shown.may_open,
        "breakers": [_breaker_json(breaker) for breaker in shown.breakers],
        "limits": {
            room.kind: {"limit": plain(room.limit), "used": plain(room.used), "left": plain(room.left)}
            for room in shown.limits
        },
    }


def _breaker_json(breaker: Breaker) -> dict[str, Any]:
    return {
        "kind": breaker.kind,
        "state": breaker.state,
        "reason": breaker.reason,
        "value": _figure(breaker.value),
        "threshold": _figure(breaker.threshold),
        "opened_at": _instant(breaker.opened_at),
        "cool_until": _instant(breaker.cool_until),
        "probes_left": breaker.probes_left,
    }


def _as_words(shown: Status) -> str:
    stopped = " (stop file present)" if shown.stop_file else ""
    lines = [f"{shown.scope}: {shown.gate}{stopped} {shown.reason}".rstrip()]
    lines += [f"  {breaker.kind:<22}{breaker.state:<11}{breaker.reason}".rstrip() for breaker in shown.breakers]
    lines += [f"  {room.kind:<22}{plain(room.used)} of {plain(room.limit)} used" for room in shown.limits]
    return "\n".join(lines)


def _figure(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
