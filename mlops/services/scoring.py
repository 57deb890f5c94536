"""The scorer of a scope: its champion models, or an abstention that says why there are none."""

from domain.features import FeatureVector
from domain.scope import Scope
from domain.scores import Abstained, Scorer, Scores


def load_scorer(scope: Scope) -> Scorer:
    """Return the scorer of ``scope``: there is no champion in any scope yet, so it abstains and the rules carry on."""

    def score(features: FeatureVector) -> Scores | Abstained:
        return Abstained("no_model")

    return score
