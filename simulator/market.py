"""The one market process behind every venue double: pure, seeded, on a virtual clock."""

from collections.abc import Iterable, Mapping
from random import Random

from domain.errors import BadInput
from domain.market import Book, MarketKey, Pair
from simulator.dislocations import Dislocations, Temper
from simulator.instruments import DEFAULT_PAIRS, VENUES, Instrument, instrument_of, listings
from simulator.ladder import PROFILES, Ladder
from simulator.pools import PoolPrices
from simulator.prices import FairPrices
from simulator.tape import Tape, print_trades

STEP_NS = 100_000_000
STEP_S = STEP_NS / 1e9
DEPTH = 25
INCIDENT_AT_S = 30.0


class MarketProcess:
    """Every simulated market at one instant; ``advance`` moves the instant.

    The same arguments give the same books, however the time is cut into calls of ``advance``.
    """

    is_played = False

    def __init__(
        self,
        seed: int,
        pairs: Iterable[Pair | str] = DEFAULT_PAIRS,
        venues: Iterable[str] = VENUES,
        start_ns: int = 0,
        incident_at_s: float | None = INCIDENT_AT_S,
        *,
        temper: Temper | None = None,
        depth: int = DEPTH,
        pools: Iterable[MarketKey] = (),
    ) -> None:
        """Open every market of ``pairs`` on ``venues`` at ``start_ns``. Raises: BadInput.

        ``pools`` are led by the same fair prices and leave every book as it would be without them.
        ``temper`` replaces the whole script, ``incident_at_s`` included; None for ``incident_at_s`` leaves it out.
        """
        self.markets: tuple[MarketKey, ...] = listings(pairs, venues)
        if not self.markets:
            raise BadInput("no simulated venue lists any of the pairs asked for")
        self.start_ns = start_ns
        self.now_ns = start_ns
        self.temper = temper or Temper(incident_at_s=incident_at_s)
        self._build(seed, depth)
        self._pools = PoolPrices(pools, self._fair, self.temper, seed=seed, step_s=STEP_S)
        self._settle()

    def advance(self, to_ns: int) -> list[Book]:
        """Return every book that changed after the present instant and not after ``to_ns``, in order of time."""
        changed: list[Book] = []
        while self.now_ns + STEP_NS <= to_ns:
            self.now_ns += STEP_NS
            self._fair.step()
            self._dislocations.step(self.elapsed_s)
            self._pools.step(self.elapsed_s)
            changed.extend(self._settle())
        return changed

    def book(self, key: MarketKey) -> Book:
        """Return the present book of ``key``. Raises: BadInput if it is not listed."""
        try:
            return self._books[key]
        except KeyError:
            raise BadInput(f"{key.pair} is not simulated on {key.venue}") from None

    @property
    def books(self) -> Mapping[MarketKey, Book]:
        """Return the present book of every market."""
        return self._books

    def tape(self, key: MarketKey) -> Tape:
        """Return the trades and candles of ``key``. Raises: BadInput if it is not listed."""
        self.book(key)
        return self._tapes[key]

    def instrument(self, pair: Pair) -> Instrument:
        """Return the grids on which ``pair`` is quoted. Raises: BadInput if it is not simulated."""
        return instrument_of(pair)

    @property
    def pool_prices(self) -> Mapping[MarketKey, float]:
        """Return what a unit of base is worth in each pool now."""
        return self._pools.now()

    @property
    def elapsed_s(self) -> float:
        """Return how long the market has been open."""
        return (self.now_ns - self.start_ns) / 1e9

    @property
    def in_incident(self) -> bool:
        """Whether the scripted incident is on."""
        return self.temper.in_incident(self.elapsed_s)

    def _build(self, seed: int, depth: int) -> None:
        instruments = tuple(instrument_of(pair) for pair in dict.fromkeys(key.pair for key in self.markets))
        self._fair = FairPrices(instruments, step_s=STEP_S, rng=Random(f"{seed}:fair"))
        self._dislocations = Dislocations(self.markets, self.temper, step_s=STEP_S, rng=Random(f"{seed}:dislocations"))
        self._trading = Random(f"{seed}:tape")
        self._tapes = {key: Tape(instrument_of(key.pair), seed=seed, start_ns=self.start_ns) for key in self.markets}
        self._books: dict[MarketKey, Book] = {}
        self._ladders = {
            key: Ladder(
                instrument_of(key.pair),
                PROFILES[key.venue],
                depth=depth,
                rng=Random(f"{seed}:{key.venue}:{key.pair}"),
            )
            for key in self.markets
        }

    def _settle(self) -> list[Book]:
        """Move every ladder to its mid and return the books that changed."""
        changed = []
        for key, ladder in self._ladders.items():
            if ladder.move(self._fair.of(key.pair) * (1 + self._dislocations.of(key) / 10_000)):
                self._books[key] = book = self._book_from(key, ladder)
                changed.append(book)
        best = {key: ladder.best() for key, ladder in self._ladders.items()}
        print_trades(self._tapes, best, self._trading, self.now_ns)
        return changed

    def _book_from(self, key: MarketKey, ladder: Ladder) -> Book:
        seq = self._books[key].seq + 1 if key in self._books else 1
        return Book(
            venue=key.venue,
            pair=key.pair,
            bids=ladder.bids(),
            asks=ladder.asks(),
            venue_at_ns=self.now_ns,
            seen_at_ns=self.now_ns,
            seq=seq,
        )
