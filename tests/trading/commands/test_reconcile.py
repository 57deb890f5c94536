"""``manage.py reconcile``: what differs in one object, exit 3 until it is clean."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from ops.models import OperatorAction
from risk.models import Gate, GateState
from risk.services import require_reconciliation
from trading.models import Balance, Reconciliation

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(settings):
    """Let the configured scope wait for its reconciliation."""
    require_reconciliation(settings.ARB.scope, reason="restored", actor="ann", now=timezone.now())


def asked(**options) -> tuple[dict, int]:
    out, code = StringIO(), 0
    try:
        call_command("reconcile", json=True, stdout=out, **options)
    except SystemExit as ended:
        code = int(ended.code)
    return json.loads(out.getvalue()), code


def test_what_waited_and_agrees_is_halted_for_a_person_to_resume(waiting):
    told, code = asked(reason="looked at")
    assert (code, told["clean"], told["scopes"][0]["released"]) == (0, True, True)
    assert (Gate.objects.get().state, Gate.objects.get().reason) == (GateState.HALTED, "looked at")
    assert OperatorAction.objects.get(action="reconcile").reason == "looked at"


def test_a_difference_is_exit_3_and_keeps_it_waiting(waiting, settings):
    Balance.objects.create(**settings.ARB.scope.columns, venue="kraken", asset="USD", amount="1.5")
    told, code = asked()
    assert (code, told["clean"]) == (3, False)
    assert told["scopes"][0]["differences"] == ["balance off its ledger: kraken USD, 1.5 against 0"]
    assert Gate.objects.get().state == GateState.UNRECONCILED


def test_a_dry_run_compares_and_changes_nothing(waiting):
    told, code = asked(dry_run=True)
    assert (code, told["dry_run"], told["scopes"][0]["waiting"]) == (3, True, True)
    assert Gate.objects.get().state == GateState.UNRECONCILED
    assert not Reconciliation.objects.exists()
    assert not OperatorAction.objects.exists()


def test_in_words_each_line_is_told(settings):
    Balance.objects.create(**settings.ARB.scope.columns, venue="kraken", asset="USD", amount="1.5")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("reconcile", stdout=out)
    assert "1 difference" in out.getvalue()
    assert "kraken USD, 1.5 against 0" in out.getvalue()
