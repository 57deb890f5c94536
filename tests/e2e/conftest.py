"""What the tests of whole systems share."""

import pytest

from tests.e2e.running import RunningDemo, lend_chain


@pytest.fixture
def start(public_folder):
    demos = []

    def _start(*options: str, **variables: str) -> RunningDemo:
        lend_chain(public_folder / "state")
        demos.append(RunningDemo(public_folder / "state", *options, **variables))
        return demos[-1]

    yield _start
    for demo in demos:
        demo.end()
