"""What stands on the local chain: tokens, pools and the contracts around them, and the file that tells of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class PoolKind(StrEnum):
    """Which contract a pool is."""

    V2 = "v2"
    V3 = "v3"


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20; ``asset`` is what it counts as on every venue."""

    address: str
    symbol: str
    decimals: int
    asset: str


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool, named by its venue."""

    venue: str
    kind: PoolKind
    factory: str
    router: str
    address: str
    base: Token
    quote: Token
    fee_pips: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that others need to know of the chain."""

    chain_id: int
    multicall3: str
    wrapped_native: Token
    positions: str  # the manager of V3 positions
    pools: Mapping[str, Pool]

    def write(self, file: Path) -> None:
        """Write the file that the chain's readers take in place of their reviewed table."""
        file.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")

    def as_dict(self) -> dict[str, Any]:
        """Return what the file holds."""
        tokens = {token.address: token for pool in self.pools.values() for token in (pool.quote, pool.base)}
        return {
            "chain_id": self.chain_id,
            "multicall3": self.multicall3,
            "router": next(pool.router for pool in self.pools.values() if pool.kind is PoolKind.V2),
            "wrapped_native": self.wrapped_native.address,
            "native": self.wrapped_native.asset,
            "positions": self.positions,
            "tokens": [
                {"address": one.address, "symbol": one.symbol, "decimals": one.decimals, "asset": one.asset}
                for one in tokens.values()
            ],
            "pools": [_pool_to_json(pool) for pool in self.pools.values()],
        }


def read_deployment(file: Path) -> Deployment:
    """Return what ``file``, which ``write`` wrote, tells of."""
    told = json.loads(file.read_text(encoding="utf-8"))
    tokens = {one["address"]: Token(**one) for one in told["tokens"]}
    pools = [
        Pool(**one | {"kind": PoolKind(one["kind"]), "base": tokens[one["base"]], "quote": tokens[one["quote"]]})
        for one in told["pools"]
    ]
    return Deployment(
        chain_id=told["chain_id"],
        multicall3=told["multicall3"],
        wrapped_native=tokens[told["wrapped_native"]],
        positions=told["positions"],
        pools={pool.venue: pool for pool in pools},
    )


def _pool_to_json(pool: Pool) -> dict[str, Any]:
    return {
        "venue": pool.venue,
        "kind": pool.kind.value,
        "factory": pool.factory,
        "router": pool.router,
        "address": pool.address,
        "base": pool.base.address,
        "quote": pool.quote.address,
        "fee_pips": pool.fee_pips,
    }
