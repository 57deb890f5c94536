"""Where the embedded servers keep what, and as whom they run."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Unreachable

BASE_NAME = "arbsite"


@dataclass(frozen=True, slots=True)
class Account:
    """The account that servers run as: nobody where we are root, because PostgreSQL refuses root."""

    uid: int
    gid: int

    @classmethod
    def for_servers(cls) -> "Account":
        """Return the account for this process's servers."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def is_other(self) -> bool:
        """Whether servers run as somebody else than this process."""
        return self.uid != os.geteuid()

    def check_reaches(self, folder: Path) -> None:
        """Raise Unreachable if this account may not pass through to ``folder``: we never open what is above it."""
        for parent in (folder, *folder.parents) if self.is_other else ():
            if not parent.stat().st_mode & 0o001:
                raise Unreachable(
                    f"the servers run as nobody, who cannot pass through {parent}: name another folder in ARB_STATE_DIR"
                )

    def own(self, path: Path) -> None:
        """Hand ``path``, one of our own, to this account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files below the state folder."""

    state_dir: Path

    @property
    def users_lock(self) -> Path:
        """Shared by every command that uses the servers; alone in the keeper's hands it means nobody does."""
        return self.state_dir / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the one keeper while it lives."""
        return self.state_dir / "keeper.lock"

    @property
    def status(self) -> Path:
        """What the living keeper says about its servers."""
        return self.state_dir / "services.json"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's folder."""
        return self.state_dir / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's folder."""
        return self.state_dir / "valkey"

    @property
    def binaries(self) -> Path:
        """Copies of the binaries, for an account that cannot read the environment."""
        return self.state_dir / "binaries"

    def log(self, name: str) -> Path:
        """Return the log of one of keeper, postgres and valkey."""
        return self.state_dir / "logs" / f"{name}.log"
