"""What the tests of models share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def mlflow_folder(tmp_path_factory) -> Iterator[object]:
    """Return the folder of one embedded MLflow store: making its tables takes seconds, so all tests share it."""
    yield tmp_path_factory.mktemp("mlflow")
