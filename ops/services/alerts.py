"""Alerts: stored for the screen, and handed to the one notifier; telling must never break what is told of."""

from datetime import timedelta
from functools import partial

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from domain.scope import Mode, Scope
from ops import correlation, metering, metrics
from ops.locks import hold_until_commit
from ops.models import Alert, Delivery, Level
from ops.redaction import redact
from ops.services.outbox import enqueue

log = structlog.get_logger(__name__)

THROTTLE = timedelta(minutes=5)
NOTIFY_TASK = "ops.notify"


def alert(title: str, body: str, level: str, *, key: str, scope: Scope | None = None) -> Alert | None:
    """Store an alert in the caller's transaction and have it sent; None where ``key`` was raised within the throttle.

    Never raises: what cannot be stored is logged as an error.
    """
    scope = scope or settings.ARB.scope
    log.warning("alert", key=key, level_of_alert=level, title=title, body=body)
    try:
        with transaction.atomic():
            return _store(redact(title)[:200], redact(body), Level(level), key=key, scope=scope)
    except (DatabaseError, ValueError) as error:
        log.error("alert_not_stored", key=key, title=title, error=str(error))
        return None


def was_told(key: str, *, scope: Scope) -> bool:
    """Return whether ``key`` was raised within the throttle: raised now, it would only be counted."""
    return _recent(key, scope).exists()


def _store(title: str, body: str, level: Level, *, key: str, scope: Scope) -> Alert | None:
    hold_until_commit(f"alert/{scope}/{key}")
    recent = _recent(key, scope).first()
    if recent:
        Alert.objects.filter(pk=recent.pk).update(repeats=F("repeats") + 1, repeated_at=Now())
        return None
    is_past = scope.mode is Mode.REPLAY  # nobody is to be called about what a recording did
    stored = Alert.objects.create(
        key=key,
        title=title,
        body=body,
        level=level,
        delivery=Delivery.NO_CHANNEL if is_past else Delivery.PENDING,
        correlation_id=correlation.current(),
        **scope.columns,
    )
    transaction.on_commit(partial(metering.add, metrics.ALERTS, level.value))
    if not is_past:
        enqueue(NOTIFY_TASK, stored.pk, scope=scope)
    return stored


def _recent(key: str, scope: Scope) -> QuerySet[Alert]:
    return Alert.objects.in_scope(scope).filter(key=key, created_at__gt=Now() - THROTTLE)
