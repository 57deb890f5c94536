"""What the reviewed table, or a local chain's file, says of tokens and pools: a change to it is an event as well."""

from typing import Any

from trading.models import FactKind
from trading.services.reference.statements import Statement
from trading.venues import roster
from trading.venues.identity import Pool, Token


def of_contracts(venues: Any) -> list[Statement]:
    """Return what is stated of every token and pool of the watched chains."""
    found: list[Statement] = []
    for chain, table in roster.tables(venues):
        found += [_token(chain.name, token) for token in table.tokens]
        found += [_pool(chain.name, pool) for pool in table.pools]
    return found


def _token(chain: str, token: Token) -> Statement:
    stated = {"symbol": token.symbol, "decimals": str(token.decimals), "stands_for": token.asset}
    return Statement(FactKind.CONTRACT, f"{chain}:{token.address}", stated, token.source)


def _pool(chain: str, pool: Pool) -> Statement:
    stated = {
        "venue": pool.venue,
        "kind": str(pool.kind),
        "pair": pool.pair.symbol,
        "fee_pips": str(pool.fee_pips),
        "base": pool.base.address,
        "quote": pool.quote.address,
        "factory": pool.factory,
    }
    return Statement(FactKind.CONTRACT, f"{chain}:{pool.address}", stated, pool.source)
