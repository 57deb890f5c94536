"""The rows that every app needs and none owns."""

from ops.models.alert import Alert, Delivery, Level
from ops.models.canary import Canary
from ops.models.operator_action import OperatorAction
from ops.models.outbox import Outbox
from ops.models.reading import Reading, ReadingKind

__all__ = ["Alert", "Canary", "Delivery", "Level", "OperatorAction", "Outbox", "Reading", "ReadingKind"]
