"""A watched market, and a venue that tells of it."""

import pytest

from tests.trading.services.volatility.watching import Teller, Watch


@pytest.fixture
def watch(db: None) -> Watch:
    return Watch()


@pytest.fixture
def teller(watch: Watch) -> Teller:
    """Return what venue ``a`` tells."""
    watch.sources["a"] = teller = Teller()
    return teller
