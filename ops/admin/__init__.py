"""The admin pages of ops."""

from ops.admin.pages import AlertAdmin, CanaryAdmin, OperatorActionAdmin, OutboxAdmin

__all__ = ["AlertAdmin", "CanaryAdmin", "OperatorActionAdmin", "OutboxAdmin"]
