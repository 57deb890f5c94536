"""Every metric that is counted or timed where things happen, and what any process tells of itself.

What only the stream or only the web process can tell stands beside it: ``trading/services/stream/metrics.py`` and
``arbsite/metrics/system.py``. Counted is by ``ops/metering.py``, for a forked child must not touch these.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, disable_created_metrics

from ops.collectors import COLLECTORS
from ops.process_use import ProcessUse

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
REGISTRY = CollectorRegistry()  # of our own: the library's would add what it tells of any process, children left out
disable_created_metrics()  # a second series beside each, for what no query of ours asks
REGISTRY.register(ProcessUse())
REGISTRY.register(COLLECTORS)

_counter = partial(Counter, registry=REGISTRY)
_timer = partial(Histogram, registry=REGISTRY, buckets=SECONDS)

BUILD = Info("arbsite_build", "What runs here: always 1.", registry=REGISTRY)
LOG_LINES = _counter("arbsite_log_lines_total", "Lines logged as a warning or worse.", ["level"])

TASKS = _counter("arbsite_tasks_total", "Tasks that ended, by what became of them.", ["task", "outcome"])
TASK_DURATION = _timer("arbsite_task_duration_seconds", "Time that tasks took.", ["task"])
QUEUE_DELAY = _timer("arbsite_task_delay_seconds", "Time from sending to beginning.", ["queue"])
TASKS_SENT = _counter("arbsite_tasks_sent_total", "Tasks handed to the broker.", ["task"])

PUBLISHED = _counter("arbsite_outbox_published_total", "Outbox rows that the broker accepted.")
OUTAGES = _counter("arbsite_outbox_outages_total", "Times that the outbox stood still for want of a server.")
ALERTS = _counter("arbsite_alerts_total", "Alerts raised, repeats left out.", ["level"])
DELIVERIES = _counter("arbsite_alert_deliveries_total", "Alerts that were to be sent to people.", ["delivery"])

EVALUATIONS = _counter(
    "arbsite_evaluations_total", "Looks at routes, by the stage and reason that ended them.", ["stage", "reason"]
)
DECISIONS = _counter("arbsite_decisions_total", "Opportunities committed, by what became of them.", ["outcome"])
WRITE_DURATION = _timer("arbsite_write_duration_seconds", "Time that writes took.", ["write"])
ORDERS = _counter("arbsite_orders_total", "Orders that reached a state.", ["venue", "state"])
EXECUTIONS = _counter("arbsite_executions_total", "Executions that reached a state.", ["state"])
VENUE_REQUESTS = _counter(
    "arbsite_venue_requests_total", "Requests to venues and nodes, by how they ended.", ["server", "outcome"]
)
VENUE_REQUEST_DURATION = _timer(
    "arbsite_venue_request_duration_seconds", "Time that venues and nodes took to answer.", ["server"]
)

HTTP_REQUESTS = _counter("arbsite_http_requests_total", "Pages served.", ["method", "status"])
HTTP_DURATION = _timer("arbsite_http_request_duration_seconds", "Time that pages took.")
