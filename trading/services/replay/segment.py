"""A segment: all that is known while the terms of one opening hold, from its empty books to its open episodes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.background import Background
from domain.features import Contexts
from domain.market import MarketKey, PoolState
from domain.timestamps import NS_PER_S
from trading.services.edges import EdgeWatch, offsets_for
from trading.services.episodes import EpisodeTracker
from trading.services.execution.step import Venues
from trading.services.near_misses import NearMissTracker
from trading.services.offers import OfferSampler
from trading.services.recording.terms import contexts_from_json, contexts_json
from trading.services.replay.markets import markets_of
from trading.services.replay.timeline import Instant, Json, Opening

OFFERS_EVERY_NS = NS_PER_S  # as in the stream; candles are sampled at every minute


class Segment:
    """The markets as they become known, their open episodes, the edges that are looked at again, what is remembered.

    ``config`` is the opening's, with what has been learnt of pairs since.
    """

    def __init__(self, opening: Opening, venues: Venues) -> None:
        config = opening.config
        self.opening = opening
        self.config = config
        self.background = Background()
        self.venues = venues
        self.markets = markets_of(opening)
        self.episodes = EpisodeTracker(linger_ns=opening.linger_ns)
        self.near_misses = NearMissTracker(config, self.episodes.is_open, linger_ns=opening.linger_ns)
        self.edges = EdgeWatch(self.markets.view, offsets_ms=offsets_for(config))
        self.offers = OfferSampler(
            every_ns=0 if config.resolution_s else OFFERS_EVERY_NS,
            max_age_ms=config.max_age_ms,
            max_skew_ms=config.max_skew_ms,
        )

    def show(self, instant: Instant, now_ns: int) -> Sequence[MarketKey]:
        """Take in an instant that is lived through and return the markets whose routes are to be decided."""
        if instant.context is not None:
            self.learn(instant.context)
        changed = self.markets.show(instant)
        for market in changed:
            if isinstance(shown := instant.books.get(market), PoolState):
                self.background.note_gas(shown, at_ns=now_ns)
        return changed

    def learn(self, context: Contexts) -> None:
        """Decide from now on by what is known of pairs."""
        self.config = replace(self.config, context=context)

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
            "near_misses": self.near_misses.state(),
            "edges": self.edges.state(),
            "offers": self.offers.state(),
            "background": self.background.state(),
            "context": contexts_json(self.config.context),
        }

    def restore(self, state: Json) -> None:
        """Go on from where another segment of the same opening stood."""
        view = self.markets.view
        routes = {route.key: route for market in self.opening.markets for route in view.routes(market)}
        self.markets.restore(state["markets"])
        self.episodes.restore(state["episodes"])
        self.near_misses.restore(state["near_misses"])
        self.edges.restore(state["edges"], routes=routes, config=self.opening.config)
        self.offers.restore(state["offers"])
        self.background.restore(state["background"])
        self.learn(contexts_from_json(state["context"]))
