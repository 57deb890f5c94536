"""The embedded Valkey: append-only file, a password, loopback only, nothing evicted."""

import socket
from pathlib import Path

from arbsite.config import generated_secret
from arbsite.embedded.binaries import valkey_program
from arbsite.embedded.layout import Account, Layout
from arbsite.embedded.ports import HOST
from arbsite.embedded.server import Server


class Valkey(Server):
    """A Valkey that loses at most a second of messages; what must not be lost is in the database."""

    name = "valkey"

    def __init__(self, layout: Layout, account: Account) -> None:
        super().__init__(layout, account)
        self.password = generated_secret(layout.state_dir, "valkey_password")

    @property
    def folder(self) -> Path:
        return self.layout.valkey

    @property
    def data(self) -> Path:
        """The data folder, which it alone writes."""
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        return self.data / "valkey.pid"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o711, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.account.own(self.data)

    def command(self) -> list[str]:
        self._write_config()
        return [str(valkey_program(self.layout, self.account)), str(self._config)]

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password.reveal()}\r\nPING\r\n".encode())
                said = connection.makefile("rb")
                return said.readline() == b"+OK\r\n" and said.readline() == b"+PONG\r\n"
        except OSError:
            return False

    def running_port(self) -> int:
        settings = dict(line.split(" ", 1) for line in self._config.read_text(encoding="utf-8").splitlines())
        return int(settings["port"])

    @property
    def _config(self) -> Path:
        return self.folder / "valkey.conf"

    def _write_config(self) -> None:
        # in a file, because a command line is everybody's to read
        settings = {
            "bind": HOST,
            "port": str(self.port),
            "requirepass": self.password.reveal(),
            "dir": f'"{self.data}"',
            "pidfile": f'"{self.pid_file}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "set-proc-title": "no",
            "loglevel": "warning",
        }
        self._config.unlink(missing_ok=True)
        self._config.touch(mode=0o600)
        self._config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8")
        self.account.own(self._config)
