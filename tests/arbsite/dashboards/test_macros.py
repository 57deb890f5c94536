"""Macros: expanded letter by letter as Grafana's PostgreSQL data source does it."""

from datetime import UTC, datetime

import pytest

from arbsite.dashboards.macros import Chosen, Setting, duration_ms, expand
from domain.errors import BadInput

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
END = datetime(2026, 3, 2, 12, 0, 0, 500_000, tzinfo=UTC)
PLAIN = Setting(START, END, variables={"mode": Chosen(("it's",)), "many": Chosen(("a", "b'"), may_be_several=True)})
TIMESCALE = Setting(START, END, has_timescale=True)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("$__time(at)", 'at AS "time"'),
        ("$__timeEpoch(at)", 'extract(epoch from at) as "time"'),
        ("$__timeFilter(o.at)", "o.at BETWEEN '2026-03-01T12:00:00Z' AND '2026-03-02T12:00:00.5Z'"),
        ("$__timeFrom()", "'2026-03-01T12:00:00Z'"),
        ("$__timeTo()", "'2026-03-02T12:00:00.5Z'"),
        ("$__timeGroup(at, '5m')", "floor(extract(epoch from at)/300)*300"),
        ("$__timeGroup(at,'5m'), x", 'floor(extract(epoch from at)/300)*300 AS "time", x'),
        ("$__timeGroupAlias(at,1h,0)", 'floor(extract(epoch from at)/3600)*3600 AS "time"'),
        ("$__timeGroupAlias(at,$__interval,previous)", 'floor(extract(epoch from at)/60)*60 AS "time"'),
        ("$__unixEpochFilter(t)", "t >= 1772366400 AND t <= 1772452800"),
        ("$__unixEpochNanoFilter(t)", "t >= 1772366400000000000 AND t <= 1772452800500000000"),
        ("$__unixEpochFrom() $__unixEpochTo()", "1772366400 1772452800"),
        ("$__unixEpochNanoFrom()", "1772366400000000000"),
        ("$__unixEpochGroup(t,'1d',NULL)", "floor((t)/86400)*86400"),
        ("$__unixEpochGroupAlias(t,'1d')", 'floor((t)/86400)*86400 AS "time"'),
        ("$__interval $__interval_ms", "1m 60000"),
        ("$__from ${__to}", "1772366400000 1772452800500"),
        ("$__range_s", "86400"),
        ("'$mode'", "'it''s'"),
        ("${mode:sqlstring}", "'it''s'"),
        ("${mode:singlequote}", "'it\\'s'"),
        ("[[mode:raw]]", "it's"),
        ("IN ($many)", "IN ('a','b''')"),
        ("${many:csv}", "a,b'"),
        ("${many:doublequote} ${many:pipe} ${many:json}", '"a","b\'" a|b\' ["a", "b\'"]'),
        ("'costs $5'", "'costs $5'"),
    ],
)
def test_a_query_is_sent_as_grafana_sends_it(written, sent):
    assert expand(written, PLAIN) == sent


def test_a_data_source_with_timescale_groups_by_buckets():
    assert expand("$__timeGroupAlias(at,'5m')", TIMESCALE) == "time_bucket('300.000s',at) AS \"time\""


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("$__timeGruop(at,'5m')", "$__timeGruop is no macro"),
        ("$__timeFilter()", "needs a time column"),
        ("$__timeGroup(at)", "needs a time column, an interval"),
        ("$__timeGroup(at,'five')", "'five'\" is no duration"),
        ("$__timeGroup(at,'5m',nothing)", "fill with 'nothing'"),
        ("$__timeFilter(coalesce(a,b))", "first closing bracket"),
        ("mode = '$moed'", "$moed is neither"),
        ("mode = ${mode:shout}", "'shout'"),
        ("$__rate_interval", "$__rate_interval is neither"),
    ],
)
def test_what_grafana_does_not_know_is_named(written, named):
    with pytest.raises(BadInput, match=r".") as caught:
        expand(written, PLAIN)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"), [("250ms", 250), ("30s", 30_000), ("'2h'", 7_200_000), ("1w", 604_800_000)]
)
def test_a_duration_is_read_in_grafanas_units(text, expected):
    assert duration_ms(text) == expected


@pytest.mark.parametrize("text", ["", "0s", "1y", "-5m", "5"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(BadInput, match="is no duration"):
        duration_ms(text)
