"""Pool maths in integers: what a constant-product pool pays out and asks for, to the last unit as its contract does.

Source: Uniswap v2-periphery, UniswapV2Library.getAmountOut and getAmountIn (its 0.3 % is ``fee_pips=3000``).
"""

from domain.errors import BadInput

PIPS = 1_000_000


def v2_amount_out(amount_in: int, *, reserve_in: int, reserve_out: int, fee_pips: int = 3000) -> int:
    """Return what a constant-product pool pays out for ``amount_in``, rounded down.

    Units:  raw units of each token; fee in 1/1,000,000 of what goes in.
    Raises: BadInput for an amount, a reserve or a fee that no pool can have.
    """
    _check_pool(reserve_in, reserve_out, fee_pips)
    if amount_in <= 0:
        raise BadInput(f"{amount_in} cannot be swapped: what goes into a pool is a positive number of units")
    kept = amount_in * (PIPS - fee_pips)
    return kept * reserve_out // (reserve_in * PIPS + kept)


def v2_amount_in(amount_out: int, *, reserve_in: int, reserve_out: int, fee_pips: int = 3000) -> int:
    """Return what a constant-product pool asks for ``amount_out``: rounded down, and one more, as its contract does.

    Units:  raw units of each token; fee in 1/1,000,000 of what goes in.
    Raises: BadInput for an amount, a reserve or a fee that no pool can have.
    """
    _check_pool(reserve_in, reserve_out, fee_pips)
    if amount_out <= 0:
        raise BadInput(f"{amount_out} cannot be swapped: what comes out of a pool is a positive number of units")
    if amount_out >= reserve_out:
        raise BadInput(f"{amount_out} cannot be swapped: the pool holds {reserve_out} and keeps at least one of them")
    return reserve_in * amount_out * PIPS // ((reserve_out - amount_out) * (PIPS - fee_pips)) + 1


def _check_pool(reserve_in: int, reserve_out: int, fee_pips: int) -> None:
    if reserve_in <= 0 or reserve_out <= 0:
        raise BadInput(f"a pool with reserves of {reserve_in} and {reserve_out} is empty")
    if not 0 <= fee_pips < PIPS:
        raise BadInput(f"a pool fee of {fee_pips} is not between 0 and {PIPS} millionths")
