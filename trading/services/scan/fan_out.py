"""Scans by partition: one task for each, which any scan worker takes, so that a worker that is away is replaced."""

from collections.abc import Callable

import structlog

from domain.errors import Unreachable
from domain.market import Clock
from domain.partition import Share
from domain.scope import Scope
from trading.dispatch import Dispatch
from trading.services.partitions import deal_now
from trading.services.scan.connections import Connections
from trading.services.scan.run import scan_and_log

log = structlog.get_logger(__name__)

HandOn = Callable[[int, int], None]  # has a partition, of so many, scanned by a task of its own


def scan_all(scope: Scope, *, clock: Clock, dispatch: Dispatch, connections: Connections, hand_on: HandOn) -> None:
    """Scan every route here; where partitions share them, hand each on."""
    deal = deal_now()
    if deal.count == 1:
        scan_and_log(scope, clock=clock, dispatch=dispatch, connections=connections)
        return
    try:
        for index in range(1, deal.count + 1):
            hand_on(index, deal.count)
    except Unreachable as error:  # the next scan is due in a moment
        log.warning("scan_not_handed_on", error=str(error))


def scan_partition(
    index: int, count: int, scope: Scope, *, clock: Clock, dispatch: Dispatch, connections: Connections
) -> None:
    """Scan one partition of so many; a worker that shares the pairs otherwise leaves it to others."""
    deal = deal_now()
    if deal.count != count:
        log.warning(
            "scan_skipped", partition=index, reason=f"one of {count} was asked for, there are {deal.count} here"
        )
        return
    scan_and_log(scope, clock=clock, dispatch=dispatch, connections=connections, share=Share(deal, index))
