"""The embedded PostgreSQL: durable commits, passwords always, loopback only."""

import shutil
import signal
import subprocess
from pathlib import Path

from arbsite.config import DATABASE_SUFFIX, generated_secret
from arbsite.embedded.binaries import postgres_programs
from arbsite.embedded.layout import BASE_NAME, Account, Layout
from arbsite.embedded.ports import HOST
from arbsite.embedded.server import Server
from domain.errors import Unreachable

ROLE = BASE_NAME
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


class Postgres(Server):
    """A PostgreSQL whose data folder appears only once it is whole, the databases of every mode included."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: sessions end, everything committed is on disk
    initdb_options: tuple[str, ...] = ()

    def __init__(self, layout: Layout, account: Account) -> None:
        super().__init__(layout, account)
        self.password = generated_secret(layout.state_dir, "postgres_password")

    @property
    def folder(self) -> Path:
        return self.layout.postgres

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o711, exist_ok=True)
        if not self.data.exists():
            self._make_data()
        if self._pid_was_reused():
            self.pid_file.unlink(missing_ok=True)

    def command(self) -> list[str]:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self.data), "-p", str(self.port), *settings]

    def is_ready(self) -> bool:
        return self.pid() is not None and self._status_line(7) == "ready"

    def running_port(self) -> int:
        return int(self._status_line(3))

    def _status_line(self, index: int) -> str:
        # postmaster.pid: pid, data folder, start, port, socket folder, address, shared memory, state
        try:
            lines = self.pid_file.read_text(encoding="utf-8").splitlines()
        except OSError:
            return ""
        return lines[index].strip() if index < len(lines) else ""

    def _pid_was_reused(self) -> bool:
        """Whether the pid file names a living process that is no server: PostgreSQL would take it for one."""
        pid = self._status_line(0)
        return pid.isdigit() and Path(f"/proc/{pid}").exists()

    def _make_data(self) -> None:
        draft = self.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        self._initdb(draft)
        self._create_databases(draft)
        draft.rename(self.data)

    def _initdb(self, draft: Path) -> None:
        password_file = self.folder / "initdb-password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.password.reveal(), encoding="utf-8")
        self.account.own(password_file)
        try:
            self._run(
                self._program("initdb"),
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
                *self.initdb_options,
                f"--username={ROLE}",
                f"--pwfile={password_file}",
                f"--pgdata={draft}",
            )
        finally:
            password_file.unlink()

    def _create_databases(self, draft: Path) -> None:
        names = sorted({BASE_NAME + suffix for suffix in DATABASE_SUFFIX.values()})
        statements = "".join(f"CREATE DATABASE {name}\n" for name in names)  # single-user mode: a line a statement
        self._run(self._program("postgres"), "--single", "-D", str(draft), "postgres", given=statements)

    def _run(self, *command: str, given: str = "") -> None:
        done = subprocess.run(
            command,
            input=given.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **self.conditions(),
        )
        if done.returncode != 0:
            said = "\n".join(done.stdout.decode(errors="replace").splitlines()[-8:])
            raise Unreachable(f"PostgreSQL's data cannot be made in {self.folder}:\n{said}")

    def _program(self, name: str) -> str:
        return str(postgres_programs(self.layout, self.account) / name)
