"""What beat has done: where it fails a person is told, and the task fails."""

from dataclasses import replace

import pytest
from django_celery_beat.models import PeriodicTask

from arbsite import tasks
from arbsite.backups import scheduled
from arbsite.celery import VISIBILITY_TIMEOUT_S
from domain.errors import BadInput, Refused
from ops.models import Alert
from tests.arbsite.backups.conftest import NOW

pytestmark = pytest.mark.django_db


def test_a_backup_that_fails_is_told(settings, tmp_path):
    nowhere = replace(settings.ARB.database, base_name="postgres", name="postgres")
    settings.ARB = replace(settings.ARB, database=nowhere, backups=replace(settings.ARB.backups, directory=tmp_path))
    with pytest.raises(Refused, match="nothing to back up"):
        tasks.back_up()
    assert Alert.objects.get(key="backup_failed").level == "error"


def test_a_backup_that_cannot_be_proved_is_told(settings, tmp_path):
    arb = replace(settings.ARB, backups=replace(settings.ARB.backups, directory=tmp_path))
    with pytest.raises(BadInput, match="there is no backup"):
        scheduled.prove_latest(arb, now=NOW)
    assert Alert.objects.get(key="backup_unproved").title == "The latest backup cannot be restored"


def test_both_are_on_the_schedule_of_the_ml_queue():
    stored = PeriodicTask.objects.filter(name__startswith="arbsite.backup")
    assert {(row.name, row.queue) for row in stored} == {("arbsite.backup", "ml"), ("arbsite.backup_test", "ml")}


def test_a_message_of_theirs_is_never_handed_on_while_they_run():
    for task in (tasks.back_up, tasks.prove_backup):
        assert task.time_limit < VISIBILITY_TIMEOUT_S or not task.acks_late
