"""Facts version by version: the same statement again confirms, another one is a new version, told as an event."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import transaction
from django.db.models import Max

from domain.scope import Scope
from ops.locks import hold_until_commit
from ops.models import Level
from ops.services.alerts import alert
from trading.models import FactKind, ReferenceFact
from trading.services.reference.statements import Statement

log = structlog.get_logger(__name__)

IN_FORCE = {"valid_until__isnull": True}
Subject = tuple[str, str]  # kind and subject


@dataclass(frozen=True, slots=True)
class Change:
    """One subject's new version; ``before`` is None where nothing was stated of it, ``after`` where nothing is now."""

    kind: FactKind
    subject: str
    before: Mapping[str, str] | None
    after: Mapping[str, str] | None
    source: str

    @property
    def in_words(self) -> str:
        """Return what changed."""
        if self.after is None:
            return f"{self.subject}: {self.source} states it no longer"
        if self.before is None:
            return f"{self.subject}: {', '.join(f'{name} {value}' for name, value in self.after.items())}"
        before, after = self.before, self.after
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        told = ", ".join(f"{name} {before.get(name, 'unsaid')} → {after.get(name, 'unsaid')}" for name in names)
        return f"{self.subject}: {told or 'as before'} ({self.source})"


def record(
    statements: Iterable[Statement],
    *,
    scope: Scope,
    now: datetime,
    asked: Collection[Subject] = (),
    whole: Collection[FactKind] = (),
    only_new: bool = False,
) -> list[Change]:
    """Store what was stated and return what changed; ``only_new`` leaves what was stated before as it is.

    Of what is ``asked`` for and not stated nothing holds any more, nor of what a kind stated as a ``whole`` leaves out.
    Safe to run twice, and by several processes at once.
    """
    with transaction.atomic():
        hold_until_commit(f"reference:{scope}")
        in_force = {
            (fact.kind, fact.subject): fact for fact in ReferenceFact.objects.in_scope(scope).filter(**IN_FORCE)
        }
        stated = {(one.kind.value, one.subject): one for one in statements}
        if only_new:
            stated = {key: one for key, one in stated.items() if key not in in_force}
        changes = [
            change for key, one in stated.items() if (change := _take(one, in_force.get(key), scope=scope, now=now))
        ]
        gone = {key for key in in_force if key not in stated and (key in set(asked) or key[0] in whole)}
        withdrawn = [in_force[key] for key in sorted(gone)]
        changes += [_end(fact, now) for fact in withdrawn]
        for change in changes:
            _tell(change, scope)
    return changes


def _take(one: Statement, known: ReferenceFact | None, *, scope: Scope, now: datetime) -> Change | None:
    if known is not None and (known.stated, known.source) == (dict(one.stated), one.source):
        ReferenceFact.objects.filter(pk=known.pk).update(confirmed_at=max(now, known.confirmed_at))
        return None
    last = _last_version(one, scope)
    at = max([now, *last.instants])  # another process may have read its clock later and stored first
    if known is not None:
        ReferenceFact.objects.filter(pk=known.pk).update(valid_until=at)
    ReferenceFact.objects.create(
        **scope.columns,
        kind=one.kind,
        subject=one.subject,
        version=last.number + 1,
        stated=dict(one.stated),
        source=one.source,
        valid_from=at,
        confirmed_at=at,
    )
    return Change(one.kind, one.subject, known.stated if known else None, one.stated, one.source)


class _LastVersion(NamedTuple):
    number: int
    instants: list[datetime]  # from when, and until when where it has ended


def _last_version(one: Statement, scope: Scope) -> _LastVersion:
    versions = ReferenceFact.objects.in_scope(scope).filter(kind=one.kind, subject=one.subject)
    last = versions.aggregate(number=Max("version"), begun=Max("valid_from"), ended=Max("valid_until"))
    return _LastVersion(last["number"] or 0, [at for at in (last["begun"], last["ended"]) if at is not None])


def _end(fact: ReferenceFact, now: datetime) -> Change:
    ReferenceFact.objects.filter(pk=fact.pk).update(valid_until=max(now, fact.valid_from))
    return Change(FactKind(fact.kind), fact.subject, fact.stated, None, fact.source)


def _tell(change: Change, scope: Scope) -> None:
    """Log and alert of what was stated otherwise before; what is stated for the first time is no event."""
    if change.before is None or change.before == change.after:
        return
    log.warning("reference_changed", kind=change.kind.value, subject=change.subject, change=change.in_words)
    key = f"reference:{change.kind}:{change.subject}"
    alert(f"{change.subject} has changed", change.in_words, Level.WARNING, key=key, scope=scope)
