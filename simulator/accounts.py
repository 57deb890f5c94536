"""The accounts that the doubles keep: keys everyone may know, what each may do, and opening balances."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Credential:
    """A key and its secret; demo values that open nothing but a double."""

    key: str
    secret: str = field(repr=False)
    permissions: tuple[str, ...] = ()


READ = ("query-funds", "query-open-trades", "query-closed-trades")
TRADE = (*READ, "modify-trades", "close-trades")


def _kraken(name: str, permissions: tuple[str, ...]) -> Credential:
    secret = base64.b64encode(f"arbsite simulated kraken {name} secret".encode().ljust(64, b".")).decode()
    return Credential(f"SIM-KRAKEN-{name.upper()}", secret, permissions)


def _alpaca(name: str, permissions: tuple[str, ...]) -> Credential:
    return Credential(f"SIM-ALPACA-{name.upper()}", f"simulated-alpaca-{name}-secret", permissions)


KRAKEN_TRADE = _kraken("trade", TRADE)
KRAKEN_READ = _kraken("read", READ)
ALPACA_TRADE = _alpaca("trade", TRADE)
ALPACA_READ = _alpaca("read", READ)
ALPACA_DATA = _alpaca("data", READ)

COINS = {
    "BTC": Decimal("0.75"),
    "ETH": Decimal(15),
    "SOL": Decimal(300),
    "LTC": Decimal(400),
    "LINK": Decimal(2500),
    "DOGE": Decimal(250000),
    "AVAX": Decimal(1000),
    "DOT": Decimal(5000),
}
KRAKEN_BALANCES: Mapping[str, Decimal] = {"USD": Decimal(50000), "USDC": Decimal(10000), **COINS}
ALPACA_BALANCES: Mapping[str, Decimal] = {"USD": Decimal(50000), **COINS}


@dataclass(frozen=True, slots=True)
class Account:
    """One venue account: who may use it and what it holds."""

    credentials: tuple[Credential, ...]
    balances: Mapping[str, Decimal]

    def credential(self, key: str) -> Credential | None:
        """Return the credential with ``key``, or None."""
        return next((known for known in self.credentials if known.key == key), None)


def kraken_account() -> Account:
    """Return the demo account on the Kraken double."""
    return Account((KRAKEN_TRADE, KRAKEN_READ), KRAKEN_BALANCES)


def alpaca_account() -> Account:
    """Return the demo account on the Alpaca double."""
    return Account((ALPACA_TRADE, ALPACA_READ, ALPACA_DATA), ALPACA_BALANCES)
