"""Which processes make up the system, what each runs, and which secrets each may see."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from arbsite import config
from arbsite.config import Arb
from arbsite.embedded.ports import HOST, is_free, reserve
from domain.errors import BadInput

SERVERS = ("DATABASE_URL", "REDIS_URL")  # every process reaches both
_TRADE_KEYS = ("KRAKEN_API_KEY", "KRAKEN_API_SECRET", "ALPACA_API_KEY", "ALPACA_API_SECRET", "WALLET_PRIVATE_KEY")
_READ_KEYS = ("KRAKEN_READ_API_KEY", "KRAKEN_READ_API_SECRET", "ALPACA_READ_API_KEY", "ALPACA_READ_API_SECRET")
_DATA_KEYS = ("ALPACA_DATA_API_KEY", "ALPACA_DATA_API_SECRET")
_NODES = (  # an address of a node may hold a key
    "ALCHEMY_API_KEY",
    "ARB_ETHEREUM_RPC_URLS",
    "ARB_ETHEREUM_WS_URL",
    "ARB_POLYGON_RPC_URLS",
    "ARB_POLYGON_WS_URL",
)
_ALERTS = ("ARB_ALERT_URLS",)

MOST_ML_KIB = 600_000  # a child that its work has made larger is replaced after its task
PREFERRED_WEB_PORT = 8000
PREFERRED_FLOWER_PORT = 5555


@dataclass(frozen=True, slots=True)
class Ports:
    """Where people find the web pages, on 127.0.0.1."""

    web: int
    flower: int


@dataclass(frozen=True, slots=True)
class Process:
    """One row of the table: a name, a command line, and the secret variables it may see."""

    name: str
    argv: tuple[str, ...]
    secrets: tuple[str, ...] = ()
    queue: str | None = None
    port: int | None = None  # reserved for it until it starts, as the next one
    metrics_port: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)  # of its own, beside what all are given

    @property
    def tells_metrics(self) -> bool:
        """Whether it serves its metrics at ``ARB_METRICS_ADDRESS``; Flower has its own, on its page's port."""
        return self.name != "flower"

    @property
    def ports(self) -> tuple[int, ...]:
        """Return what is reserved for it until it starts."""
        return tuple(port for port in (self.port, self.metrics_port) if port is not None)

    def environ(self) -> dict[str, str]:
        """Return the environment it runs in: of the secrets, those of its row alone."""
        environ = config.child_environ((*SERVERS, *self.secrets))
        if self.name == "flower":
            environ["FLOWER_BASIC_AUTH"] = flower_login(config.current())
        return environ | dict(self.variables)


def choose_ports(arb: Arb) -> Ports:
    """Return the ports the settings fix, else the usual or free ones, reserved until their processes start.

    Raises: BadInput if a fixed one is taken.
    """
    web = _port("ARB_WEB_PORT", arb.web.port, PREFERRED_WEB_PORT)
    return Ports(web=web, flower=_port("ARB_FLOWER_PORT", arb.web.flower_port, PREFERRED_FLOWER_PORT))


def flower_login(arb: Arb) -> str:
    """Return ``user:password`` for Flower, the password generated where none is set."""
    password = arb.web.flower_password or config.generated_password(arb.state_dir, "flower_password")
    return f"{arb.web.flower_user}:{password.reveal()}"


def table(ports: Ports, *, host: str = HOST, partitions: int = 1) -> tuple[Process, ...]:
    """Return every process, those that trade first; pages are served on ``host``.

    So many ``partitions`` have a stream and a scan worker each, numbered from 1.
    """
    stream = Process("stream", (sys.executable, "manage.py", "stream"), secrets=(*_DATA_KEYS, *_NODES))
    scan = _worker("scan", "solo", secrets=(*_ALERTS, *_NODES))  # delivers alerts, scans pools where no stream does
    return (
        _worker("execution", "prefork", secrets=(*_TRADE_KEYS, *_NODES)),
        *_partitioned(stream, partitions),
        *_partitioned(scan, partitions),
        Process("beat", _celery("beat", "--loglevel=INFO", "--pidfile=")),
        web(ports.web, host=host),
        _worker("account", "solo", secrets=(*_READ_KEYS, *_NODES)),
        _worker(
            "ml",
            "prefork",
            secrets=("MLFLOW_TRACKING_URI", "ARB_RESTORE_URL"),
            children=2,  # a training or a restore test takes minutes: the other goes on, canaries first of all
            limits=(f"--max-memory-per-child={MOST_ML_KIB}",),
        ),
        _flower(ports.flower, host),
    )


def web(port: int, *, host: str = HOST) -> Process:
    """Return the process that serves the admin."""
    options = (f"--bind={host}:{port}", "--workers=1", "--threads=4", "--graceful-timeout=5", "--no-control-socket")
    argv = (sys.executable, "-m", "gunicorn", "arbsite.wsgi:application", *options)
    return Process("web", argv, secrets=("ARB_SECRET_KEY", "ARB_HOOK_TOKEN"), port=port)


def sharing_one_key(processes: Sequence[Process]) -> tuple[Process, ...]:
    """Return the processes with the market-data key left to one stream alone: Alpaca allows a key one connection.

    The other streams ask Alpaca at a pace; where each runs with an environment of its own it has a key of its own.
    """
    return tuple(
        replace(one, secrets=tuple(name for name in one.secrets if name not in _DATA_KEYS))
        if one.variables.get("ARB_PARTITION", "1") != "1"
        else one
        for one in processes
    )


def named(processes: Sequence[Process], *names: str) -> tuple[Process, ...]:
    """Return the rows of ``names``. Raises: BadInput if one is unknown."""
    known = {process.name: process for process in processes}
    for name in names:
        if name not in known:
            raise BadInput(f"there is no process {name!r}: there are {', '.join(known)}")
    return tuple(known[name] for name in names)


def _worker(
    queue: str, pool: str, *, secrets: tuple[str, ...], children: int = 1, limits: tuple[str, ...] = ()
) -> Process:
    # a pool alone knows limits of time
    concurrency = (f"--concurrency={children}", *limits) if pool == "prefork" else ()
    options = (f"--queues={queue}", f"--pool={pool}", *concurrency, f"--hostname={queue}@%h", "--loglevel=INFO")
    quiet = ("--events", "--without-gossip", "--without-mingle")
    return Process(f"worker-{queue}", _celery("worker", *options, *quiet), secrets=secrets, queue=queue)


def _partitioned(process: Process, partitions: int) -> tuple[Process, ...]:
    if partitions == 1:
        return (process,)
    return tuple(_numbered(process, index) for index in range(1, partitions + 1))


def _numbered(process: Process, index: int) -> Process:
    argv = tuple(part.replace("--hostname=scan@", f"--hostname=scan-{index}@") for part in process.argv)
    return replace(process, name=f"{process.name}-{index}", argv=argv, variables={"ARB_PARTITION": str(index)})


def _flower(port: int, host: str) -> Process:
    argv = _celery("flower", f"--address={host}", f"--port={port}")
    return Process("flower", argv, secrets=("ARB_FLOWER_PASSWORD",), port=port)


def _celery(verb: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--app=arbsite.celery", verb, *options)


def _port(variable: str, fixed: int | None, preferred: int) -> int:
    if fixed is None:
        return reserve(preferred)
    if not is_free(fixed):
        raise BadInput(
            f"{variable} is {fixed}, but something listens on that port already: "
            "end it, name another port, or leave the variable out and a free one is chosen"
        )
    return fixed
