"""Every metric that is counted or timed where things happen, and those that any process shows of itself.

What only the stream or only the web process can tell stands beside it: ``trading/services/stream/metrics.py`` and
``arbsite/metrics.py``.
"""

from ops.metering import Kind, Meter

LOG_LINES = Meter("arbsite_log_lines_total", "Lines logged as a warning or worse.", ("level",))

TASKS = Meter("arbsite_tasks_total", "Tasks that ended, by what became of them.", ("task", "outcome"))
TASK_DURATION = Meter("arbsite_task_duration_seconds", "Time that tasks took.", ("task",), Kind.HISTOGRAM)
QUEUE_DELAY = Meter("arbsite_task_delay_seconds", "Time from sending to beginning.", ("queue",), Kind.HISTOGRAM)
TASKS_SENT = Meter("arbsite_tasks_sent_total", "Tasks handed to the broker.", ("task",))

PUBLISHED = Meter("arbsite_outbox_published_total", "Outbox rows that the broker accepted.")
OUTAGES = Meter("arbsite_outbox_outages_total", "Times that the outbox stood still for want of a server.")
ALERTS = Meter("arbsite_alerts_total", "Alerts raised, repeats left out.", ("level",))
DELIVERIES = Meter("arbsite_alert_deliveries_total", "Alerts that were to be sent to people.", ("delivery",))

EVALUATIONS = Meter(
    "arbsite_evaluations_total", "Looks at routes, by the stage and reason that ended them.", ("stage", "reason")
)
DECISIONS = Meter("arbsite_decisions_total", "Opportunities committed, by what became of them.", ("outcome",))
WRITE_DURATION = Meter("arbsite_write_duration_seconds", "Time that writes took.", ("write",), Kind.HISTOGRAM)
ORDERS = Meter("arbsite_orders_total", "Orders that reached a state.", ("venue", "state"))
EXECUTIONS = Meter("arbsite_executions_total", "Executions that reached a state.", ("state",))
VENUE_REQUESTS = Meter(
    "arbsite_venue_requests_total", "Requests to venues and nodes, by how they ended.", ("server", "outcome")
)
VENUE_REQUEST_DURATION = Meter(
    "arbsite_venue_request_duration_seconds", "Time that venues and nodes took to answer.", ("server",), Kind.HISTOGRAM
)

HTTP_REQUESTS = Meter("arbsite_http_requests_total", "Pages served.", ("method", "status"))
HTTP_DURATION = Meter("arbsite_http_request_duration_seconds", "Time that pages took.", (), Kind.HISTOGRAM)

MEMORY = Meter("arbsite_process_memory_bytes", "Resident memory, children included.", (), Kind.GAUGE)
CPU = Meter("arbsite_process_cpu_seconds_total", "Processor time, children included.")
CHILDREN = Meter("arbsite_process_children", "Processes below this one.", (), Kind.GAUGE)
OPEN_FILES = Meter("arbsite_process_open_files", "Open files and sockets.", (), Kind.GAUGE)
STARTED = Meter("arbsite_process_start_time_seconds", "When the process started, since 1970.", (), Kind.GAUGE)
BUILD = Meter("arbsite_build_info", "What runs here: always 1.", ("mode", "commit"), Kind.GAUGE)
