"""What the tests of whole systems share."""

import pytest

from tests.e2e.running import RunningDemo


@pytest.fixture
def start(public_folder):
    demos = []

    def _start(*options: str, **variables: str) -> RunningDemo:
        demos.append(RunningDemo(public_folder / "state", *options, **variables))
        return demos[-1]

    yield _start
    for demo in demos:
        demo.end()
