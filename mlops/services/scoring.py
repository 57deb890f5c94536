"""The scorer of a scope in this process: it follows the rows that say which version is champion and challenger."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from domain.features import FEATURE_HASH, FeatureVector
from domain.scope import Mode, Scope
from domain.scores import Abstained, ModelName, Scores
from domain.timestamps import from_ns, to_ns
from mlops.bundle import BadBundle
from mlops.models import Alias, ModelAlias
from mlops.serving import EXPIRED, ModelScorer, NoLightGBM, Post, Shelf

log = structlog.get_logger(__name__)

SCORING = (Alias.CHAMPION, Alias.CHALLENGER)


@dataclass(frozen=True, slots=True)
class Placed:
    """One alias with the version that it names, as the rows have it."""

    model_name: ModelName
    alias: Alias
    tag: str
    file_hash: str
    feature_set: str
    feature_hash: str
    expires_at_ns: int
    has_skill: bool
    why: str  # why it has skill or has none
    is_synthetic: bool
    suspended_why: str


@dataclass(frozen=True, slots=True)
class Served:
    """What this process serves in one place: without a tag nothing; ``abstains`` is why it does not judge."""

    model_name: ModelName
    alias: Alias
    tag: str
    abstains: str


def load_scorer(scope: Scope, *, now_ns: Callable[[], int] = time.time_ns) -> "LiveScorer":
    """Return the scorer of ``scope`` with the models that are its champions and challengers now.

    It follows no later change until it is told to ``refresh``, or to ``follow`` rows that were read elsewhere.
    """
    scorer = unread_scorer(scope, now_ns=now_ns)
    scorer.follow(placed_now(scope))
    return scorer


def unread_scorer(scope: Scope, *, now_ns: Callable[[], int] = time.time_ns) -> "LiveScorer":
    """Return a scorer that abstains until it is told what to ``follow``: for a process whose loop reads no rows."""
    return LiveScorer(scope, directory=settings.ARB.models.directory, now_ns=now_ns)


def placed_now(scope: Scope) -> tuple[Placed, ...]:
    """Return the champions and challengers of ``scope`` as the rows have them now."""
    rows = ModelAlias.objects.in_scope(scope).filter(alias__in=[alias.value for alias in SCORING])
    return tuple(_placed(row) for row in rows.select_related("version").order_by("model_name", "alias"))


class LiveScorer:
    """A scorer whose models are exchanged whole while it is asked; one thread at a time may exchange them."""

    def __init__(self, scope: Scope, *, directory: Path, now_ns: Callable[[], int]) -> None:
        self._scope = scope
        self._shelf = Shelf(directory)
        self._now_ns = now_ns
        self._scorer = ModelScorer({}, {}, now_ns=now_ns)
        self._database_is_away = False

    def __call__(self, features: FeatureVector) -> Scores | Abstained:
        """Return what the champions say of a candidate, and the challengers beside them."""
        return self._scorer(features)

    def refresh(self) -> None:
        """Read the rows and follow them; where the database is away all stays as it was."""
        try:
            placed = placed_now(self._scope)
        except (OperationalError, InterfaceError) as error:
            if not self._database_is_away:
                log.warning("models_not_read", scope=str(self._scope), error=str(error).strip())
            self._database_is_away = True
            return
        self._database_is_away = False
        self.follow(placed)

    def follow(self, placed: Iterable[Placed]) -> None:
        """Serve what the rows say from now on: reads files that changed or are new, and no rows."""
        rows = tuple(placed)
        posts: dict[Alias, dict[ModelName, Post]] = {alias: {} for alias in SCORING}
        for row in rows:
            posts[row.alias][row.model_name] = self._post(row)
        self._scorer = ModelScorer(posts[Alias.CHAMPION], posts[Alias.CHALLENGER], now_ns=self._now_ns)
        self._shelf.keep_only({row.file_hash for row in rows})

    def served(self) -> tuple[Served, ...]:
        """Return what is served now: a line for every champion, one for each challenger that there is."""
        scorer, now_ns = self._scorer, self._now_ns()
        of_alias = {Alias.CHAMPION: scorer.champions, Alias.CHALLENGER: scorer.challengers}
        return tuple(
            Served(name, alias, post.tag, _abstains(post, now_ns))
            for alias, posts in of_alias.items()
            for name, post in posts.items()
        )

    def _post(self, placed: Placed) -> Post:
        reason, detail = _why_not(placed, self._scope)
        if reason:
            return Post(placed.tag, placed.expires_at_ns, None, reason, detail)
        try:
            model = self._shelf.model(placed.file_hash)
        except BadBundle as error:
            return Post(placed.tag, placed.expires_at_ns, None, error.reason, str(error).partition(": ")[2])
        except NoLightGBM as error:
            return Post(placed.tag, placed.expires_at_ns, None, "no_lightgbm", str(error))
        if model.bundle.model_name is not placed.model_name:
            detail = f"its files are those of a {model.bundle.model_name}"
            return Post(placed.tag, placed.expires_at_ns, None, "broken", detail)
        return Post(placed.tag, placed.expires_at_ns, model)


def _placed(row: ModelAlias) -> Placed:
    version = row.version
    return Placed(
        model_name=ModelName(row.model_name),
        alias=Alias(row.alias),
        tag=version.tag,
        file_hash=version.file_hash,
        feature_set=version.feature_set,
        feature_hash=version.feature_hash,
        expires_at_ns=to_ns(version.expires_at),
        has_skill=version.has_skill,
        why=version.why,
        is_synthetic=version.is_synthetic or row.is_synthetic,
        suspended_why=row.suspended_why,
    )


def _why_not(placed: Placed, scope: Scope) -> tuple[str, str]:
    """Return why a version may not judge whatever its files hold; a challenger never acts, so it needs no skill."""
    if placed.is_synthetic and scope.mode is Mode.LIVE:
        return "synthetic", "it was trained on the simulator's market"
    if placed.feature_hash != FEATURE_HASH:
        return "wrong_features", f"it was trained on feature set {placed.feature_set}, which is not ours"
    if placed.alias is not Alias.CHAMPION:
        return "", ""
    if placed.suspended_why:
        return "suspended", placed.suspended_why
    return ("", "") if placed.has_skill else ("no_skill", placed.why)


def _abstains(post: Post, now_ns: int) -> str:
    reason = post.reason_at(now_ns)
    detail = f"since {from_ns(post.expires_at_ns):%Y-%m-%d %H:%M:%S} UTC" if reason == EXPIRED else post.detail
    return f"{reason}: {detail}" if detail else reason
