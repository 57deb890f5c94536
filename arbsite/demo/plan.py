"""What one demo is: its run, its length, its seed, its settings, and where everything listens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from arbsite.demo.doubles import DoublesAddress
from arbsite.demo.snapshot import Links
from arbsite.metrics.targets import with_addresses
from arbsite.processes import Ports, Process, named, table
from domain.scope import Mode, Scope

PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "LTC/USD", "AVAX/USD", "ETH/USDC")
INCIDENT_AT_S = 30.0

# What of the operator's own settings holds in the demo too; everything else, keys above all, stays outside.
KEPT = (
    "ARB_STATE_DIR",
    "ARB_STOP_FILE",
    "ARB_COMMIT",
    "ARB_RECORD",
    "ARB_WEB_PORT",
    "ARB_FLOWER_PORT",
    "ARB_FLOWER_USER",
    "ARB_FLOWER_PASSWORD",
    "ARB_ADMIN_USER",
    "ARB_ADMIN_PASSWORD",
    "ARB_SECRET_KEY",
    "DATABASE_URL",
    "TIMESCALE_HOST",
    "TIMESCALE_PORT",
    "TIMESCALE_USER",
    "TIMESCALE_PASSWORD",
    "TIMESCALE_DB",
    "REDIS_URL",
)

# Real fees and real thresholds, but for two: a cool-down that would outlast the demo, and the slippage breaker's, for
# simulated dislocations decay by a half-life of their own, so that slippage has fatter tails than a market's.
SHOW_SETTINGS: Mapping[str, str] = {
    "ARB_FEES": "kraken=25/40,alpaca=15/25",
    "ARB_MAX_TRADE_USD": "1000",
    "ARB_BREAKER_COOLDOWN_S": "12",
    "ARB_BREAKER_SLIPPAGE_Z": "20",
}

# What the first trade waits for comes first: importing is most of what a process does in its first seconds.
_WAVES = (
    ("stream", "worker-execution"),
    ("beat", "worker-scan"),
    ("web", "flower", "worker-account", "worker-ml"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One demo; ``seconds`` of None lasts until interrupted."""

    scope: Scope
    seed: int
    seconds: float | None
    log_dir: Path
    checkout: Path
    ports: Ports
    links: Links
    doubles: DoublesAddress
    incident_at_s: float | None = INCIDENT_AT_S
    why_no_chain: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables that every process of the demo gets."""
        return {
            "ARB_MODE": Mode.SIM.value,
            "ARB_RUN_ID": self.scope.run_id or "",
            "ARB_LOG_DIR": str(self.log_dir),
            "ARB_PAIRS": ",".join(PAIRS),
            **self.doubles.variables(),
            **SHOW_SETTINGS,
        }

    @property
    def settings_file(self) -> Path:
        """Return the file of these variables, for commands beside the demo."""
        return self.log_dir / "demo.env"

    def waves(self) -> tuple[tuple[Process, ...], ...]:
        """Return every process, in the waves in which they start."""
        simulator = self.doubles.process(seed=self.seed, pairs=PAIRS, incident_at_s=self.incident_at_s)
        known = with_addresses(table(self.ports))
        first, *later = (named(known, *names) for names in _WAVES)
        return ((simulator, *first), *later)


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time and that no other demo has."""
    return f"demo-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
