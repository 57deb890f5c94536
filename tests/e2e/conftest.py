"""What the tests of whole systems share."""

from pathlib import Path

import pytest

from arbsite import config
from tests.e2e.running import RunningDemo


@pytest.fixture
def start(public_folder):
    demos = []

    def _start(*options: str, **variables: str) -> RunningDemo:
        _lend_chain(public_folder / "state")
        demos.append(RunningDemo(public_folder / "state", *options, **variables))
        return demos[-1]

    yield _start
    for demo in demos:
        demo.end()


def _lend_chain(state_dir: Path) -> None:
    """Let a demo find the local chain that was fetched for the tests, so that it fetches none."""
    state_dir.mkdir(mode=0o711, exist_ok=True)
    fetched, lent = config.current().state_dir / "chain", state_dir / "chain"
    if fetched.exists() and not lent.exists():
        lent.symlink_to(fetched)
