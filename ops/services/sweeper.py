"""The sweeper: publishes what the publisher has left lying, and says so."""

from domain.scope import Scope
from ops.services.alerts import alert
from ops.services.outbox import Send, publish_due


def sweep(older_than_s: float, *, send: Send, scope: Scope) -> int:
    """Send what has been due for longer than ``older_than_s``, tell a person, and return how many rows there were."""
    swept = publish_due(send, scope=scope, older_than_s=older_than_s)
    if swept:
        alert(
            "The outbox was left lying",
            f"{swept} rows had been due for more than {older_than_s:g} s: is the execution worker's publisher alive?",
            "warning",
            key="outbox_left_lying",
            scope=scope,
        )
    return swept
