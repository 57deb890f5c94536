"""Is this process alive, and is the system ready? Answered in seconds even where a server is frozen."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from arbsite.redis_client import hasty_client
from domain.scope import Mode
from ops.services import canaries

log = structlog.get_logger(__name__)

PATIENCE_S = 3.0
_REDIS_TIMEOUT_S = 1.0
# A frozen server may keep a thread for long; later questions must find another.
_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="health")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that readiness rests on."""

    name: str
    is_ok: bool
    detail: str
    took_ms: float = 0.0


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process is alive, whatever it depends on."""
    return HttpResponse("alive\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 where every part is ready and 503 otherwise, each part named."""
    parts = examine(PATIENCE_S)
    is_ready = all(part.is_ok for part in parts)
    body = {"ready": is_ready, "scope": str(settings.ARB.scope), "parts": [asdict(part) for part in parts]}
    return JsonResponse(body, status=200 if is_ready else 503)


def examine(patience_s: float) -> list[Part]:
    """Return how every part is; one that has not answered within ``patience_s`` is not ready."""
    asked = {name: _pool.submit(_ask, name, question) for name, question in _questions().items()}
    wait(asked.values(), timeout=patience_s)
    return [
        answer.result() if answer.done() else Part(name, False, f"no answer within {patience_s:g} s")
        for name, answer in asked.items()
    ]


def _questions() -> dict[str, Callable[[], tuple[bool, str]]]:
    always = {"database": _database, "migrations": _migrations, "redis": _redis}
    # replay is one process: it has no queues
    return always if settings.ARB.scope.mode is Mode.REPLAY else always | {"canaries": _canaries}


def _ask(name: str, question: Callable[[], tuple[bool, str]]) -> Part:
    started_s = time.monotonic()
    try:
        is_ok, detail = question()
    except (DatabaseError, RedisError, OSError) as error:
        log.warning("not_ready", part=name, error=str(error))
        is_ok, detail = False, f"cannot be used: {type(error).__name__}"  # the message may hold an address
    finally:
        connection.close()
    return Part(name, is_ok, detail, round((time.monotonic() - started_s) * 1000, 1))


def _database() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return True, str(cursor.fetchone()[0])


def _migrations() -> tuple[bool, str]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return not missing, f"{len(missing)} missing" if missing else "all applied"


def _redis() -> tuple[bool, str]:
    if not settings.ARB.redis_url:
        return False, "no server is named"
    with hasty_client(settings.ARB.redis_url, _REDIS_TIMEOUT_S) as server:
        server.ping()
    return True, "answers"


def _canaries() -> tuple[bool, str]:
    signs = canaries.signs(scope=settings.ARB.scope, now=datetime.now(UTC))
    stale = [f"{sign.queue} {_age(sign)}" for sign in signs if not sign.is_fresh]
    return not stale, ", ".join(stale) or f"oldest {max(sign.age_s or 0 for sign in signs):.0f} s"


def _age(sign: canaries.Sign) -> str:
    return "never seen" if sign.age_s is None else f"silent for {sign.age_s:.0f} s"
