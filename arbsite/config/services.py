"""Which database and which Redis: configured ones, or the embedded ones where none is."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from arbsite.config import parse
from arbsite.config.source import Source
from arbsite.config.tree import DATABASE_SUFFIX, Database, Redis
from arbsite.config.variables import TIMESCALE
from domain.errors import BadInput
from domain.scope import Mode
from domain.secret import Secret

EMBEDDED_BASE_NAME = "arbsite"
EMBEDDED_ROLE = "arbsite"
_SCHEMES = ("postgresql", "postgres")
# Said otherwise, or by us; and pg_dump is begun with options where everybody sees them.
_NO_OPTIONS = {"host", "hostaddr", "port", "dbname", "user", "password", "sslpassword", "connect_timeout"}


def database(source: Source, mode: Mode) -> Database:
    """Return the database that ``source`` names, its name resolved for ``mode``. Raises: BadInput."""
    timescale = _timescale(source)
    url = source.get("DATABASE_URL")
    if url:
        return parse_database_url("DATABASE_URL", url, mode)
    if timescale:
        return parse_database_url("TIMESCALE_*", timescale, mode)
    return _database("127.0.0.1", 0, EMBEDDED_BASE_NAME, EMBEDDED_ROLE, "", {}, mode, is_embedded=True)


def parse_database_url(variable: str, url: str, mode: Mode) -> Database:
    """Return the database that ``url`` names. Raises: BadInput naming ``variable``, never the address."""
    parse.check_url(variable, url, *_SCHEMES)
    parts = urlsplit(url)
    base_name = unquote(parts.path.lstrip("/"))
    if not base_name or "/" in base_name:
        raise BadInput(f"{variable} names no database: write postgresql://user:password@host:port/name")
    if not parts.username:
        raise BadInput(f"{variable} names no user: write postgresql://user:password@host:port/name")
    options = dict(parse_qsl(parts.query))
    if said_twice := sorted(_NO_OPTIONS & options.keys()):
        raise BadInput(
            f"{variable} has {', '.join(said_twice)} among its options: leave it out; a login is written "
            "postgresql://user:password@host:port/name"
        )
    return _database(
        parts.hostname or "",
        parts.port or 5432,
        base_name,
        unquote(parts.username),
        unquote(parts.password or ""),
        options,
        mode,
        is_embedded=False,
    )


def database_url(database: Database) -> str:
    """Return the address of ``database`` under its base name, password included."""
    user, password = quote(database.user, safe=""), quote(database.password.reveal(), safe="")
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in database.options.items())
    host = f"[{database.host}]" if ":" in database.host else database.host
    address = f"postgresql://{user}:{password}@{host}:{database.port}/{quote(database.base_name, safe='')}"
    return f"{address}?{query}" if query else address


def redis(source: Source) -> Redis:
    """Return the Redis that ``source`` names. Raises: BadInput."""
    url = source.get("REDIS_URL")
    if url:
        parse.check_url("REDIS_URL", url, "redis", "rediss")
        url = _with_password(url, source.get("REDIS_PASSWORD"))
    return Redis(url=Secret(url), is_embedded=not url)


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    if not password or parts.password:
        return url
    return parts._replace(
        netloc=f"{parts.username or ''}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    ).geturl()


def _timescale(source: Source) -> str | None:
    values = {name: source.get(name) for name in TIMESCALE}
    missing = [name for name, value in values.items() if not value]
    if len(missing) == len(TIMESCALE):
        return None
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise BadInput(f"TIMESCALE_* is half set: {', '.join(missing)} {verb} missing")
    port = parse.whole_of("TIMESCALE_PORT", values["TIMESCALE_PORT"], least=1, most=65535)
    user, password, name = (quote(values[f"TIMESCALE_{part}"], safe="") for part in ("USER", "PASSWORD", "DB"))
    return f"postgresql://{user}:{password}@{values['TIMESCALE_HOST']}:{port}/{name}"


def _database(
    host: str,
    port: int,
    base_name: str,
    user: str,
    password: str,
    options: Mapping[str, str],
    mode: Mode,
    *,
    is_embedded: bool,
) -> Database:
    return Database(
        host=host,
        port=port,
        base_name=base_name,
        name=base_name + DATABASE_SUFFIX[mode],
        user=user,
        password=Secret(password),
        options=options,
        is_embedded=is_embedded,
    )
