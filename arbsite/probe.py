"""Is one process at its work? Asked from outside, as container engines do: exit 0 or 1, with a sentence.

    python -m arbsite.probe queue scan|account|execution|ml
    python -m arbsite.probe beat | stream | web | flower  [--port N]

Nobody is asked whether it is alive: a worker has consumed its canary lately, beat has beaten, the stream has told of
its venues. Django stays out, so that an answer takes a fraction of a second.
"""

import argparse
import sys
from typing import Any

from arbsite import config
from arbsite.config import Arb
from arbsite.embedded.ports import HOST
from arbsite.processes import PREFERRED_FLOWER_PORT, PREFERRED_WEB_PORT
from domain.errors import ArbError, Unreachable
from ops.queues import BEAT, STALE_AFTER_S, Queue
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key

STREAM_SILENT_AFTER_S = 15.0  # it tells of its venues once a second, whatever they do
_PATIENCE_S = 2
_CONSUMED_AGO_S = """
SELECT extract(epoch FROM now() - consumed_at)::float8 FROM ops_canary WHERE mode = %s AND run_id = %s AND queue = %s
"""


def main(argv: list[str]) -> int:
    """Print how the process that ``argv`` names is, and return 0 where it is at its work, else 1."""
    asked = _parser().parse_args(argv)
    try:
        is_well, sentence = _ask(asked, config.current())
    except ArbError as error:
        is_well, sentence = False, str(error)
    print(sentence, file=sys.stdout if is_well else sys.stderr)
    return 0 if is_well else 1


def queue(arb: Arb, name: str) -> tuple[bool, str]:
    """Return whether the canary of ``name`` came through lately. Raises: Unreachable."""
    import psycopg  # late, as each client below: a probe pays for the one that it uses

    database, columns = arb.database, arb.scope.columns
    if not database.port:
        raise Unreachable("no database server is named: an embedded one is known to its own processes alone")
    named: dict[str, Any] = database.parameters_of(database.name) | {"connect_timeout": _PATIENCE_S}
    try:
        with psycopg.connect(**named, password=database.password.reveal()) as server:
            row = server.execute(_CONSUMED_AGO_S, [columns["mode"], columns["run_id"], name]).fetchone()
    except psycopg.Error as error:
        raise Unreachable(f"the database cannot be asked: {type(error).__name__}") from None
    return _judged(name, row[0] if row else None, within_s=STALE_AFTER_S)


def stream(arb: Arb) -> tuple[bool, str]:
    """Return whether the stream has told of its venues lately. Raises: Unreachable."""
    from redis.exceptions import RedisError  # late

    from arbsite.redis_client import hasty_client

    try:
        with hasty_client(arb.redis_url, _PATIENCE_S) as client:
            left_ms = client.pttl(board_key(arb.scope, arb.partition.index if arb.partition.count > 1 else None))
    except (RedisError, OSError) as error:
        raise Unreachable(f"Redis cannot be asked: {type(error).__name__}") from None
    ago_s = BOARD_EXPIRE_S - left_ms / 1000 if left_ms > 0 else None
    return _judged("stream", ago_s, within_s=STREAM_SILENT_AFTER_S)


def page(name: str, path: str, *, port: int, host: str) -> tuple[bool, str]:
    """Return whether a page of this machine answers 200. Raises: Unreachable."""
    from http.client import HTTPConnection, HTTPException  # late

    connection = HTTPConnection(HOST, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Host": host})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{name} does not answer on port {port}: {type(error).__name__}") from None
    finally:
        connection.close()
    return status == 200, f"{name} answers {status}"


def _ask(asked: argparse.Namespace, arb: Arb) -> tuple[bool, str]:
    match asked.what:
        case "queue":
            return queue(arb, asked.name)
        case "beat":
            return queue(arb, BEAT)
        case "stream":
            return stream(arb)
        case "web":
            port = asked.port or arb.web.port or PREFERRED_WEB_PORT
            return page("web", "/healthz", port=port, host=_host_of(arb))
        case _:
            port = asked.port or arb.web.flower_port or PREFERRED_FLOWER_PORT
            return page("flower", "/healthcheck", port=port, host=HOST)


def _judged(name: str, ago_s: float | None, *, within_s: float) -> tuple[bool, str]:
    if ago_s is None:
        return False, f"{name} has given no sign of life"
    if ago_s > within_s:
        return False, f"{name} has been silent for {ago_s:.0f} s, and {within_s:.0f} s are allowed"
    return True, f"{name} gave a sign of life {max(0.0, ago_s):.0f} s ago"


def _host_of(arb: Arb) -> str:
    """Return a host name that the web process answers to."""
    first = arb.web.allowed_hosts[0] if arb.web.allowed_hosts else "*"
    return HOST if first == "*" else first.removeprefix(".")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m arbsite.probe", description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="what", required=True)
    kinds.add_parser("queue", help="a worker").add_argument("name", choices=[one.value for one in Queue])
    kinds.add_parser("beat")
    kinds.add_parser("stream")
    for name in ("web", "flower"):
        kinds.add_parser(name).add_argument("--port", type=int)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
