"""How it reads in a log when a server, a broker or a process went away under somebody."""

import re

SPEAKS_OF_AN_OUTAGE = re.compile(
    r"connect|OperationalError|InterfaceError|AdminShutdown|CrashShutdown|CannotConnectNow|IdleInTransaction"
    r"|WorkerLostError|TimeLimit|TimeoutError|[Tt]imed? ?out|BrokenPipe|ConnectionReset|closed the|terminat"
    r"|starting up|shutting down|recovery|unreachable|database|broker|redis|exited with|SIGKILL|signal 9",
    re.IGNORECASE,
)
