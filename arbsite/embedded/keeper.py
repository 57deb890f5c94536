"""The keeper: one process that starts both servers, restarts one that dies, and ends them when the last user left."""

import os
import signal
import sys
import time
from pathlib import Path

from arbsite.embedded.layout import Account, Layout
from arbsite.embedded.locks import open_lock, try_alone
from arbsite.embedded.postgres import Postgres
from arbsite.embedded.server import Server
from arbsite.embedded.status import Status, write_status
from arbsite.embedded.valkey import Valkey
from domain.errors import ArbError

_TICK_S = 0.1
_LONGEST_WAIT_S = 5.0


class Keeper:
    """Keeps the servers of one state folder while anyone uses them."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        account = Account.for_servers()
        account.check_reaches(layout.state_dir)
        self.postgres = Postgres(layout, account)
        self.valkey = Valkey(layout, account)
        self.servers: tuple[Server, ...] = (self.valkey, self.postgres)
        self.is_told_to_end = False
        self._waits_s = dict.fromkeys(self.servers, 0.0)
        self._next_start_at = dict.fromkeys(self.servers, 0.0)

    def run(self) -> None:
        """Keep the servers until nobody uses them. Raises: Unreachable if one cannot start."""
        try:
            for server in self.servers:
                server.begin()
            write_status(self.layout.status, Status(self.postgres.port, self.valkey.port, os.getpid()))
            self._keep()
        finally:
            for server in reversed(self.servers):
                server.stop()

    def end(self, *_: object) -> None:
        """End at the next tick."""
        self.is_told_to_end = True

    def _keep(self) -> None:
        users = open_lock(self.layout.users_lock)
        # the lock, once ours, stays ours until the servers are gone: a new command waits for that
        while not (self.is_told_to_end or try_alone(users)):
            for server in self.servers:
                self._restart_if_dead(server)
            time.sleep(_TICK_S)
        self.layout.status.unlink(missing_ok=True)

    def _restart_if_dead(self, server: Server) -> None:
        now = time.monotonic()
        if server.pid() is not None:
            if server.is_ready():
                self._waits_s[server] = 0.0
            return
        if now < self._next_start_at[server]:
            return
        print(f"{server.name} is gone: starting it again on port {server.port}", flush=True)
        server.spawn()
        self._waits_s[server] = min(2 * self._waits_s[server] + 2 * _TICK_S, _LONGEST_WAIT_S)
        self._next_start_at[server] = now + self._waits_s[server]


def main(state_dir: str, keeper_lock: str) -> int:
    """Keep the servers of ``state_dir``; the inherited descriptor holds the keeper's lock until this process ends."""
    layout = Layout(Path(state_dir))
    os.set_inheritable(int(keeper_lock), False)  # a server must not outlive us with our lock
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        keeper = Keeper(layout)
        signal.signal(signal.SIGTERM, keeper.end)
        keeper.run()
    except (ArbError, OSError) as error:
        write_status(layout.status, Status(keeper_pid=os.getpid(), error=str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
