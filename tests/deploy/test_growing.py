"""The override for two partitions that docs/growing.md shows: it names what the table of processes has, and no more."""

import re
from pathlib import Path

import pytest
import yaml

from arbsite.processes import Ports, table
from tests.deploy import stack

PAGE = Path(__file__).resolve().parents[2] / "docs" / "growing.md"
OVERRIDE = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0])["services"]
PARTITIONED = [one for one in table(Ports(8000, 5555), partitions=2) if one.variables]


@pytest.mark.parametrize("process", PARTITIONED, ids=lambda process: process.name)
def test_each_partitioned_process_has_its_service_and_its_number(process):
    (service,) = [one for one in OVERRIDE.values() if one["command"][-1] == process.name]
    assert service["command"][:-1] == ["python", "manage.py", "run"]
    assert service["environment"].items() >= process.variables.items()


def test_services_are_those_of_the_stack_or_extend_them():
    assert len(OVERRIDE) == len(PARTITIONED) == 4
    extended = {name: one.get("extends", {}).get("service", name) for name, one in OVERRIDE.items()}
    assert set(extended.values()) == {"stream", "worker-scan"} <= set(stack.services())


def test_no_two_streams_share_a_market_data_key():
    keys = [one for one in OVERRIDE["stream-2"]["environment"] if one.startswith("ALPACA_DATA")]
    shared = stack.services()["stream"]["environment"]
    assert sorted(keys) == sorted(name for name in shared if name.startswith("ALPACA_DATA"))
    assert not any(OVERRIDE["stream-2"]["environment"][name] for name in keys)
