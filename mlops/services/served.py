"""What a process says of the models that it serves: rows written when that changes, and as a sign of life."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import transaction

from domain.scope import Scope
from mlops.models import ServedModel
from mlops.services.scoring import Served

log = structlog.get_logger(__name__)

SIGN_OF_LIFE_EVERY = timedelta(seconds=30)
LONGEST = 200  # characters of a reason
_PLACE = ["mode", "run_id", "process", "model_name", "alias"]


class ServedTeller:
    """Remembers what was told for one process, and tells no more than is new."""

    def __init__(self, scope: Scope, *, process: str) -> None:
        self._scope = scope
        self._process = process
        self._told: dict[tuple[str, str], tuple[Served, datetime]] = {}
        self._told_at: datetime | None = None

    def due(self, served: Sequence[Served], *, now: datetime) -> Callable[[], None] | None:
        """Return what writes the rows that are due now, safe to run twice; None where nothing is."""
        before = {place: state for place, (state, _) in self._told.items()}
        states = {(state.model_name.value, state.alias.value): state for state in served}
        if states == before and self._is_fresh(now):
            return None
        for place, state in states.items():
            if before.get(place) != state:
                self._told[place] = state, now
                self._log(state)
        self._told = {place: told for place, told in self._told.items() if place in states}
        self._told_at = now
        return partial(_write, tuple(self._told.values()), self._process, self._scope, now)

    def _is_fresh(self, now: datetime) -> bool:
        """Return whether the last sign of life is young; one of the future is of a clock that was set back since."""
        return self._told_at is not None and self._told_at <= now < self._told_at + SIGN_OF_LIFE_EVERY

    def _log(self, state: Served) -> None:
        facts = {"model": state.model_name.value, "alias": state.alias.value, "tag": state.tag}
        if state.abstains and state.tag:
            log.warning("model_abstains", scope=str(self._scope), **facts, why=state.abstains)
        else:
            log.info("model_served", scope=str(self._scope), **facts, abstains=state.abstains)


def _write(told: Sequence[tuple[Served, datetime]], process: str, scope: Scope, now: datetime) -> None:
    rows = [
        ServedModel(
            **scope.columns,
            process=process,
            model_name=state.model_name.value,
            alias=state.alias.value,
            tag=state.tag,
            abstains=state.abstains[:LONGEST],
            since=since,
            seen_at=now,
        )
        for state, since in told
    ]
    changing = ["tag", "abstains", "since", "seen_at"]
    with transaction.atomic():
        ServedModel.objects.bulk_create(rows, update_conflicts=True, unique_fields=_PLACE, update_fields=changing)
        stored = ServedModel.objects.in_scope(scope).filter(process=process)
        stored.exclude(pk__in=[row.pk for row in rows]).delete()
