"""What a version would have said of outcomes that others, or nobody, judged at the time."""

from collections.abc import Iterable

from django.conf import settings

from domain.features import FeatureVector
from domain.scores import Abstained, Scores
from mlops.labelled import LabelledSample
from mlops.models import ModelVersion
from mlops.serving import Model
from mlops.validation.effect import Judged


def rescored(version: ModelVersion, samples: Iterable[LabelledSample]) -> list[Judged]:
    """Return each sample with what the version says of it; where it is out of its depth, that it abstained.

    Raises: BadBundle where its files cannot be served; NoLightGBM.
    """
    model = Model.open(settings.ARB.models.directory, version.file_hash)
    return [Judged(sample, _scores(model, version, sample.features)) for sample in samples]


def _scores(model: Model, version: ModelVersion, features: FeatureVector) -> Scores:
    said = model.judge(features)
    if isinstance(said, Abstained):
        return Scores(abstained=((version.model_name, said.reason),))
    return Scores(**said, versions=((version.model_name, version.tag),))
