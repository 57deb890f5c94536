"""Which version of a model serves: introduced when trained, promoted and rolled back by people, suspended by the watch.

The alias rows are the truth that every process follows; each change is one transaction under one lock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from domain.errors import Refused
from domain.features import FEATURE_HASH, FEATURE_SET
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.bundle import BadBundle, Bundle
from mlops.models import Alias, ModelAlias, ModelVersion
from mlops.selectors import alias_of, aliases_of, version_tagged
from mlops.services import mirroring
from ops.locks import hold_until_commit
from ops.services import operators

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Move:
    """Who bears each alias of a model once a change is made; ``former`` was champion before it."""

    scope: Scope
    model: ModelName
    champion: ModelVersion | None
    challenger: ModelVersion | None
    previous: ModelVersion | None
    former: ModelVersion | None
    note: str = ""  # what a person had better know

    @property
    def tags(self) -> dict[str, str]:
        """Return the tag of each alias, and of the former champion; empty where nothing bears it."""
        told = {alias.value: version for alias, version in _bearers(self).items()} | {"former": self.former}
        return {name: version.tag if version else "" for name, version in told.items()}


def promote(model: ModelName, tag: str, *, scope: Scope, actor: str, reason: str, now: datetime) -> Move:
    """Make a version the champion of ``scope``; the champion so far becomes the previous one.

    Raises: BadInput for an unknown tag or an empty reason, Refused for a version that must not or could not serve.
    """
    operators.require_reason(reason)
    with transaction.atomic():
        _lock(scope, model)
        move = promotion_of(model, tag, scope=scope, now=now)
        _carry_out(move, now)
        _tell("promote_model", move, actor, reason)
    return move


def rollback(model: ModelName, *, scope: Scope, actor: str, reason: str, now: datetime) -> Move:
    """Make the previous champion of ``scope`` the champion again; the one rolled back becomes the challenger.

    Raises: BadInput for an empty reason, Refused where there is no previous one.
    """
    operators.require_reason(reason)
    with transaction.atomic():
        _lock(scope, model)
        move = rollback_of(model, scope=scope, now=now)
        _carry_out(move, now)
        _tell("roll_back_model", move, actor, reason)
    return move


def promotion_of(model: ModelName, tag: str, *, scope: Scope, now: datetime) -> Move:
    """Return what a promotion would do, and do nothing. Raises: as ``promote``."""
    version, held = version_tagged(model, tag), _held(scope, model)
    champion = held.get(Alias.CHAMPION)
    if champion and champion.version == version and not champion.suspended_at:
        raise Refused(f"{version} is the champion of {scope} already")
    objection = objection_to(version, scope=scope, now=now)
    if objection:
        raise Refused(f"{version} is not promoted: {objection}")
    former = champion.version if champion else None
    return Move(
        scope,
        model,
        champion=version,
        challenger=_version(held, Alias.CHALLENGER, unless=version),
        previous=former if former != version else _version(held, Alias.PREVIOUS),
        former=former,
    )


def rollback_of(model: ModelName, *, scope: Scope, now: datetime) -> Move:
    """Return what a rollback would do, and do nothing. Raises: as ``rollback``."""
    held = _held(scope, model)
    previous, former = _version(held, Alias.PREVIOUS), _version(held, Alias.CHAMPION)
    if previous is None:
        raise Refused(f"{model} has no previous champion in {scope} to roll back to")
    objection = objection_to(previous, scope=scope, now=now)
    note = f"the rules decide until another is promoted: {objection}" if objection else ""
    return Move(scope, model, champion=previous, challenger=former, previous=None, former=former, note=note)


def introduce(version: ModelVersion, *, now: datetime) -> Move:
    """Make a version that was just trained the challenger, in the caller's transaction.

    It becomes champion at once where no champion could serve and it has skill; never so in live.
    """
    scope, model = version.scope, ModelName(version.model_name)
    _lock(scope, model)
    held = _held(scope, model)
    former = _version(held, Alias.CHAMPION)
    is_vacant = former is None or bool(objection_to(former, scope=scope, now=now))
    if is_vacant and version.has_skill and scope.mode is not Mode.LIVE:
        challenger = _version(held, Alias.CHALLENGER)
        move = Move(scope, model, champion=version, challenger=challenger, previous=former, former=former)
    else:
        previous = _version(held, Alias.PREVIOUS)
        move = Move(scope, model, champion=former, challenger=version, previous=previous, former=former)
    _carry_out(move, now, lifts_suspension=False)
    mirroring.ask(version, scope=scope)
    return move


def suspend(model: ModelName, why: str, *, scope: Scope, now: datetime) -> bool:
    """Let the champion abstain until it is promoted again or rolled back; return whether it had served until now."""
    with transaction.atomic():
        _lock(scope, model)
        champion = alias_of(scope, model, Alias.CHAMPION)
        if champion is None or champion.suspended_at:
            return False
        champion.suspended_at, champion.suspended_why = now, why[:200]
        champion.save(update_fields=["suspended_at", "suspended_why"])
    log.warning("model_suspended", model=str(model), tag=champion.version.tag, scope=str(scope), why=why)
    return True


def objection_to(version: ModelVersion, *, scope: Scope, now: datetime) -> str:
    """Return why a version must not or could not serve in ``scope``; empty where it may."""
    if not _may_cross(version.scope, scope):
        return f"it was trained in {version.scope}, and {scope} never mixes with that"
    if scope.mode is Mode.LIVE and version.is_synthetic:
        return "it was trained on the simulator's market, and live trades real money"
    if version.expires_at <= now:
        return f"it expired at {version.expires_at:%Y-%m-%d %H:%M} UTC: train a new one"
    if version.feature_hash != FEATURE_HASH:
        return f"it knows other features ({version.feature_set}) than candidates have now ({FEATURE_SET})"
    if not version.has_skill:
        return version.why if version.why.startswith("no skill") else f"it has shown no skill: {version.why}"
    return _fault_in_files(version)


def _may_cross(trained_in: Scope, serves_in: Scope) -> bool:
    """A model serves where it was trained; live also takes what the dry run taught, if a person says so."""
    return trained_in == serves_in or (trained_in.mode, serves_in.mode) == (Mode.DRY_RUN, Mode.LIVE)


def _fault_in_files(version: ModelVersion) -> str:
    try:
        bundle = Bundle.read(settings.ARB.models.directory, version.file_hash)
    except BadBundle as error:
        return f"its files are {error}"
    is_that = (bundle.model_name, bundle.feature_hash) == (version.model_name, version.feature_hash)
    return "" if is_that else f"its files are those of another model, {bundle.model_name}"


def _lock(scope: Scope, model: ModelName) -> None:
    hold_until_commit(f"mlops.aliases.{scope}.{model}")


def _held(scope: Scope, model: ModelName) -> dict[Alias, ModelAlias]:
    return {Alias(row.alias): row for row in aliases_of(scope, model)}


def _version(
    held: Mapping[Alias, ModelAlias], alias: Alias, *, unless: ModelVersion | None = None
) -> ModelVersion | None:
    row = held.get(alias)
    return row.version if row and row.version != unless else None


def _bearers(move: Move) -> dict[Alias, ModelVersion | None]:
    return {Alias.CHAMPION: move.champion, Alias.CHALLENGER: move.challenger, Alias.PREVIOUS: move.previous}


def _carry_out(move: Move, now: datetime, *, lifts_suspension: bool = True) -> None:
    rows = ModelAlias.objects.in_scope(move.scope).filter(model_name=move.model.value)
    held = {row.alias: row for row in rows.select_for_update()}
    for alias, version in _bearers(move).items():
        row = held.get(alias)
        if version is None:
            rows.filter(alias=alias.value).delete()
        elif row is None or row.version_id != version.pk or (row.suspended_at and lifts_suspension):
            _point(move, alias, version, now)
    log.info("model_aliases_moved", model=str(move.model), scope=str(move.scope), **move.tags)


def _point(move: Move, alias: Alias, version: ModelVersion, now: datetime) -> None:
    told: dict[str, Any] = {
        "version": version,
        "is_synthetic": version.is_synthetic,
        "moved_at": now,
        "suspended_at": None,
        "suspended_why": "",
        "is_mirrored": False,
    }
    key: dict[str, Any] = {**move.scope.columns, "model_name": move.model.value, "alias": alias.value}
    ModelAlias.objects.update_or_create(defaults=told, **key)


def _tell(action: str, move: Move, actor: str, reason: str) -> None:
    assert move.champion is not None  # a promotion and a rollback always name one
    mirroring.ask(move.champion, scope=move.scope)
    detail = move.tags | ({"note": move.note} if move.note else {})
    operators.record(actor, action, reason, subject=str(move.champion), detail=detail, scope=move.scope)
