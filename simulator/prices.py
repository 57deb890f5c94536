"""Fair prices: correlated log prices with jumps, one market factor and one of its own per base asset."""

import math
from random import Random

from domain.market import Pair
from simulator.instruments import Instrument

YEAR_S = 365 * 24 * 3600
MARKET_SHARE = 0.75  # correlation of an asset's diffusion with the market factor
JUMP_EVERY_S = 90.0
JUMP_BPS = 12.0
MARKET_JUMP_EVERY_S = 180.0
MARKET_JUMP_BPS = 15.0
STABLECOIN_WANDER_BPS = 0.02  # per step
STABLECOIN_PULL = 0.001


class FairPrices:
    """A jump-diffusion per base asset, and the rate of each stablecoin quote in USD."""

    def __init__(self, instruments: tuple[Instrument, ...], *, step_s: float, rng: Random) -> None:
        self._rng = rng
        self._step_s = step_s
        self._logs = {one.pair.base.symbol: math.log(one.price_usd) for one in instruments}
        self._deviations = {
            one.pair.base.symbol: one.yearly_volatility * math.sqrt(step_s / YEAR_S) for one in instruments
        }
        self._rates_bps = {one.pair.quote.symbol: 0.0 for one in instruments if one.pair.quote.symbol != "USD"}

    def step(self) -> None:
        """Move every price by one step."""
        market = self._rng.gauss(0.0, 1.0)
        common_jump = self._jump(MARKET_JUMP_EVERY_S, MARKET_JUMP_BPS)
        own_share = math.sqrt(1 - MARKET_SHARE**2)
        for base, deviation in self._deviations.items():
            shock = MARKET_SHARE * market + own_share * self._rng.gauss(0.0, 1.0)
            self._logs[base] += deviation * shock + common_jump + self._jump(JUMP_EVERY_S, JUMP_BPS)
        for quote, rate_bps in self._rates_bps.items():
            wander = self._rng.gauss(0.0, STABLECOIN_WANDER_BPS)
            self._rates_bps[quote] = rate_bps * (1 - STABLECOIN_PULL) + wander

    def knows(self, pair: Pair) -> bool:
        """Return whether ``pair`` has a price."""
        return pair.base.symbol in self._logs and pair.quote.symbol in ("USD", *self._rates_bps)

    def of(self, pair: Pair) -> float:
        """Return the fair price of ``pair`` in its own quote."""
        rate_bps = self._rates_bps.get(pair.quote.symbol, 0.0)
        return math.exp(self._logs[pair.base.symbol]) / (1 + rate_bps / 10_000)

    def _jump(self, every_s: float, size_bps: float) -> float:
        if self._rng.random() >= self._step_s / every_s:
            return 0.0
        return self._rng.gauss(0.0, size_bps) / 10_000
