"""What all models of a scope say of a candidate: champions act, challengers are heard beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.features import FeatureVector
from domain.scores import Abstained, ModelName, Scores
from mlops.serving.model import Model, Said
from mlops.serving.native import Row, row_of

NO_MODEL = "no_model"
EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Post:
    """One version in the place that an alias gives it; without a model ``reason`` is why it cannot judge."""

    tag: str
    expires_at_ns: int
    model: Model | None
    reason: str = ""
    detail: str = ""

    def reason_at(self, now_ns: int) -> str:
        """Return why it does not judge at that instant; empty where it does."""
        return self.reason or (EXPIRED if now_ns >= self.expires_at_ns else "")

    def judge(self, values: Sequence[float], row: Row, now_ns: int) -> Said | Abstained:
        """Return what it says of a candidate at that instant."""
        if self.model is None or (reason := self.reason_at(now_ns)):
            return Abstained(self.reason if self.model is None else reason)
        return self.model.judge_row(values, row)


VACANT = Post(tag="", expires_at_ns=0, model=None, reason=NO_MODEL)


class ModelScorer:
    """Scores a candidate by every post; asked from any thread, it never changes.

    What all champions leave alone for the same reason is an abstention; where their reasons differ, the scores hold
    nothing but those.
    """

    def __init__(
        self,
        champions: Mapping[ModelName, Post],
        challengers: Mapping[ModelName, Post],
        *,
        now_ns: Callable[[], int],
    ) -> None:
        self.champions = {name: champions.get(name, VACANT) for name in ModelName}
        self.challengers = dict(challengers)
        self._now_ns = now_ns
        self._is_vacant = not champions and not challengers

    def __call__(self, features: FeatureVector) -> Scores | Abstained:
        """Return the champions' scores, the challengers' as their shadow."""
        if self._is_vacant:
            return Abstained(NO_MODEL)
        values, now_ns = features.values, self._now_ns()
        row = row_of(values)
        shadow = _gather(self.challengers, values, row, now_ns) if self.challengers else None
        scores = _gather(self.champions, values, row, now_ns, shadow)
        reasons = {reason for _, reason in scores.abstained}
        return Abstained(reasons.pop(), shadow) if not scores.versions and len(reasons) == 1 else scores


def _gather(
    posts: Mapping[ModelName, Post], values: Sequence[float], row: Row, now_ns: int, shadow: Scores | None = None
) -> Scores:
    said: Said = {}
    versions, abstained = [], []
    for name, post in posts.items():
        answer = post.judge(values, row, now_ns)
        if isinstance(answer, Abstained):
            abstained.append((name.value, answer.reason))
        else:
            said.update(answer)
            versions.append((name.value, post.tag))
    return Scores(**said, versions=tuple(versions), abstained=tuple(abstained), shadow=shadow)
