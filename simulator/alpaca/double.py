"""The Alpaca double as one web application: trading, data and stream on one port."""

from collections.abc import Iterable

from aiohttp import web

from domain.market import Book
from simulator.accounts import Account
from simulator.alpaca.access import too_many_requests
from simulator.alpaca.data import AlpacaData
from simulator.alpaca.stream import AUTH_TIMEOUT_S, AlpacaStream
from simulator.alpaca.trading import AlpacaTrading
from simulator.misbehaviour import add_fault_routes, misbehave
from simulator.publication import Publisher


class AlpacaDouble:
    """Trading REST, data REST and the crypto stream of one simulated Alpaca."""

    def __init__(self, publisher: Publisher, account: Account, *, auth_timeout_s: float = AUTH_TIMEOUT_S) -> None:
        self._publisher = publisher
        self._stream = AlpacaStream(publisher, account, auth_timeout_s=auth_timeout_s)
        spoil = misbehave(publisher.board, venue=publisher.venue, too_many=too_many_requests)
        self.app = web.Application(middlewares=[spoil])
        AlpacaTrading(publisher, account).add_routes(self.app)
        AlpacaData(publisher, account).add_routes(self.app)
        self._stream.add_routes(self.app)
        add_fault_routes(self.app, publisher.board)

    def publish(self, books: Iterable[Book]) -> None:
        """Make ``books`` public and tell every subscriber."""
        self._stream.broadcast(self._publisher.publish(books))

    def cut_all(self) -> None:
        """Drop every stream connection."""
        self._stream.cut_all()
