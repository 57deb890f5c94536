"""What trading tells the models and asks of them."""

from mlops.services.promotion import Move, promote, rollback
from mlops.services.samples import LabelReport, SampleReport, label_sample, record_sample
from mlops.services.scoring import LiveScorer, load_scorer, placed_now, unread_scorer
from mlops.services.served import ServedTeller
from mlops.services.versions import register

__all__ = [
    "LabelReport",
    "LiveScorer",
    "Move",
    "SampleReport",
    "ServedTeller",
    "label_sample",
    "load_scorer",
    "placed_now",
    "promote",
    "record_sample",
    "register",
    "rollback",
    "unread_scorer",
]
