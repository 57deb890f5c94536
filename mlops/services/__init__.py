"""What trading tells the models and asks of them."""

from mlops.services.samples import LabelReport, SampleReport, label_sample, record_sample
from mlops.services.scoring import load_scorer

__all__ = ["LabelReport", "SampleReport", "label_sample", "load_scorer", "record_sample"]
