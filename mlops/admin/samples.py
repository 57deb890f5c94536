"""Samples: what was seen at a decision, what the models said of it, and what came of it."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from mlops.admin.features import features_of
from mlops.admin.scores import scores_table
from mlops.models import Sample
from ops.admin import figures
from ops.admin.columns import column, light, result
from ops.admin.detail import DetailAdmin
from ops.admin.filters import recent
from ops.admin.panels import Facts, Panel, Table, label

KIND_COLOURS = {"opportunity": "info", "near_miss": ""}


@admin.register(Sample)
class SampleAdmin(DetailAdmin):
    """Samples, the newest first."""

    icon = "dataset"
    place = 4
    list_display = (
        column("timestamp", "decided at (UTC)"),
        "scope_label",
        light("kind", KIND_COLOURS),
        column("route_key", "route"),
        column("net_bps", "planned bps", ".1f"),
        column("edge_at_latency_bps", "after delay", ".1f"),
        column("fillable_share_at_latency", "fillable", ".2%"),
        column("executed"),
        result("settled_net_usd", "settled net"),
        column("slippage_bps", "bps lost", ".1f"),
    )
    list_filter = (
        *DetailAdmin.list_filter,
        ("kind", ChoicesDropdownFilter),
        recent("symbol"),
        ("settled_net_usd", admin.EmptyFieldListFilter),
    )
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp",)

    def panels(self, row: Sample) -> list[Panel]:
        """Return the episode, its labels, what the models said and what they saw."""
        return [_episode(row), _labels(row), scores_table(row.scores), features_of(row.features, row.feature_set)]


def _episode(row: Sample) -> Facts:
    return Facts(
        figures.shown("route_key", row.route_key),
        [
            ("decided at (UTC)", figures.instant(row.timestamp)),
            ("kind", label(row.kind, KIND_COLOURS[row.kind])),
            ("opportunity", _opportunity(row.opportunity_id)),
            ("executed", "yes" if row.executed else "no: its labels are a shadow"),
            ("explored", "yes, by chance, against the models" if row.explored else "no"),
            ("planned net edge", f"{row.net_bps:.1f} bps"),
            ("notional", figures.usd(row.notional_usd)),
            ("made of", f"candles of {row.resolution_s:g} s" if row.resolution_s else "live books"),
        ],
    )


def _opportunity(number: int | None) -> str:
    if number is None:
        return "none: the rules would not have traded it"
    address = reverse("admin:trading_opportunity_change", args=[number])
    return format_html('<a class="text-link" href="{}">{}</a>', address, number)


def _labels(row: Sample) -> Table:
    """Return what came of it; a label that is not known yet says so."""
    rows = [
        ("Net after the delay", _known(row.edge_at_latency_bps, ".1f", " bps"), "the planned trade, whole, every cost"),
        ("Still fillable", figures.share(row.fillable_share_at_latency), "size that still paid / planned size"),
        ("Settled net", _settled(row), "of the execution, to the last digit"),
        ("Slippage", _known(row.slippage_bps, ".1f", " bps"), "realised by the execution"),
        ("Known at", figures.instant(row.known_at), "the market's instant of the last label"),
    ]
    return Table("What came of it", ("Label", "Value", "Of what"), rows)


def _settled(row: Sample) -> str:
    known = row.settled_net_usd
    return figures.NOTHING if known is None else figures.gain("settled_net_usd", known)


def _known(value: float | None, form: str, unit: str) -> Any:
    return figures.NOTHING if value is None else f"{value:{form}}{unit}"
