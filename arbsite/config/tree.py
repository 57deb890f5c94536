"""The typed settings: one frozen tree, built once, read everywhere as ``settings.ARB``."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from domain.market import Pair
from domain.scope import Mode, Scope
from domain.secret import Credentials, Secret

SERIES_TABLES = (
    "arbitrage_opportunities",
    "edge_observations",
    "market_snapshots",
    "market_volatility",
    "execution_logs",
    "model_performance",
    "price_bars",
    "readings",
)
DATABASE_SUFFIX = {Mode.DRY_RUN: "", Mode.LIVE: "", Mode.SIM: "_sim", Mode.REPLAY: "_replay"}


@dataclass(frozen=True, slots=True)
class Database:
    """The PostgreSQL server and the base name of its databases; port 0 where an embedded one is not started yet."""

    host: str
    port: int
    base_name: str
    name: str  # resolved for the mode
    user: str
    password: Secret
    options: Mapping[str, str]
    is_embedded: bool

    def name_for(self, mode: Mode) -> str:
        """Return the name of the database that holds the rows of ``mode``."""
        return self.base_name + DATABASE_SUFFIX[mode]

    def parameters_of(self, name: str) -> dict[str, str]:
        """Return how the database called ``name`` is reached on this server, in libpq's words, without the password."""
        server = {"host": self.host, "port": str(self.port), "user": self.user, "connect_timeout": "5"}
        return {**server, **self.options, "dbname": name}


@dataclass(frozen=True, slots=True)
class Redis:
    """The Redis server; its address holds a password and is empty where an embedded one is not started yet."""

    url: Secret
    is_embedded: bool


@dataclass(frozen=True, slots=True)
class Kraken:
    """How Kraken is reached."""

    rest_url: str
    ws_url: str
    trade: Credentials | None
    read: Credentials | None


@dataclass(frozen=True, slots=True)
class Alpaca:
    """How Alpaca is reached."""

    trading_url: str
    data_url: str
    stream_url: str
    poll_ms: int  # without a data key, public books are read at this pace
    trade: Credentials | None
    read: Credentials | None
    data: Credentials | None


@dataclass(frozen=True, slots=True)
class Chain:
    """How one chain is reached, and what a transaction on it costs beside the base fee.

    Addresses may hold keys. Without any, the chain is not watched.
    """

    name: str
    chain_id: int
    rpc_urls: tuple[Secret, ...]
    ws_url: Secret | None  # new heads are told here; without it they are asked for
    poll_ms: int
    max_head_age_ms: int  # an older head is that of a node, or a chain, that stands still
    requests_per_s: int  # over all processes
    tip_wei: int
    deployment: Path | None  # a file of tokens and pools that replaces the reviewed table: a local chain has its own

    @property
    def is_watched(self) -> bool:
        """Whether any endpoint is known."""
        return bool(self.rpc_urls)


@dataclass(frozen=True, slots=True)
class VenueInstance:
    """A further configuration of an adapter under a name of its own; its keys are the adapter's."""

    name: str
    adapter: str
    settings: Kraken | Alpaca


@dataclass(frozen=True, slots=True)
class Venues:
    """Every venue."""

    kraken: Kraken
    alpaca: Alpaca
    more: tuple[VenueInstance, ...] = ()
    chains: tuple[Chain, ...] = ()


@dataclass(frozen=True, slots=True)
class Fees:
    """What a venue charges."""

    maker_bps: Decimal
    taker_bps: Decimal


@dataclass(frozen=True, slots=True)
class TradingConfig:
    """When a difference is an opportunity and how it is traded."""

    capital_usd: Decimal
    min_net_bps: Decimal
    max_book_age_ms: int
    max_skew_ms: int
    max_trade_usd: Decimal
    paper_delay_ms: int
    episode_linger_ms: int
    leg_slippage_bps: Decimal
    unwind_limit_bps: Decimal
    observe_timeout_ms: int
    not_sent_after_ms: int
    near_miss_bps: Decimal  # how far below the threshold an edge is still sampled for the models
    exploration_share: Decimal  # of what the models refuse, traded all the same to learn from; never live
    records: bool  # stream records what it sees
    quote_usd: Mapping[str, Decimal]
    fees: Mapping[str, Fees]  # by venue, instead of the dated table


@dataclass(frozen=True, slots=True)
class Models:
    """How models are kept, trained and served."""

    directory: Path  # files of every version, each in a folder named by its hash
    mlflow_uri: Secret | None  # may hold a password; None for a local store in the state folder
    mlflow_password: Secret | None  # of MLflow's page
    retrain_every: int  # executed outcomes
    expiry_days: int


@dataclass(frozen=True, slots=True)
class Breakers:
    """When a breaker trips and how it recovers."""

    window: int
    min_win_rate: Decimal
    max_drawdown: Decimal
    max_gas_share: Decimal
    max_consecutive_failures: int
    volatility_multiple: Decimal
    failure_rate: Decimal
    failure_window_s: int
    slippage_z: Decimal
    min_outcomes: int
    cooldown_s: int
    probes: int
    probe_size: Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """What is never exceeded."""

    max_trade_usd: Decimal
    max_open_executions: int
    max_exposure_usd: Decimal
    daily_loss_usd: Decimal


@dataclass(frozen=True, slots=True)
class Web:
    """The admin and Flower, both on 127.0.0.1; a port of None is chosen when the process starts."""

    port: int | None
    flower_port: int | None
    flower_user: str
    flower_password: Secret | None
    admin_user: str
    admin_password: Secret | None
    secret_key: Secret
    allowed_hosts: tuple[str, ...]
    internal_hosts: tuple[str, ...]  # beside them, for our own processes alone
    is_debug: bool


@dataclass(frozen=True, slots=True)
class Series:
    """How series are kept."""

    requires_timescale: bool
    retention_days: Mapping[str, int]  # by table; what is not named is kept for ever


@dataclass(frozen=True, slots=True)
class Partition:
    """Which share of the pairs this process handles: ``index`` counts from 1, None stands for all of them."""

    count: int
    index: int | None


@dataclass(frozen=True, slots=True)
class Dashboards:
    """The role that Grafana reads with, and what it shows us when it reports an alert."""

    user: str
    password: Secret | None
    hook_token: Secret | None


@dataclass(frozen=True, slots=True)
class Backups:
    """Where backups go."""

    directory: Path
    keep_days: int
    programs: Path | None  # folder of pg_dump and its kin; None for those on the search path
    restore_url: Secret | None  # the server as a role that may restore TimescaleDB's catalog


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Arb:
    """Everything that configures this system."""

    scope: Scope
    commit: str
    checkout: Path
    state_dir: Path
    log_dir: Path
    stop_file: Path
    recorded_data: Path | None
    pairs: tuple[Pair, ...]
    database: Database
    redis: Redis
    wallet_key: Secret | None
    venues: Venues
    trading: TradingConfig
    models: Models
    breakers: Breakers
    limits: Limits
    web: Web
    alert_urls: tuple[Secret, ...]
    series: Series
    partition: Partition
    dashboards: Dashboards
    backups: Backups
    metrics_address: Address | None

    @property
    def redis_url(self) -> str:
        """Return the Redis address, password included."""
        return self.redis.url.reveal()
