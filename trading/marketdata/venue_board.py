"""How each venue's feed is doing, as the stream process told last: for whoever shows it.

Where several streams share the pairs each tells of its own connections under a key of its own.
"""

from collections.abc import Callable
from typing import Any

import redis

from domain.errors import Unreachable
from domain.scope import Scope
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key
from trading.marketdata.venue_lines import VenueLine, lines_from, together


class VenueBoard:
    """Reads what the stream process told last, or each of the streams that share the pairs."""

    def __init__(self, client: "redis.Redis", scope: Scope, *, partitions: int = 1) -> None:
        self._client = client
        self._whole = board_key(scope)
        self._parts = [board_key(scope, index) for index in range(1, partitions + 1)] if partitions > 1 else []

    def lines(self) -> list[VenueLine]:
        """Return one line per venue; none before a stream process told any. Raises: Unreachable."""
        told = self._ask(lambda: self._client.mget(self._keys()))
        return together([line for raw in told if raw is not None for line in lines_from(raw)])

    def age_s(self) -> float | None:
        """Return how long ago every stream process had told last; None where one has not for long.

        Raises: Unreachable.
        """
        ages = list(map(self._age_s, self._keys()))
        return None if None in ages else max(age for age in ages if age is not None)

    def _keys(self) -> list[str]:
        """Return where lines are told at present: a stream of all pairs is heard where it told last."""
        whole_s = self._age_s(self._whole) if self._parts else 0.0
        youngest_s = min((age for age in map(self._age_s, self._parts) if age is not None), default=BOARD_EXPIRE_S)
        return [self._whole] if whole_s is not None and whole_s < youngest_s else self._parts

    def _age_s(self, key: str) -> float | None:
        left_ms = self._ask(lambda: self._client.pttl(key))
        return BOARD_EXPIRE_S - left_ms / 1000 if left_ms > 0 else None

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (redis.RedisError, OSError) as error:
            raise Unreachable(f"the venue board does not answer: {type(error).__name__}") from error
