"""A lease on the embedded servers: whoever holds one keeps them running; the last one to leave ends them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from arbsite.config import DATABASE_SUFFIX, claim_state_dir, generated_secret
from arbsite.embedded import locks
from arbsite.embedded.layout import BASE_NAME, Account, Layout
from arbsite.embedded.ports import HOST
from arbsite.embedded.postgres import ROLE, Postgres
from arbsite.embedded.status import Status, read_status
from arbsite.embedded.valkey import Valkey
from domain.errors import Unreachable
from domain.scope import Mode

_CHECKOUT = Path(__file__).resolve().parent.parent.parent
_READY_S = 90.0
_LEAVE_S = 10.0


class Lease:
    """The right to use the servers until ``close``, or until this process dies."""

    def __init__(self, layout: Layout, users: int) -> None:
        self.layout = layout
        self.status = Status()
        self._users = users
        self._keepers: list[subprocess.Popen[bytes]] = []

    def database_url(self, mode: Mode | None = None) -> str:
        """Return the address of the database of ``mode``, or under the base name that every mode shares."""
        password = generated_secret(self.layout.state_dir, "postgres_password").reveal()
        name = BASE_NAME + (DATABASE_SUFFIX[mode] if mode else "")
        return f"postgresql://{ROLE}:{quote(password)}@{HOST}:{self.status.postgres_port}/{name}"

    @property
    def redis_url(self) -> str:
        """Return the address of Valkey."""
        password = generated_secret(self.layout.state_dir, "valkey_password").reveal()
        return f"redis://:{quote(password)}@{HOST}:{self.status.valkey_port}/0"

    def keep(self) -> None:
        """Start a new keeper where the last one was killed; it takes the running servers over."""
        lock = locks.open_lock(self.layout.keeper_lock)
        try:
            if locks.try_alone(lock):
                # under the lock: whatever status there is was left behind by a dead keeper
                self.layout.status.unlink(missing_ok=True)
                self._keepers.append(_spawn_keeper(self.layout, lock))
        finally:
            os.close(lock)

    def wait_until_ready(self) -> None:
        """Wait for both servers. Raises: Unreachable with the reason and the end of the log."""
        deadline = time.monotonic() + _READY_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise Unreachable(f"the embedded servers are not ready after {_READY_S:.0f} s: see {self._logs()}")
            self._replace_keeper_that_died()
            time.sleep(0.01)

    def close(self) -> None:
        """Give the lease back; the last user waits until the servers have ended."""
        if self._users < 0:
            return
        while True:
            self.keep()  # without a keeper nobody would end the servers
            is_last = locks.try_alone(self._users)
            locks.release(self._users)
            if not is_last or self._have_ended():
                break
            locks.share(self._users)  # the keeper was killed in between: the next one does it
        os.close(self._users)
        self._users = -1
        for keeper in self._keepers:
            keeper.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _is_ready(self) -> bool:
        status = read_status(self.layout.status)
        if status is None:
            return False
        if status.error:
            raise Unreachable(status.error)
        self.status = status
        account = Account.for_servers()
        valkey = Valkey(self.layout, account)
        valkey.port = status.valkey_port
        return valkey.is_ready() and Postgres(self.layout, account).is_ready()

    def _replace_keeper_that_died(self) -> None:
        if self._keepers and self._keepers[-1].poll() is None:
            return
        if len(self._keepers) >= 3 and read_status(self.layout.status) is None:
            raise Unreachable(f"the keeper of the embedded servers dies without a word: see {self._logs()}")
        if read_status(self.layout.status) is None:
            self.keep()

    def _have_ended(self) -> bool:
        """Wait for the keeper's end, and return False if it was killed with servers still running."""
        began = time.monotonic()
        lock = locks.open_lock(self.layout.keeper_lock)
        try:
            while not locks.try_share(lock):
                waited_s = time.monotonic() - began
                if waited_s > _LEAVE_S or (waited_s > 1 and self._has_new_users()):
                    return True
                time.sleep(0.02)
            status = read_status(self.layout.status)
            return status is None or bool(status.error)  # a keeper that ended in good order took its status down
        finally:
            os.close(lock)

    def _has_new_users(self) -> bool:
        # the keeper holds this lock alone while it ends the servers
        is_shared = locks.try_share(self._users)
        locks.release(self._users)
        return is_shared

    def _logs(self) -> Path:
        return self.layout.log("keeper").parent


def acquire(state_dir: Path) -> Lease:
    """Return a lease on the servers of ``state_dir``, started if none run. Raises: Unreachable."""
    layout = Layout(claim_state_dir(state_dir))
    users = locks.open_lock(layout.users_lock)
    locks.share(users)  # waits while a keeper ends the servers of the last user
    lease = Lease(layout, users)
    try:
        lease.keep()
        lease.wait_until_ready()
    except BaseException:
        os.close(users)
        raise
    return lease


def _spawn_keeper(layout: Layout, lock: int) -> "subprocess.Popen[bytes]":
    log = layout.log("keeper")
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "arbsite.embedded.keeper", str(layout.state_dir), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=_CHECKOUT,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            pass_fds=(lock,),
            start_new_session=True,
        )
