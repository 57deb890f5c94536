"""Prometheus's files: rules that read only what is told, and an address for every process."""

import re
from pathlib import Path

import pytest
import yaml

from arbsite import metrics as web_metrics
from arbsite import processes
from arbsite.processes import Ports
from ops import metrics
from ops.metering import Kind, Meter
from ops.models.alert import Level
from trading.services.stream import metrics as stream_metrics

FOLDER = Path(__file__).parent.parent.parent / "prometheus"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())
LISTED = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in LISTED if "alert" in rule]
NAME = re.compile(r"\barbsite[a-z0-9_:]*")
METERS = [
    *(
        one
        for module in (metrics, stream_metrics, web_metrics)
        for one in vars(module).values()
        if isinstance(one, Meter)
    ),
    *(meter for meter, _ in web_metrics.OF_READING.values()),
]
UNITS = ("seconds", "bytes", "ratio", "messages", "jobs", "files", "sessions", "children", "info")
CLAIMS = ("connected", "available", "open", "active", "present", "unread")  # 1 or 0


def told_names() -> set[str]:
    """Return every name that a rule may read."""
    names = {meter.name for meter in METERS if meter.kind is not Kind.HISTOGRAM}
    spread = [meter.name for meter in METERS if meter.kind is Kind.HISTOGRAM]
    return names | {f"{name}_{part}" for name in spread for part in ("bucket", "count", "sum")} | {"up"}


def test_rules_read_only_what_some_process_tells():
    recorded = {rule["record"] for rule in LISTED if "record" in rule}
    for rule in LISTED:
        read = set(NAME.findall(re.sub(r'"[^"]*"', "", rule["expr"])))
        assert read <= told_names() | recorded, rule


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
    labels = {meter.name: {*meter.labels, "process"} for meter in METERS} | {"up": {"process"}}
    for rule in ALERTS:
        shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        read = NAME.findall(rule["expr"]) or ["up"]
        known = set().union(*(labels.get(name, set()) for name in (*read, "up")))
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


@pytest.mark.parametrize("meter", METERS, ids=lambda meter: meter.name)
def test_a_metric_is_named_once_and_ends_in_its_unit(meter):
    assert [one.name for one in METERS].count(meter.name) == 1
    assert not {"job", "instance", "process", "mode"} & set(meter.labels) or meter is metrics.BUILD
    if meter.kind is Kind.COUNTER:
        assert meter.name.endswith("_total")
    else:
        assert meter.name.endswith((*UNITS, *CLAIMS))


def test_no_process_tells_a_pair_or_a_route():
    assert not {label for meter in METERS for label in meter.labels} & {"pair", "symbol", "route", "market"}
