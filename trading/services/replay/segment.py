"""A segment: all that is known while the terms of one opening hold, from its empty books to its open episodes."""

from collections.abc import Iterable

from domain.market import MarketKey
from domain.timestamps import NS_PER_S
from trading.services import observing
from trading.services.episodes import EpisodeTracker
from trading.services.execution.step import Venues
from trading.services.offers import OfferSampler
from trading.services.replay.markets import markets_of
from trading.services.replay.timeline import Instant, Json, Opening

OFFERS_EVERY_NS = NS_PER_S  # as in the stream; candles are sampled at every minute


class Segment:
    """The markets as they become known, their open episodes, the edges that are looked at again."""

    def __init__(self, opening: Opening, venues: Venues) -> None:
        config = opening.config
        self.opening = opening
        self.venues = venues
        self.markets = markets_of(opening)
        self.episodes = EpisodeTracker(linger_ns=opening.linger_ns)
        self.edges = observing.EdgeWatch(self.markets.view, offsets_ms=observing.offsets_for(config))
        self.offers = OfferSampler(
            every_ns=0 if config.resolution_s else OFFERS_EVERY_NS,
            max_age_ms=config.max_age_ms,
            max_skew_ms=config.max_skew_ms,
        )

    def last_ns_before(self, now_ns: int) -> int:
        """Return until when the markets are known before the books of an instant are shown.

        A recorded book comes after its instant's looks, as in the stream; a candle is what stood at its very instant.
        """
        return now_ns - 1 if self.opening.config.resolution_s else now_ns

    def unsettled(self, instant: Instant) -> Iterable[MarketKey]:
        """Return the markets whose volatility is read at an instant: of candles those that were traded."""
        return instant.books if self.opening.config.resolution_s else self.opening.markets

    def state(self) -> Json:
        """Return what ``restore`` needs beside the instants that are shown again."""
        return {
            "markets": self.markets.state(),
            "episodes": self.episodes.state(),
            "edges": self.edges.state(),
            "offers": self.offers.state(),
        }

    def restore(self, state: Json) -> None:
        """Go on from where another segment of the same opening stood."""
        view = self.markets.view
        routes = {route.key: route for market in self.opening.markets for route in view.routes(market)}
        self.markets.restore(state["markets"])
        self.episodes.restore(state["episodes"])
        self.edges.restore(state["edges"], routes=routes, config=self.opening.config)
        self.offers.restore(state["offers"])
