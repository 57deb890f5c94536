"""Builds the settings tree out of the variables."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from arbsite.config import parse
from arbsite.config.services import database, redis
from arbsite.config.source import Source, read_source
from arbsite.config.stack import backups, dashboards, metrics_address, partition, series
from arbsite.config.tree import Arb, Breakers, Fees, Limits, Models, TradingConfig, Web
from arbsite.config.venues import venues
from domain.costs import ENTRY_TIER
from domain.errors import BadInput
from domain.market import Pair
from domain.scope import Mode, Scope
from domain.secret import Secret

LONGEST_EXPIRY_DAYS = 3650  # ten years: later instants end beyond what a date can be


def load(environ: Mapping[str, str], env_file: Path | None, *, checkout: Path, state_dir: Path) -> Arb:
    """Return the settings that ``environ`` over ``env_file`` give; ``state_dir`` is the default one.

    Raises: BadInput, one sentence naming the variable.
    """
    return build(read_source(environ, env_file), checkout=checkout, state_dir=state_dir)


def build(source: Source, *, checkout: Path, state_dir: Path) -> Arb:
    """Return the settings that ``source`` holds. Raises: BadInput."""
    scope = _scope(source)
    state_dir = parse.path(source, "ARB_STATE_DIR", base=checkout, default=state_dir)
    recorded, pairs = source.get("ARB_RECORDED_DATA"), _pairs(source)
    return Arb(
        scope=scope,
        commit=source.get("ARB_COMMIT"),
        checkout=checkout,
        state_dir=state_dir,
        log_dir=parse.path(source, "ARB_LOG_DIR", base=checkout, default=state_dir / "logs"),
        stop_file=parse.path(source, "ARB_STOP_FILE", base=checkout, default=state_dir / "STOP"),
        recorded_data=checkout / recorded if recorded else None,
        pairs=pairs,
        database=database(source, scope.mode),
        redis=redis(source),
        wallet_key=_wallet_key(source, scope.mode),
        venues=venues(source, base=checkout),
        trading=_trading(source, scope.mode),
        models=_models(source, checkout, state_dir),
        breakers=_breakers(source),
        limits=_limits(source),
        web=_web(source),
        alert_urls=_alert_urls(source),
        series=series(source),
        partition=partition(source, pairs),
        dashboards=dashboards(source),
        backups=backups(source, checkout, state_dir),
        metrics_address=metrics_address(source),
    )


def _scope(source: Source) -> Scope:
    mode = parse.choice(source, "ARB_MODE", Mode)
    run_id = source.get("ARB_RUN_ID") or None
    if run_id and mode not in (Mode.REPLAY, Mode.SIM):
        raise BadInput(f"ARB_RUN_ID is set, but ARB_MODE is {mode}: only replay and sim tell runs apart")
    return Scope(mode, run_id)


def _pairs(source: Source) -> tuple[Pair, ...]:
    symbols = parse.words(source, "ARB_PAIRS")
    if not symbols:
        raise BadInput("ARB_PAIRS names no pair: write it as BTC/USD,ETH/USD")
    if len(set(symbols)) != len(symbols):
        raise BadInput("ARB_PAIRS names a pair twice")
    try:
        return tuple(Pair.parse(symbol) for symbol in symbols)
    except BadInput as error:
        raise BadInput(f"ARB_PAIRS: {error}") from None


def _wallet_key(source: Source, mode: Mode) -> Secret | None:
    key = parse.secret(source, "WALLET_PRIVATE_KEY")
    if key and mode is Mode.LIVE:
        raise BadInput("WALLET_PRIVATE_KEY is not accepted in live mode: live takes the encrypted keystore")
    return key


def _trading(source: Source, mode: Mode) -> TradingConfig:
    return TradingConfig(
        capital_usd=parse.amount(source, "ARB_CAPITAL_USD", above=Decimal(0)),
        min_net_bps=parse.amount(source, "ARB_MIN_NET_BPS"),
        max_book_age_ms=parse.whole(source, "ARB_MAX_BOOK_AGE_MS", least=1),
        max_skew_ms=parse.whole(source, "ARB_MAX_SKEW_MS", least=1),
        max_trade_usd=parse.amount(source, "ARB_MAX_TRADE_USD", above=Decimal(0)),
        paper_delay_ms=parse.whole(source, "ARB_PAPER_DELAY_MS"),
        episode_linger_ms=parse.whole(source, "ARB_EPISODE_LINGER_MS"),
        leg_slippage_bps=parse.amount(source, "ARB_LEG_SLIPPAGE_BPS", most=Decimal(10_000)),
        unwind_limit_bps=parse.amount(source, "ARB_UNWIND_LIMIT_BPS", most=Decimal(10_000)),
        observe_timeout_ms=parse.whole(source, "ARB_OBSERVE_TIMEOUT_MS", least=1),
        not_sent_after_ms=parse.whole(source, "ARB_NOT_SENT_AFTER_MS", least=1),
        near_miss_bps=parse.amount(source, "ARB_NEAR_MISS_BPS", most=Decimal(1000)),
        exploration_share=_exploration_share(source, mode),
        records=parse.flag(source, "ARB_RECORD"),
        quote_usd=_quote_usd(source),
        fees={venue: _fees(venue, text) for venue, text in parse.assignments(source, "ARB_FEES").items()},
    )


def _exploration_share(source: Source, mode: Mode) -> Decimal:
    share = parse.share(source, "ARB_EXPLORATION_SHARE")
    if share and mode is Mode.LIVE:
        raise BadInput(f"ARB_EXPLORATION_SHARE is {share}: live never trades what the models refuse; set it to 0")
    return share


def _models(source: Source, checkout: Path, state_dir: Path) -> Models:
    return Models(
        directory=parse.path(source, "ARB_MODEL_DIR", base=checkout, default=state_dir / "models"),
        mlflow_uri=parse.secret(source, "MLFLOW_TRACKING_URI"),
        mlflow_password=parse.secret(source, "ARB_MLFLOW_PASSWORD"),
        retrain_every=parse.whole(source, "ML_RETRAIN_FREQUENCY", least=1),
        expiry_days=parse.whole(source, "ARB_MODEL_EXPIRY_DAYS", least=1, most=LONGEST_EXPIRY_DAYS),
    )


def _quote_usd(source: Source) -> dict[str, Decimal]:
    given = parse.assignments(source, "ARB_QUOTE_USD").items()
    rates = {asset: parse.decimal_of(f"ARB_QUOTE_USD of {asset}", text) for asset, text in given}
    for asset, rate in rates.items():
        if rate <= 0:
            raise BadInput(f"ARB_QUOTE_USD of {asset} is {rate}; it must be above 0")
    return rates


def _fees(venue: str, text: str) -> Fees:
    if venue not in ENTRY_TIER:
        raise BadInput(f"ARB_FEES names {venue!r}, which is none of our venues: {', '.join(ENTRY_TIER)}")
    maker, slash, taker = text.partition("/")
    if not slash:
        raise BadInput(f"ARB_FEES of {venue} is {text!r}; write maker_bps/taker_bps")
    name = f"ARB_FEES of {venue}"
    fees = Fees(maker_bps=parse.decimal_of(name, maker), taker_bps=parse.decimal_of(name, taker))
    # a maker fee may be a rebate, a taker fee never is
    if not (-100 <= fees.maker_bps <= 1000 and 0 <= fees.taker_bps <= 1000):
        raise BadInput(f"ARB_FEES of {venue} is {text!r}; maker lies in -100..1000 bps and taker in 0..1000")
    return fees


def _breakers(source: Source) -> Breakers:
    return Breakers(
        window=parse.whole(source, "ARB_BREAKER_WINDOW", least=1),
        min_win_rate=parse.share(source, "ARB_BREAKER_MIN_WIN_RATE"),
        max_drawdown=parse.share(source, "ARB_BREAKER_MAX_DRAWDOWN"),
        max_gas_share=parse.share(source, "ARB_BREAKER_MAX_GAS_SHARE"),
        max_consecutive_failures=parse.whole(source, "ARB_BREAKER_MAX_CONSECUTIVE_FAILURES", least=1),
        volatility_multiple=parse.amount(source, "ARB_BREAKER_VOLATILITY_MULTIPLE", above=Decimal(1)),
        failure_rate=parse.share(source, "ARB_BREAKER_FAILURE_RATE"),
        failure_window_s=parse.whole(source, "ARB_BREAKER_FAILURE_WINDOW_S", least=1),
        slippage_z=parse.amount(source, "ARB_BREAKER_SLIPPAGE_Z", above=Decimal(0)),
        min_outcomes=parse.whole(source, "ARB_BREAKER_MIN_OUTCOMES", least=1),
        cooldown_s=parse.whole(source, "ARB_BREAKER_COOLDOWN_S"),
        probes=parse.whole(source, "ARB_BREAKER_PROBES", least=1),
        probe_size=parse.amount(source, "ARB_BREAKER_PROBE_SIZE", above=Decimal(0), most=Decimal(1)),
    )


def _limits(source: Source) -> Limits:
    return Limits(
        max_trade_usd=parse.amount(source, "ARB_MAX_TRADE_USD", above=Decimal(0)),
        max_open_executions=parse.whole(source, "ARB_MAX_OPEN_EXECUTIONS", least=1),
        max_exposure_usd=parse.amount(source, "ARB_MAX_EXPOSURE_USD", above=Decimal(0)),
        daily_loss_usd=parse.amount(source, "ARB_DAILY_LOSS_USD", above=Decimal(0)),
    )


def _web(source: Source) -> Web:
    return Web(
        port=parse.port(source, "ARB_WEB_PORT"),
        flower_port=parse.port(source, "ARB_FLOWER_PORT"),
        flower_user=source.get("ARB_FLOWER_USER"),
        flower_password=parse.secret(source, "ARB_FLOWER_PASSWORD"),
        admin_user=source.get("ARB_ADMIN_USER"),
        admin_password=parse.secret(source, "ARB_ADMIN_PASSWORD"),
        secret_key=Secret(source.get("ARB_SECRET_KEY")),
        allowed_hosts=parse.words(source, "ARB_ALLOWED_HOSTS"),
        internal_hosts=parse.words(source, "ARB_INTERNAL_HOSTS"),
        is_debug=parse.flag(source, "ARB_DEBUG"),
    )


def _alert_urls(source: Source) -> tuple[Secret, ...]:
    urls = source.get("ARB_ALERT_URLS").split()
    for url in urls:
        if "://" not in url:
            raise BadInput("ARB_ALERT_URLS holds something that is not an Apprise address like mailto://...")
    return tuple(Secret(url) for url in urls)
