"""The venue board: every refused book and lost connection is told with its reason."""

import json

from trading.marketdata.feeds import VenueStatus
from trading.marketdata.venue_board import VenueLine, line_of
from trading.venues.health import FeedHealth


def status_of(health: FeedHealth, **refused_later: int) -> VenueStatus:
    return VenueStatus(health.status(), age_ms=None, refused_later=refused_later, restarts=0, last_error="")


def test_books_refused_by_the_feed_and_beside_other_books_are_counted_together_by_reason():
    health = FeedHealth("kraken", origin="sim")
    health.refused.update({"checksum": 2, "crossed": 1})
    health.disconnected("silent")
    line = line_of(status_of(health, crossed=1, out_of_order=3))
    assert line.refused == 7
    assert line.reasons == {"out_of_order": 3, "checksum": 2, "crossed": 2, "silent": 1}


def test_a_line_of_an_earlier_version_is_still_read():
    told = {name: "" if name in ("venue", "last_error") else 0 for name in VenueLine.__slots__ if name != "reasons"}
    assert VenueLine(**json.loads(json.dumps(told))).reasons == {}
