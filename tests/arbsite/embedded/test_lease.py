"""Sharing the embedded servers: started by the first user, ended by the last, back after any kill."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis

from arbsite.embedded import Lease, acquire
from arbsite.embedded.layout import Account, Layout
from arbsite.embedded.postgres import Postgres
from arbsite.embedded.status import read_status
from arbsite.embedded.valkey import Valkey
from domain.errors import Unreachable
from domain.scope import Mode

_USER = """
import sys, time
from pathlib import Path
from arbsite.embedded import acquire
lease = acquire(Path(sys.argv[1]))
print(lease.status.postgres_port, flush=True)
sys.stdin.read()
lease.close()
"""


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    """Return one state folder for the tests that leave it sound: making its data takes most of their time."""
    with tempfile.TemporaryDirectory(prefix="arbsite-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "state"


def _start_user(state_dir: Path) -> subprocess.Popen[str]:
    user = subprocess.Popen(
        [sys.executable, "-c", _USER, str(state_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert user.stdout.readline().strip().isdigit()
    return user


def _server_pids(state_dir: Path) -> dict[str, int | None]:
    layout, account = Layout(state_dir), Account.for_servers()
    return {server.name: server.pid() for server in (Postgres(layout, account), Valkey(layout, account))}


def _keeper_pid(state_dir: Path) -> int:
    return read_status(Layout(state_dir).status).keeper_pid


def _eventually(holds: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def _answers(lease: Lease) -> bool:
    try:
        with psycopg.connect(lease.database_url(), connect_timeout=2) as database:
            database.execute("SELECT 1")
        return redis.Redis.from_url(lease.redis_url).ping()
    except (psycopg.OperationalError, redis.ConnectionError):
        return False


def _are_gone(state_dir: Path) -> bool:
    return _server_pids(state_dir) == {"postgres": None, "valkey": None}


def test_both_servers_answer_while_leased_and_are_gone_afterwards(state_dir):
    with acquire(state_dir) as lease:
        assert _answers(lease)
    assert _are_gone(state_dir)


def test_every_mode_has_its_database(state_dir):
    with acquire(state_dir) as lease:
        for mode, name in ((Mode.LIVE, "arbsite"), (Mode.SIM, "arbsite_sim"), (Mode.REPLAY, "arbsite_replay")):
            with psycopg.connect(lease.database_url(mode)) as database:
                assert database.execute("SELECT current_database()").fetchone() == (name,)


def test_without_the_password_neither_server_lets_anyone_in(state_dir):
    with acquire(state_dir) as lease:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://arbsite:guess@127.0.0.1:{lease.status.postgres_port}/arbsite")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=lease.status.valkey_port).ping()


def test_a_second_user_shares_the_servers_and_the_last_one_ends_them(state_dir):
    first, second = _start_user(state_dir), _start_user(state_dir)
    shared = _server_pids(state_dir)
    first.communicate()
    assert _server_pids(state_dir) == shared
    second.communicate()
    assert _are_gone(state_dir)


def test_users_that_start_at_once_share_one_pair_of_servers(state_dir):
    with ThreadPoolExecutor(4) as pool:
        users = list(pool.map(lambda _: _start_user(state_dir), range(4)))
    ports = {Postgres(Layout(state_dir), Account.for_servers()).running_port()}
    with acquire(state_dir) as lease:
        assert {lease.status.postgres_port} == ports
    for user in users:
        user.communicate()
    assert _are_gone(state_dir)


def test_a_user_that_is_killed_leaves_no_server_behind(state_dir):
    user = _start_user(state_dir)
    user.kill()
    user.communicate()
    _eventually(lambda: _are_gone(state_dir))


def test_a_killed_postgresql_is_back_on_its_port_with_every_commit(state_dir):
    with acquire(state_dir) as lease:
        with psycopg.connect(lease.database_url(), autocommit=True) as database:
            database.execute("CREATE TABLE kept (n int)")
            database.execute("INSERT INTO kept VALUES (7)")
        os.kill(_server_pids(state_dir)["postgres"], signal.SIGKILL)
        _eventually(lambda: _answers(lease))
        with psycopg.connect(lease.database_url()) as database:
            assert database.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_killed_valkey_is_back_on_its_port(state_dir):
    with acquire(state_dir) as lease:
        killed = _server_pids(state_dir)["valkey"]
        os.kill(killed, signal.SIGKILL)
        _eventually(lambda: _server_pids(state_dir)["valkey"] not in (None, killed) and _answers(lease))


def test_a_killed_keeper_is_replaced_by_one_that_takes_the_servers_over(state_dir):
    with acquire(state_dir) as lease:
        before, keeper = _server_pids(state_dir), _keeper_pid(state_dir)
        os.kill(keeper, signal.SIGKILL)
        _eventually(lambda: lease.keep() or _keeper_pid_or_zero(state_dir) not in (0, keeper))
        assert _server_pids(state_dir) == before
        os.kill(before["postgres"], signal.SIGKILL)
        _eventually(lambda: _answers(lease))
    assert _are_gone(state_dir)


def _keeper_pid_or_zero(state_dir: Path) -> int:
    status = read_status(Layout(state_dir).status)
    return status.keeper_pid if status else 0


def test_servers_orphaned_by_kills_are_taken_over_by_the_next_command(state_dir):
    user = _start_user(state_dir)
    orphans = _server_pids(state_dir)
    os.kill(_keeper_pid(state_dir), signal.SIGKILL)
    user.kill()
    user.communicate()
    with acquire(state_dir) as lease:
        assert _server_pids(state_dir) == orphans
        assert _answers(lease)
    assert _are_gone(state_dir)


def test_a_keeper_killed_unnoticed_does_not_leave_servers_behind_its_last_user(state_dir):
    lease = acquire(state_dir)
    os.kill(_keeper_pid(state_dir), signal.SIGKILL)
    lease.close()
    assert _are_gone(state_dir)


def test_a_pid_file_that_names_another_living_process_is_no_hindrance(state_dir):
    acquire(state_dir).close()
    stale = state_dir / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n0\n1\n\n127.0.0.1\n\nready\n")
    with acquire(state_dir) as lease:
        assert _answers(lease)


def test_a_port_taken_since_the_last_time_is_replaced(state_dir):
    with acquire(state_dir) as lease:
        before = lease.status
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", before.postgres_port))
        squatter.listen()
        with acquire(state_dir) as lease:
            assert lease.status.postgres_port != before.postgres_port
            assert _answers(lease)


def test_half_made_data_is_made_again(public_folder):
    state_dir = public_folder / "state"
    (state_dir / "postgres" / "data.draft").mkdir(parents=True)
    (state_dir / "postgres" / "data.draft" / "PG_VERSION").write_text("18\n")
    with acquire(state_dir) as lease:
        assert _answers(lease)


def test_a_server_that_cannot_start_is_reported_with_the_end_of_its_log(public_folder):
    state_dir = public_folder / "state"
    acquire(state_dir).close()
    (state_dir / "postgres" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(Unreachable, match="pg_control"):
        acquire(state_dir)
    assert _are_gone(state_dir)


def test_a_state_folder_that_cannot_be_made_is_named(public_folder):
    (public_folder / "file").touch()
    with pytest.raises(Unreachable, match=str(public_folder / "file")):
        acquire(public_folder / "file" / "state")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_named(public_folder):
    public_folder.chmod(0o555)
    with pytest.raises(Unreachable, match=str(public_folder)):
        acquire(public_folder / "state")
    public_folder.chmod(0o711)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder somebody else's")
def test_a_folder_of_somebody_else_is_refused(public_folder):
    (public_folder / "state").mkdir()
    os.chown(public_folder / "state", 65534, 65534)
    with pytest.raises(Unreachable, match="belongs to another user"):
        acquire(public_folder / "state")


def test_a_folder_that_anybody_may_write_in_is_refused(public_folder):
    (public_folder / "state").mkdir()
    (public_folder / "state").chmod(0o777)
    with pytest.raises(Unreachable, match="chmod o-w"):
        acquire(public_folder / "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers run as that user")
def test_a_folder_that_the_servers_account_cannot_reach_is_named(public_folder):
    (public_folder / "private").mkdir(mode=0o700)
    with pytest.raises(Unreachable, match=f"{public_folder}/private"):
        acquire(public_folder / "private" / "state")


def test_permissions_outside_the_state_folder_never_change(state_dir):
    def modes() -> list[tuple[int, int]]:
        parents = [*Path(sys.prefix).parents, Path(sys.prefix), *state_dir.parents]
        return [(path.stat().st_mode, path.stat().st_uid) for path in parents]

    before = modes()
    acquire(state_dir).close()
    assert modes() == before
