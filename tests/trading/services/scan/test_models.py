"""The scan's scorer: kept from scan to scan, as the rows are at each, and told in rows."""

from dataclasses import replace

import pytest

from domain.scores import Abstained, ModelName
from mlops.models import ServedModel
from tests.fakes import SIM, FixedClock
from tests.mlops.serving.bundles import TYPICAL
from tests.mlops.serving.placed import TAG, place, version_of
from trading.services.scan.models import ScannedModels, process_models

pytestmark = pytest.mark.django_db

PROFIT = ModelName.PROFIT


class Held:
    """Stands for the connections that a process keeps."""


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))


def test_each_scan_goes_by_the_rows_as_they_are_then():
    clock = FixedClock()
    connections = Held()
    first = process_models(connections, SIM, clock=clock).scorer()
    assert first(TYPICAL) == Abstained("no_model")
    place(version_of(PROFIT, scope=SIM))
    second = process_models(connections, SIM, clock=clock).scorer()
    assert second is first
    assert second(TYPICAL).versions == ((PROFIT.value, TAG),)


def test_what_it_serves_is_told_once_and_again_as_a_sign_of_life():
    clock = FixedClock()
    place(version_of(PROFIT, scope=SIM))
    models = ScannedModels(SIM, clock)
    models.scorer()
    models.tell()
    rows = ServedModel.objects.in_scope(SIM).filter(process="scan")
    assert rows.get(model_name=PROFIT.value).tag == TAG
    assert rows.count() == len(ModelName)
    first = rows.first().seen_at
    clock.advance(5_000)
    models.tell()
    assert rows.first().seen_at == first
    clock.advance(25_000)
    models.tell()
    assert rows.first().seen_at > first


def test_other_connections_have_models_of_their_own():
    kept, other = Held(), Held()
    first = process_models(kept, SIM, clock=FixedClock())
    assert process_models(kept, SIM, clock=FixedClock()) is first
    assert process_models(other, SIM, clock=FixedClock()) is not first
