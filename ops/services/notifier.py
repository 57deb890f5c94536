"""The one notifier: sends stored alerts to people, apart from ``alerts``, which many import and few send."""

import apprise
import structlog
from django.conf import settings
from django.db.models.functions import Now

from ops import metering, metrics
from ops.models import Alert, Delivery, Level

log = structlog.get_logger(__name__)

_APPRISE_TYPES = {
    Level.INFO: apprise.NotifyType.INFO,
    Level.WARNING: apprise.NotifyType.WARNING,
    Level.ERROR: apprise.NotifyType.FAILURE,
}


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
