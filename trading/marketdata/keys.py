"""The Redis keys that the stream process writes, known without what writes them: a probe asks for them in a moment."""

from domain.scope import Scope

BOARD_EXPIRE_S = 600


def board_key(scope: Scope, partition: int | None = None) -> str:
    """Return the key that holds the lines of the venues of ``scope``; its age is what is gone of its expiry.

    A stream of one ``partition`` tells of its own connections under its own key.
    """
    return f"arb:{scope}:venues" if partition is None else f"arb:{scope}:venues:{partition}"
