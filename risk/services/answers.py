"""What callers ask of risk and what it answers: plain values."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.money import EXACT, ZERO
from risk.models import GateState


@dataclass(frozen=True, slots=True)
class AdmitRequest:
    """One opportunity that asks for room under the limits."""

    opportunity_id: int
    route_key: str
    symbol: str
    size: Decimal  # base units
    notional_usd: Decimal
    worst_loss_usd: Decimal


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What one gate said; ``detail`` states the figures it judged by."""

    gate: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Room was reserved for ``size``, which never exceeds what was asked for; the caller floors it to its lots."""

    reservation_id: int
    size: Decimal
    gates: tuple[GateAnswer, ...] = ()
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no: the first gate that said it, and what every gate answered."""

    reason: str
    gates: tuple[GateAnswer, ...] = ()

    @property
    def detail(self) -> str:
        """Return what the refusing gate stated."""
        return next((answer.detail for answer in self.gates if answer.gate == self.reason), "")

    @property
    def is_hold(self) -> bool:
        """Whether nothing is to be given up for it: the order stays as it is and is asked about again later."""
        return self.reason == GateState.UNRECONCILED


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """How one execution ended, told by trading in the transaction that settles it.

    ``equity_usd`` is what the scope's balances are worth now; None adds the net to the last mark.
    """

    execution_id: int
    reservation_id: int | None
    settled_at: datetime
    net_usd: Decimal
    gross_usd: Decimal
    fees_usd: Decimal
    gas_usd: Decimal
    notional_usd: Decimal
    executed: bool
    both_legs_as_planned: bool
    unwound: bool
    predicted_slippage_bps: Decimal | None = None
    realised_slippage_bps: Decimal | None = None
    equity_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Headroom:
    """How much of one limit is used."""

    kind: str
    limit: Decimal
    used: Decimal

    @property
    def left(self) -> Decimal:
        """Return what is left, never below zero."""
        return max(EXACT.subtract(self.limit, self.used), ZERO)


@dataclass(frozen=True, slots=True)
class Halted:
    """Which parts of a halt, or of lifting one, took hold; a failure states its cause."""

    file_error: str = ""
    database_error: str = ""
