"""An empty PostgreSQL of its own to restore into: fast, on loopback, gone at the end however that comes."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arbsite.config import Database, claim_state_dir
from arbsite.embedded import locks
from arbsite.embedded.layout import BASE_NAME, Account, Layout
from arbsite.embedded.ports import HOST
from arbsite.embedded.postgres import ROLE, Postgres

_PREFIX = "restore-test-"
_LOCK = "in-use.lock"
_FAST = {  # what is lost with the machine is tested again
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "maintenance_work_mem": "128MB",
}


class FastPostgres(Postgres):
    """A server whose data nobody minds losing."""

    stop_signal = signal.SIGQUIT  # at once: there is nothing to keep
    initdb_options = ("--no-sync",)

    def command(self) -> list[str]:
        return [*super().command(), *(part for name, value in _FAST.items() for part in ("-c", f"{name}={value}"))]


@contextmanager
def empty_cluster(state_dir: Path) -> Iterator[Database]:
    """Yield a new server, its data gone afterwards; what killed ones left in ``state_dir`` is cleared away first.

    Raises: Unreachable.
    """
    account = Account.for_servers()
    for left in claim_state_dir(state_dir).glob(f"{_PREFIX}*"):
        _clear_unused(left, account)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=state_dir))
    folder.chmod(0o711)
    lock = locks.open_lock(folder / _LOCK)
    locks.share(lock)
    server = FastPostgres(Layout(folder), account)
    try:
        server.begin()
        yield Database(
            host=HOST,
            port=server.port,
            base_name=BASE_NAME,
            name=BASE_NAME,
            user=ROLE,
            password=server.password,
            options={},
            is_embedded=True,
        )
    finally:
        server.stop()
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _clear_unused(folder: Path, account: Account) -> None:
    lock = locks.open_lock(folder / _LOCK)
    try:
        if locks.try_alone(lock):
            FastPostgres(Layout(folder), account).stop()
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
