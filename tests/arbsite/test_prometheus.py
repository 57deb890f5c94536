"""Prometheus's files: rules that read only what is told, and an address for every process."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from arbsite import processes
from arbsite.metrics import system
from arbsite.metrics.readings import Readings
from arbsite.processes import Ports
from ops import metrics
from ops.models.alert import Level
from ops.process_use import ProcessUse
from risk.services import Status
from tests.fakes import SIM
from trading.marketdata.price_cache import PriceCache
from trading.services.stream import metrics as stream_metrics
from trading.services.writer import Writer

FOLDER = Path(__file__).parent.parent.parent / "prometheus"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())
LISTED = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in LISTED if "alert" in rule]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
NAME = re.compile(r"\barbsite[a-z0-9_:]*")
COUNTED = [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
READ = [
    *ProcessUse().describe(),
    *stream_metrics.of_venues([]),
    *stream_metrics.of_writing(PriceCache(None, SIM), Writer()),
    *system.of_readings(Readings(NOW, (), {})),
    *system.of_risk(Status(SIM, "", "", stop_file=False, breakers=(), limits=())),
]
TOLD = [*((family, one._labelnames) for one in COUNTED for family in one.describe())]
TOLD += [(family, family._labelnames) for family in READ]
LABELS = {label for _, labels in TOLD for label in labels}
UNITS = ("seconds", "bytes", "ratio", "messages", "jobs", "files", "sessions", "children", "info")
CLAIMS = ("connected", "available", "open", "active", "present", "unread")  # 1 or 0


def names_of(family: Metric) -> set[str]:
    """Return the names under which queries find a metric."""
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",)}
    return {family.name + ending for ending in endings.get(family.type, ("",))}


def test_rules_read_only_what_some_process_tells():
    recorded = {rule["record"] for rule in LISTED if "record" in rule}
    told = {"up"}.union(*(names_of(family) for family, _ in TOLD))
    for rule in LISTED:
        read = set(NAME.findall(re.sub(r'"[^"]*"', "", rule["expr"])))
        assert read <= told | recorded, rule


def test_rules_have_names_of_their_own_and_say_what_to_do():
    assert len({rule.get("alert") or rule["record"] for rule in LISTED}) == len(LISTED)
    for rule in ALERTS:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in set(Level)
        assert all(rule["annotations"][part] for part in ("summary", "description"))
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_labels_that_an_alert_shows_are_labels_of_what_it_reads():
    labels = {name: {*known, "process"} for family, known in TOLD for name in names_of(family)}
    for rule in ALERTS:
        shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        known = {"process"}.union(*(labels.get(name, set()) for name in NAME.findall(rule["expr"])))
        assert shown <= known, rule


def test_what_every_dead_process_would_do_has_its_alert():
    watched = {"up", "arbsite_canary_age_seconds", "arbsite_data_age_seconds", "arbsite_outbox_age_seconds"}
    watched |= {"arbsite_breaker_open", "arbsite_writer_dropped_total", "arbsite_disk_free_bytes"}
    assert all(any(name in rule["expr"] for rule in ALERTS) for name in watched)


def test_compose_has_every_process_gathered_and_up_its_list():
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    local = yaml.safe_load((FOLDER / "local.yml").read_text())
    (job,) = config["scrape_configs"]
    table = {process.name for process in processes.table(Ports(web=8000, flower=5555))}
    assert {one["labels"]["process"] for one in job["static_configs"]} == table
    for one in job["static_configs"]:
        (address,) = one["targets"]
        assert address == f"{one['labels']['process']}:{5555 if address.startswith('flower') else 9100}"
    assert local["scrape_configs"][0]["file_sd_configs"][0]["files"] == ["../.local/metrics/targets.json"]
    assert config["rule_files"] == local["rule_files"] == ["rules.yml"]


@pytest.mark.parametrize("family", [family for family, _ in TOLD], ids=lambda family: family.name)
def test_a_metric_is_named_once_and_ends_in_its_unit(family):
    assert [one.name for one, _ in TOLD].count(family.name) == 1
    (name, *_) = names_of(family)
    if family.type == "gauge":
        assert name.endswith((*UNITS, *CLAIMS))
    elif family.type == "histogram":
        assert family.name.endswith("_seconds")
    else:
        assert name.endswith(("_total", "_info"))


def test_no_label_is_one_of_those_that_the_gatherer_adds():
    assert not LABELS & {"job", "instance", "process", "mode"}


def test_no_process_tells_a_pair_or_a_route():
    assert not LABELS & {"pair", "symbol", "route", "market"}
