"""Halt and resume: the file alone is enough, the database alone is enough, and each is said."""

import json
import os
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from domain.errors import BadInput, Refused
from ops.models import OperatorAction
from risk.models import Gate, GateState, Limit, LimitKind
from risk.services import halt, headroom, resume, set_limit, status, stop_file_present, tick
from risk.services.gate import lock_gate
from tests.risk.samples import NOW, OTHER, SCOPE, all_at_once, ask, ask_to_send, later, set_part

pytestmark = pytest.mark.django_db


def stop(**changes):
    return halt(**{"reason": "odd fills", "actor": "ann", "now": later(1), "scopes": (SCOPE,)} | changes)


def go(**changes):
    return resume(**{"reason": "explained", "actor": "ann", "now": later(2), "scopes": (SCOPE,)} | changes)


def test_a_halt_stops_opening_sends_at_once_and_lets_closing_ones_pass():
    admitted = ask(1)
    assert ask_to_send(admitted.reservation_id) is None

    result = stop()

    assert not result.file_error
    assert not result.database_error
    assert ask_to_send(admitted.reservation_id).reason == "stop_file"
    assert ask(2).reason == "stop_file"
    assert ask_to_send(admitted.reservation_id, opening=False) is None


def test_the_file_alone_stops_every_scope_with_the_rows_untouched(stop_file):
    here, there = ask(1), ask(1, scope=OTHER)
    stop_file.parent.mkdir()
    stop_file.touch()

    assert ask_to_send(here.reservation_id).reason == "stop_file"
    assert ask_to_send(there.reservation_id, scope=OTHER).reason == "stop_file"
    assert set(Gate.objects.values_list("state", flat=True)) == {GateState.ACTIVE}


def test_the_row_alone_stops_with_the_file_gone(stop_file):
    admitted = ask(1)
    stop()
    stop_file.unlink()

    refusal = ask_to_send(admitted.reservation_id)
    assert (refusal.reason, refusal.detail) == ("halted", "odd fills")


def test_a_halt_of_everything_reaches_every_gate_and_resume_lifts_both_parts(stop_file):
    admitted = ask(1)
    ask(1, scope=OTHER)
    stop()
    assert set(Gate.objects.values_list("state", flat=True)) == {GateState.HALTED}
    assert json.loads(stop_file.read_text())["reason"] == "odd fills"

    result = go()

    assert not result.file_error
    assert not stop_file.exists()
    assert set(Gate.objects.values_list("state", "reason")) == {(GateState.ACTIVE, "")}
    assert ask_to_send(admitted.reservation_id) is None


def test_a_halt_of_one_scope_leaves_the_rows_of_others():
    ask(1)
    ask(1, scope=OTHER)
    stop(scopes=(OTHER,), everywhere=False)

    assert Gate.objects.in_scope(SCOPE).get().state == GateState.ACTIVE
    assert Gate.objects.in_scope(OTHER).get().state == GateState.HALTED


def test_halting_and_resuming_are_kept_with_who_and_why():
    stop()
    go()

    assert list(OperatorAction.objects.order_by("id").values_list("actor", "action", "reason", "mode")) == [
        ("ann", "halt", "odd fills", "sim"),
        ("ann", "resume", "explained", "sim"),
    ]


@pytest.mark.parametrize("switch", [stop, go])
def test_a_reason_is_demanded_and_nothing_is_done_without_one(switch, stop_file):
    with pytest.raises(BadInput, match="reason is empty"):
        switch(reason="  ")
    assert not stop_file.exists()
    assert Gate.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_with_the_database_down_the_file_is_written_and_the_failure_said(stop_file):
    admitted = ask(1)
    with unreachable_database():
        result = stop()

    assert not result.file_error
    assert "refused" in result.database_error and "\n" not in result.database_error
    assert Gate.objects.get().state == GateState.ACTIVE
    assert ask_to_send(admitted.reservation_id).reason == "stop_file"


@pytest.mark.django_db(transaction=True)
def test_with_the_database_down_resume_keeps_the_file(stop_file):
    stop()
    with unreachable_database():
        result = go()

    assert result.file_error
    assert "refused" in result.database_error
    assert stop_file.exists()


@contextmanager
def unreachable_database():
    """The database's port answers nobody inside this block."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    wrapper.close()
    port, wrapper.settings_dict["PORT"] = wrapper.settings_dict["PORT"], 1
    try:
        yield
    finally:
        wrapper.close()
        wrapper.settings_dict["PORT"] = port


@pytest.mark.django_db(transaction=True)
def test_a_gate_that_someone_holds_does_not_hold_up_the_halt(stop_file):
    ask(1)
    with transaction.atomic():
        lock_gate(SCOPE, now=NOW)
        (result,) = all_at_once(1, lambda number: stop())

    assert not result.file_error
    assert "lock timeout" in result.database_error
    assert stop_file_present()


def test_where_the_file_cannot_be_written_the_rows_still_halt(settings, tmp_path):
    admitted = ask(1)
    (tmp_path / "file").touch()
    settings.ARB = replace(settings.ARB, stop_file=tmp_path / "file" / "STOP")

    result = stop()

    assert "File exists" in result.file_error
    assert not result.database_error
    assert Gate.objects.in_scope(SCOPE).get().state == GateState.HALTED
    assert ask_to_send(admitted.reservation_id).reason == "stop_file"  # what cannot be looked at counts as a stop


def test_the_stop_file_is_written_whole_and_readable_by_every_process(stop_file):
    stop()
    stop(reason="again")

    assert json.loads(stop_file.read_text()) == {"reason": "again", "actor": "ann", "at": later(1).isoformat()}
    assert stop_file.stat().st_mode & 0o777 == 0o644
    assert os.listdir(stop_file.parent) == [stop_file.name]


def test_the_status_of_a_scope_that_never_traded_is_open_with_nothing_used():
    shown = status(OTHER, now=NOW)

    assert shown.may_open
    assert {row.state for row in shown.breakers} == {"closed"}
    assert len(shown.breakers) == 7
    assert all(line.used == 0 for line in shown.limits)


def test_the_status_tells_of_a_halt(stop_file):
    stop()
    shown = status(SCOPE, now=NOW)

    assert (shown.gate, shown.reason, shown.stop_file, shown.may_open) == ("halted", "odd fills", True, False)


@pytest.mark.parametrize("value", ["0", "-5", "NaN", "Infinity"])
def test_a_limit_that_is_no_positive_number_is_named(value):
    with pytest.raises(BadInput, match=r"max_trade_usd is .*; it must be a number above 0"):
        set_limit(SCOPE, LimitKind.MAX_TRADE_USD, Decimal(value), actor="ann", reason="x", now=NOW)


def test_a_limit_is_never_set_above_what_the_environment_allows(settings):
    with pytest.raises(Refused, match="above the 1000 that the environment allows"):
        set_limit(SCOPE, LimitKind.MAX_TRADE_USD, Decimal(1001), actor="ann", reason="more", now=NOW)

    set_limit(SCOPE, LimitKind.MAX_TRADE_USD, Decimal(900), actor="ann", reason="less", now=NOW)
    set_part(settings, "limits", max_trade_usd=Decimal(800))
    room = {line.kind: line.limit for line in headroom(SCOPE, now=NOW)}
    assert room["max_trade_usd"] == 800
    assert Limit.objects.in_scope(SCOPE).get(kind="max_trade_usd").value == 900
    assert OperatorAction.objects.get().detail == {"value": "900"}


def test_limits_that_nobody_set_follow_the_environment_at_the_next_tick(settings):
    ask(1)
    set_limit(SCOPE, LimitKind.MAX_EXPOSURE_USD, Decimal(700), actor="ann", reason="less", now=NOW)
    set_part(settings, "limits", max_trade_usd=Decimal(2000), max_exposure_usd=Decimal(9000))

    tick(SCOPE, later(1))

    rows = dict(Limit.objects.in_scope(SCOPE).values_list("kind", "value"))
    assert rows["max_trade_usd"] == 2000
    assert rows["max_exposure_usd"] == 700
