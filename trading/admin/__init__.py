"""Trading's admin pages: everything it saw, decided and earned, to be read."""

from trading.admin import (
    aggregates,
    executions,
    opportunities,
    reconciliations,
    recordings,
    reference,
    reports,
    runs,
    series,
)

__all__ = [
    "aggregates",
    "executions",
    "opportunities",
    "reconciliations",
    "recordings",
    "reference",
    "reports",
    "runs",
    "series",
]
