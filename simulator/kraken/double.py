"""The Kraken double as one web application."""

from collections.abc import Iterable

from aiohttp import web

from domain.market import Book
from simulator.accounts import Account
from simulator.kraken.rest import KrakenRest, too_many_requests
from simulator.kraken.stream import KrakenStream
from simulator.misbehaviour import add_fault_routes, misbehave
from simulator.publication import Publisher


class KrakenDouble:
    """REST and WebSocket v2 of one simulated Kraken."""

    def __init__(self, publisher: Publisher, account: Account) -> None:
        self._publisher = publisher
        self._stream = KrakenStream(publisher)
        spoil = misbehave(publisher.board, venue=publisher.venue, too_many=too_many_requests)
        self.app = web.Application(middlewares=[spoil])
        KrakenRest(publisher, account).add_routes(self.app)
        self._stream.add_routes(self.app)
        add_fault_routes(self.app, publisher.board)

    def publish(self, books: Iterable[Book]) -> None:
        """Make ``books`` public and tell every subscriber."""
        self._stream.broadcast(self._publisher.publish(books))

    async def live(self) -> None:
        """Send heartbeats until cancelled."""
        await self._stream.beat()

    def cut_all(self) -> None:
        """Drop every stream connection."""
        self._stream.cut_all()
