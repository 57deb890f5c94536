"""JSON-RPC to the node on loopback, one kept connection: what it refuses is an error, never an answer."""

import http.client
import json
import threading
from collections.abc import Sequence
from typing import Any

from domain.errors import Refused, Unreachable

HOST = "127.0.0.1"
PATIENCE_S = 10.0


class NodeClient:
    """Blocking calls to one node; any thread may make them, one at a time."""

    def __init__(self, port: int, *, patience_s: float = PATIENCE_S) -> None:
        self._http = http.client.HTTPConnection(HOST, port, timeout=patience_s)
        self._lock = threading.Lock()

    def rpc(self, method: str, *params: Any) -> Any:
        """Return the result. Raises: Refused with the node's own words; Unreachable."""
        return _result(method, self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of ``calls``, made in one request. Raises: Refused for the first error; Unreachable."""
        asked = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": params}
            for index, (method, params) in enumerate(calls)
        ]
        answers = {answer["id"]: answer for answer in self._post(asked)} if asked else {}
        return [_result(method, answers[index]) for index, (method, _) in enumerate(calls)]

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _post(self, body: object) -> Any:
        with self._lock:
            try:
                self._http.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
                return json.loads(self._http.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._http.close()
                raise Unreachable(f"the local chain does not answer: {type(error).__name__}") from error


def _result(method: str, answer: Any) -> Any:
    if "error" in answer:
        raise Refused(f"{method}: {answer['error'].get('message', answer['error'])}")
    return answer["result"]
