"""Every variable that configures this system: its name, default, meaning, and whether it is a secret."""

from typing import NamedTuple


class Variable(NamedTuple):
    """One environment variable; a default of "" means unset."""

    name: str
    default: str
    about: str
    is_secret: bool = False


TIMESCALE = ("TIMESCALE_HOST", "TIMESCALE_PORT", "TIMESCALE_USER", "TIMESCALE_PASSWORD", "TIMESCALE_DB")

KEY_PAIRS = (
    ("KRAKEN_API_KEY", "KRAKEN_API_SECRET"),
    ("KRAKEN_READ_API_KEY", "KRAKEN_READ_API_SECRET"),
    ("ALPACA_API_KEY", "ALPACA_API_SECRET"),
    ("ALPACA_READ_API_KEY", "ALPACA_READ_API_SECRET"),
    ("ALPACA_DATA_API_KEY", "ALPACA_DATA_API_SECRET"),
)

_MODE = (
    Variable("ARB_MODE", "dry_run", "where prices and fills come from: sim, dry_run, live or replay"),
    Variable("ARB_RUN_ID", "", "the run that replay rows belong to"),
    Variable("ARB_PAIRS", "BTC/USD,ETH/USD,SOL/USD,ETH/USDC", "the pairs that are watched"),
    Variable("ARB_ENV_FILE", ".env", "the file read beneath the environment; 'none' reads no file"),
    Variable("ARB_STATE_DIR", "", "local data, locks, generated passwords; default .local, as root /var/tmp/arbsite-*"),
    Variable("ARB_LOG_DIR", "", "where the processes log; default logs in the state folder"),
    Variable("ARB_STOP_FILE", "", "while this file exists nothing is sent; default STOP in the state folder"),
    Variable("ARB_COMMIT", "", "the commit that runs; default what git says"),
    Variable("ARB_CHAIN", "", "required: where no local chain can be had its tests fail rather than be left out"),
    Variable("ARB_RECORDED_DATA", "", "folder of recorded market data, for the tests that replay it"),
    Variable("ARB_PARTITIONS", "1", "streams and scan workers that share the pairs; each pair is handled by one"),
    Variable("ARB_PARTITION", "", "the one of them, from 1, that this process is; default all of them"),
)

_SERVICES = (
    Variable("DATABASE_URL", "", "postgresql://user:password@host:port/name; wins over TIMESCALE_*", is_secret=True),
    Variable("TIMESCALE_HOST", "", "database server"),
    Variable("TIMESCALE_PORT", "", "its port"),
    Variable("TIMESCALE_USER", "", "the role"),
    Variable("TIMESCALE_PASSWORD", "", "its password", is_secret=True),
    Variable("TIMESCALE_DB", "", "base name: dry run and live use it, sim and replay <name>_sim and <name>_replay"),
    Variable("TEST_DATABASE_URL", "", "database server that the tests use", is_secret=True),
    Variable("ARB_TIMESCALE", "", "required: a database server without TimescaleDB is refused"),
    Variable("REDIS_URL", "", "redis://:password@host:port/0", is_secret=True),
    Variable("REDIS_PASSWORD", "", "password of a REDIS_URL that holds none", is_secret=True),
    Variable("MLFLOW_TRACKING_URI", "", "model registry; default a local store", is_secret=True),
)

_KEYS = (
    Variable("ALCHEMY_API_KEY", "", "access to Ethereum and Polygon nodes", is_secret=True),
    Variable("KRAKEN_API_KEY", "", "Kraken trade key, used by the execution worker alone", is_secret=True),
    Variable("KRAKEN_API_SECRET", "", "its secret", is_secret=True),
    Variable("KRAKEN_READ_API_KEY", "", "Kraken key that may query only, used by the account worker", is_secret=True),
    Variable("KRAKEN_READ_API_SECRET", "", "its secret", is_secret=True),
    Variable("ALPACA_API_KEY", "", "Alpaca trade key, used by the execution worker alone", is_secret=True),
    Variable("ALPACA_API_SECRET", "", "its secret", is_secret=True),
    Variable("ALPACA_READ_API_KEY", "", "Alpaca key of the account worker", is_secret=True),
    Variable("ALPACA_READ_API_SECRET", "", "its secret", is_secret=True),
    Variable("ALPACA_DATA_API_KEY", "", "Alpaca key for market data; a paper account's will do", is_secret=True),
    Variable("ALPACA_DATA_API_SECRET", "", "its secret", is_secret=True),
    Variable("WALLET_PRIVATE_KEY", "", "DO NOT COMMIT; refused in live mode, which takes a keystore", is_secret=True),
)

_VENUES = (
    Variable("ARB_KRAKEN_REST_URL", "https://api.kraken.com", "Kraken REST"),
    Variable("ARB_KRAKEN_WS_URL", "wss://ws.kraken.com/v2", "Kraken WebSocket v2"),
    Variable("ARB_ALPACA_TRADING_URL", "https://api.alpaca.markets", "Alpaca trading"),
    Variable("ARB_ALPACA_DATA_URL", "https://data.alpaca.markets", "Alpaca market data"),
    Variable("ARB_ALPACA_STREAM_URL", "wss://stream.data.alpaca.markets/v1beta3/crypto/us", "Alpaca books"),
    Variable("ARB_ALPACA_POLL_MS", "1000", "pace at which Alpaca's public books are read where there is no data key"),
    Variable("ARB_MORE_VENUES", "", "further configurations of an adapter: name=kraken@REST,WS or name=alpaca@3 URLs"),
)

_CHAINS = (
    Variable("ARB_ETHEREUM_RPC_URLS", "", "nodes by spaces, best first; default Alchemy's", is_secret=True),
    Variable("ARB_ETHEREUM_WS_URL", "", "where new heads are told; default Alchemy's", is_secret=True),
    Variable("ARB_ETHEREUM_CHAIN_ID", "1", "the chain every Ethereum node must be on"),
    Variable("ARB_ETHEREUM_POLL_MS", "1000", "pace at which the head is asked for"),
    Variable("ARB_ETHEREUM_MAX_HEAD_AGE_MS", "60000", "a node whose head is older stands still"),
    Variable("ARB_ETHEREUM_TIP_GWEI", "1", "tip per unit of gas"),
    Variable("ARB_ETHEREUM_DEPLOYMENT", "", "file of tokens and pools instead of the reviewed table: a local chain"),
    Variable("ARB_POLYGON_RPC_URLS", "", "nodes by spaces, best first; default Alchemy's", is_secret=True),
    Variable("ARB_POLYGON_WS_URL", "", "where new heads are told; default Alchemy's", is_secret=True),
    Variable("ARB_POLYGON_CHAIN_ID", "137", "the chain every Polygon node must be on"),
    Variable("ARB_POLYGON_POLL_MS", "1000", "pace at which the head is asked for"),
    Variable("ARB_POLYGON_MAX_HEAD_AGE_MS", "20000", "a node whose head is older stands still"),
    Variable("ARB_POLYGON_TIP_GWEI", "30", "tip per unit of gas; Polygon takes none below 25"),
    Variable("ARB_POLYGON_DEPLOYMENT", "", "file of tokens and pools instead of the reviewed table: a local chain"),
    Variable("RPC_RATE_LIMITS", "ethereum=300,polygon=300", "requests a second to each chain, over all processes"),
)

_TRADING = (
    Variable("ARB_MIN_NET_BPS", "0", "an opportunity must clear this net of every cost"),
    Variable("ARB_MAX_BOOK_AGE_MS", "2000", "an older book is stale"),
    Variable("ARB_MAX_SKEW_MS", "1000", "two books further apart than this are not compared"),
    Variable("ARB_PAPER_DELAY_MS", "250", "a paper fill sees the book this long after the decision"),
    Variable("ARB_EPISODE_LINGER_MS", "1000", "an episode ends after this long below threshold"),
    Variable("ARB_LEG_SLIPPAGE_BPS", "15", "limit of a leg beyond its planned worst price"),
    Variable("ARB_UNWIND_LIMIT_BPS", "500", "limit of an unwinding leg"),
    Variable("ARB_OBSERVE_TIMEOUT_MS", "5000", "a paper leg whose book is not stored by then is refused"),
    Variable("ARB_NOT_SENT_AFTER_MS", "500", "a send not begun this long after its commit is abandoned"),
    Variable("ARB_NEAR_MISS_BPS", "10", "edges this far below the threshold are sampled for the models too"),
    Variable("ARB_RECORD", "no", "whether stream records every book it sees; collect always does"),
    Variable("ARB_QUOTE_USD", "USD=1,USDC=1,USDT=1", "USD per unit of each quote asset"),
    Variable("ARB_FEES", "", "fees that replace the dated table: venue=maker_bps/taker_bps,..."),
)

_MODELS = (
    Variable("ML_RETRAIN_FREQUENCY", "25", "models are trained anew after so many executed trades"),
    Variable("ARB_MODEL_DIR", "", "files of the models; default models in the state folder"),
    Variable("ARB_MODEL_EXPIRY_DAYS", "14", "a model older than this abstains"),
    Variable("ARB_MLFLOW_PASSWORD", "", "of the user operator on MLflow's page; default generated", is_secret=True),
    Variable("ARB_EXPLORATION_SHARE", "0", "share of what the models refuse that is traded to learn from; never live"),
)

_RISK = (
    Variable("ARB_CAPITAL_USD", "10000", "what the accounts hold together: drawdown is measured against it"),
    Variable("ARB_MAX_TRADE_USD", "1000", "largest trade"),
    Variable("ARB_MAX_OPEN_EXECUTIONS", "4", "executions under way at once"),
    Variable("ARB_MAX_EXPOSURE_USD", "4000", "net exposure, unknown outcomes counted as filled"),
    Variable("ARB_DAILY_LOSS_USD", "250", "loss in a UTC day that stops trading"),
    Variable("ARB_BREAKER_WINDOW", "20", "trades that the win rate looks back on"),
    Variable("ARB_BREAKER_MIN_WIN_RATE", "0.40", "lowest share of winning trades"),
    Variable("ARB_BREAKER_MAX_DRAWDOWN", "0.15", "largest fall from the equity peak"),
    Variable("ARB_BREAKER_MAX_GAS_SHARE", "0.40", "largest share of gross profit that gas may take"),
    Variable("ARB_BREAKER_MAX_CONSECUTIVE_FAILURES", "5", "failures in a row that trip"),
    Variable("ARB_BREAKER_VOLATILITY_MULTIPLE", "3", "volatility over its baseline that trips"),
    Variable("ARB_BREAKER_FAILURE_RATE", "0.8", "share of failed executions that trips"),
    Variable("ARB_BREAKER_FAILURE_WINDOW_S", "900", "the time that share looks back on"),
    Variable("ARB_BREAKER_SLIPPAGE_Z", "2.5", "standard deviations of slippage off its prediction that trip"),
    Variable("ARB_BREAKER_MIN_OUTCOMES", "5", "fewest outcomes that a rate is taken of"),
    Variable("ARB_BREAKER_COOLDOWN_S", "300", "an open breaker lets probes through after this long"),
    Variable("ARB_BREAKER_PROBES", "3", "successful probes that close a breaker"),
    Variable("ARB_BREAKER_PROBE_SIZE", "0.25", "size of a probe as a share of the planned trade"),
)

_WEB = (
    Variable("ARB_WEB_PORT", "", "admin port; default 8000 or, where that is taken, a free one"),
    Variable("ARB_FLOWER_PORT", "", "Flower port; default 5555 or, where that is taken, a free one"),
    Variable("ARB_FLOWER_USER", "operator", "who may open Flower"),
    Variable("ARB_FLOWER_PASSWORD", "", "default generated", is_secret=True),
    Variable("ARB_ADMIN_USER", "operator", "the first admin user"),
    Variable("ARB_ADMIN_PASSWORD", "", "default generated", is_secret=True),
    Variable("ARB_SECRET_KEY", "", "Django's signing key; default generated", is_secret=True),
    Variable("ARB_ALLOWED_HOSTS", "127.0.0.1,localhost", "host names the admin answers to"),
    Variable("ARB_INTERNAL_HOSTS", "", "host names under which our own processes reach the admin, as web in Compose"),
    Variable("ARB_DEBUG", "no", "Django's debug pages: never beyond your own machine"),
    Variable("ARB_ALERT_URLS", "", "Apprise addresses that alerts go to, separated by spaces", is_secret=True),
)

_STACK = (
    Variable(
        "ARB_RETENTION",
        "market_snapshots=30,edge_observations=180,price_bars=400,market_volatility=400,readings=30",
        "days that rows of a series are kept; a series that is not named is kept for ever",
    ),
    Variable(
        "ARB_METRICS_ADDRESS", "", "host:port where this process serves its metrics; default chosen by up, or none"
    ),
    Variable("ARB_DASHBOARDS_USER", "arbsite_dashboards", "the role that dashboards read with: it sees views alone"),
    Variable("ARB_DASHBOARDS_PASSWORD", "", "its password; without one it cannot log in", is_secret=True),
    Variable("ARB_HOOK_TOKEN", "", "what Grafana shows when it reports an alert; default generated", is_secret=True),
    Variable("ARB_BACKUP_DIR", "", "where backups are kept; default backups in the state folder"),
    Variable("ARB_BACKUP_KEEP_DAYS", "14", "older backups are removed, the newest never"),
    Variable(
        "ARB_PG_PROGRAMS", "", "folder of pg_dump and its kin of the server's own version; default the search path"
    ),
    Variable("ARB_RESTORE_URL", "", "the server as a superuser, where TimescaleDB is restored", is_secret=True),
)

_PARTS = (_MODE, _SERVICES, _KEYS, _VENUES, _CHAINS, _TRADING, _MODELS, _RISK, _WEB, _STACK)
VARIABLES = {variable.name: variable for part in _PARTS for variable in part}
# a secret may lie in a file instead, as container engines hand them over: NAME_FILE says where
SECRET_FILES = {f"{variable.name}_FILE": variable.name for variable in VARIABLES.values() if variable.is_secret}
# keys that a dry run on public data does without: their files may be there and blank, to be filled in one day
MAY_BE_BLANK = frozenset(
    {variable.name for part in (_KEYS, _CHAINS) for variable in part if variable.is_secret} | {"ARB_ALERT_URLS"}
)
