"""The audit trail of what people do."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from domain.errors import BadInput
from domain.scope import Scope
from ops import correlation
from ops.models import OperatorAction
from ops.redaction import redact, redact_value


def require_reason(reason: str) -> None:
    """Raise BadInput where a person gave no reason for what they are about to do."""
    if not reason.strip():
        raise BadInput("the reason is empty: say why in a few words")


def record(
    actor: str,
    action: str,
    reason: str,
    *,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    scope: Scope | None = None,
) -> OperatorAction:
    """Add what ``actor`` did to the audit trail, in the transaction that does it. Raises: BadInput without a reason."""
    for name, value in (("actor", actor), ("action", action), ("reason", reason)):
        if not value.strip():
            raise BadInput(f"an operator's action needs the {name}")
    return OperatorAction.objects.create(
        actor=actor.strip(),
        action=action.strip(),
        reason=redact(reason.strip()),
        subject=redact(subject)[:200],
        detail=redact_value("", detail or {}),
        correlation_id=correlation.current(),
        **(scope or settings.ARB.scope).columns,
    )
