"""What is read when somebody asks is as it is then, and one part's fault hides no other."""

import pytest
from prometheus_client import Metric, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily

from ops import collectors
from ops.metrics import REGISTRY
from tests.told import value_of


def level(value: float) -> list[Metric]:
    return [GaugeMetricFamily("test_level", "Level.", value)]


@pytest.fixture(autouse=True)
def _left_as_it_was():
    yield
    for name in ("broken", "test"):
        collectors.register(name, list)


def test_it_is_read_when_somebody_asks_and_a_later_one_replaces_an_earlier():
    values = [1.0]
    collectors.register("test", lambda: level(99))
    collectors.register("test", lambda: level(values[-1]))
    assert value_of("test_level") == 1
    values.append(2.0)
    assert value_of("test_level") == 2


def test_one_that_fails_hides_no_other_and_is_logged(caplog):
    def fail() -> list[Metric]:
        raise RuntimeError("changed while it was read")

    collectors.register("broken", fail)
    collectors.register("test", lambda: level(3))
    assert b"test_level 3.0" in generate_latest(REGISTRY)
    assert "metrics_not_read" in str(caplog.records[-1].msg)
