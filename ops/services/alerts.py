"""Alerts: stored for the screen, then sent to people by one notifier; telling must never break what is told of."""

from datetime import timedelta
from functools import partial

import apprise
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

_APPRISE_TYPES = {
    Level.INFO: apprise.NotifyType.INFO,
    Level.WARNING: apprise.NotifyType.WARNING,
    Level.ERROR: apprise.NotifyType.FAILURE,
}


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


def deliver(alert_id: int) -> None:
    """Send a stored alert to every configured address, and record what became of it."""
    stored = Alert.objects.get(pk=alert_id)
    if stored.delivery == Delivery.SENT:
        return
    delivery, failure = _send(stored)
    delivered_at = Now() if delivery == Delivery.SENT else None
    Alert.objects.filter(pk=alert_id).update(delivery=delivery, failure=failure, delivered_at=delivered_at)
    metering.add(metrics.DELIVERIES, delivery)
    if delivery == Delivery.FAILED:
        log.error("alert_not_delivered", alert_id=alert_id, failure=failure)


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


def _send(stored: Alert) -> tuple[Delivery, str]:
    urls = [url.reveal() for url in settings.ARB.alert_urls]
    if not urls:
        return Delivery.NO_CHANNEL, ""
    notifier = apprise.Apprise()
    usable = [notifier.add(url) for url in urls]
    sent = bool(notifier) and notifier.notify(
        title=f"[{stored.scope}] {stored.title}", body=stored.body or stored.title, notify_type=_type_of(stored)
    )
    if sent and all(usable):
        return Delivery.SENT, ""
    return Delivery.FAILED, _why(usable)


def _type_of(stored: Alert) -> apprise.NotifyType:
    return _APPRISE_TYPES[Level(stored.level)]


def _why(usable: list[bool]) -> str:
    if not all(usable):
        return f"address {usable.index(False) + 1} of {len(usable)} is not one that Apprise knows"
    return f"one of {len(usable)} addresses did not accept the message"
