"""Where Grafana reports its alerts: stored beside ours, and told to people by the same one notifier.

Source: Grafana's documentation of the webhook contact point, section "JSON payload".
"""

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from arbsite.config import DATABASE_SUFFIX, generated_secret
from domain.errors import BadInput
from domain.scope import Mode, Scope
from domain.secret import Secret
from ops.models import Level
from ops.services.alerts import alert, was_told

log = structlog.get_logger(__name__)

LARGEST_BODY_BYTES = 256 * 1024
MOST_ALERTS = 100
LONGEST_BODY = 2000
FIRING, RESOLVED = "firing", "resolved"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Reported:
    """One alert as Grafana tells it."""

    name: str
    status: str
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    values: Mapping[str, str]
    since: str

    @property
    def key(self) -> str:
        """Return what one instance of a rule, firing or resolved, is known by."""
        return f"grafana/{self.name[:80]}/{self.fingerprint[:32]}/{self.status}"

    @property
    def level(self) -> Level:
        """Return how loudly to say it: good news is never an alarm."""
        severity = self.labels.get("severity", "")
        if self.status == RESOLVED:
            return Level.INFO
        return Level(severity) if severity in Level.values else Level.WARNING

    @property
    def title(self) -> str:
        """Return what is wrong, or that it no longer is."""
        said = self.annotations.get("summary") or self.name
        return f"Resolved: {said}" if self.status == RESOLVED else said

    @property
    def body(self) -> str:
        """Return what a person can do about it, and what was measured."""
        numbers = ", ".join(f"{name} = {value}" for name, value in sorted(self.values.items()))
        parts = (f"{self.name}, {self.status} since {self.since}", self.annotations.get("description", ""), numbers)
        return "\n".join(part for part in parts if part)[:LONGEST_BODY]


@csrf_exempt  # no browser calls it: the token in the header is what proves the caller
@never_cache
@require_POST
def grafana_alerts(request: HttpRequest) -> JsonResponse:
    """Store what Grafana reports; 503 asks it to come again, everything else is final."""
    if not _is_grafana(request):
        return _refused(HTTPStatus.UNAUTHORIZED, "the Authorization header does not hold the hook's token")
    body = request.read(LARGEST_BODY_BYTES + 1)
    if len(body) > LARGEST_BODY_BYTES:
        return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {LARGEST_BODY_BYTES} bytes")
    try:
        reported = parse(body)
    except BadInput as error:
        return _refused(HTTPStatus.BAD_REQUEST, str(error))
    try:
        missing = [one.name for one in reported if not _told(one)]
    except DatabaseError as error:
        log.error("grafana_alerts_not_stored", alerts=len(reported), error=str(error))
        missing = [one.name for one in reported]
    if missing:
        return _refused(HTTPStatus.SERVICE_UNAVAILABLE, f"{len(missing)} alerts could not be stored: send them again")
    return JsonResponse({"stored": len(reported)})


def hook_token() -> Secret:
    """Return what Grafana must show: the configured token, or one made at the first call."""
    return settings.ARB.dashboards.hook_token or generated_secret(settings.ARB.state_dir, "hook_token")


def parse(body: bytes) -> Sequence[Reported]:
    """Return the alerts that a webhook's body holds. Raises: BadInput."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None
    alerts = found.get("alerts") if isinstance(found, dict) else None
    if not isinstance(alerts, list) or not alerts:
        raise BadInput("the body holds no list of alerts")
    if len(alerts) > MOST_ALERTS:
        raise BadInput(f"the body holds {len(alerts)} alerts; the most is {MOST_ALERTS}")
    return [_reported(number, one) for number, one in enumerate(alerts, start=1)]


def _reported(number: int, one: Any) -> Reported:
    if not isinstance(one, dict) or one.get("status") not in (FIRING, RESOLVED):
        raise BadInput(f"alert {number} is neither {FIRING} nor {RESOLVED}")
    labels, annotations = _words(one.get("labels")), _words(one.get("annotations"))
    fingerprint = one.get("fingerprint")
    name = labels.get("rulename") or labels.get("alertname", "")  # rulename: of a rule whose query failed
    if not name or not isinstance(fingerprint, str) or not re.fullmatch(r"[0-9a-zA-Z]+", fingerprint):
        raise BadInput(f"alert {number} has no alertname or no fingerprint")
    return Reported(
        name=name,
        status=one["status"],
        fingerprint=fingerprint,
        labels=labels,
        annotations=annotations,
        values=_words(one.get("values")),
        since=_plain(str(one.get("startsAt", "")))[:40],
    )


def _told(one: Reported) -> bool:
    scope = _scope_of(one)
    return alert(one.title, one.body, one.level, key=one.key, scope=scope) is not None or was_told(one.key, scope=scope)


def _scope_of(one: Reported) -> Scope:
    """Return the scope that an alert is about, where its rows belong in this database; else our own."""
    ours: Scope = settings.ARB.scope
    told = one.labels.get("mode", "")
    if told in tuple(Mode) and told != ours.mode and DATABASE_SUFFIX[Mode(told)] == DATABASE_SUFFIX[ours.mode]:
        return Scope(Mode(told))
    return ours


def _is_grafana(request: HttpRequest) -> bool:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    is_token = hmac.compare_digest(shown.strip().encode(), hook_token().reveal().encode())
    return scheme.lower() == "bearer" and is_token


def _words(value: Any) -> dict[str, str]:
    return {_plain(str(key)): _plain(str(word)) for key, word in value.items()} if isinstance(value, dict) else {}


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", text.encode("utf-8", "replace").decode())


def _refused(status: HTTPStatus, why: str) -> JsonResponse:
    log.warning("grafana_alerts_refused", status=int(status), why=why)
    return JsonResponse({"error": why}, status=status)
