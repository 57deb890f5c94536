"""The configuration: typed, layered, refused in one sentence where it is unsound, and silent about secrets."""

import copy
import os
import pickle
from decimal import Decimal
from pathlib import Path

import pytest

from arbsite import config
from arbsite.config import Fees
from arbsite.config.services import parse_database_url
from arbsite.config.variables import VARIABLES
from domain.errors import BadInput, Unreachable
from domain.scope import Mode, Scope

CHECKOUT = Path(__file__).resolve().parents[2]
TIMESCALE = {
    "TIMESCALE_HOST": "db.example",
    "TIMESCALE_PORT": "5433",
    "TIMESCALE_USER": "trading user",
    "TIMESCALE_PASSWORD": "p@ss/word",
    "TIMESCALE_DB": "trading_db",
}


def load(env_file: Path | None = None, **environ: str) -> config.Arb:
    return config.load(environ, env_file, checkout=Path("/checkout"), state_dir=Path("/checkout/.local"))


def env_file(folder: Path, text: str) -> Path:
    file = folder / ".env"
    file.write_text(text)
    return file


def test_without_any_variable_it_is_a_dry_run_on_embedded_servers():
    arb = load()
    assert arb.scope == Scope(Mode.DRY_RUN)
    assert (arb.database.is_embedded, arb.redis.is_embedded) == (True, True)
    assert arb.stop_file == Path("/checkout/.local/STOP")
    assert arb.trading.min_net_bps == Decimal(0)
    assert arb.venues.kraken.trade is None


def test_the_environment_wins_over_the_file(tmp_path):
    file = env_file(tmp_path, "ARB_MODE=sim\nARB_MAX_TRADE_USD=50\n")
    arb = load(file, ARB_MODE="replay")
    assert (arb.scope.mode, arb.limits.max_trade_usd) == (Mode.REPLAY, Decimal(50))


def test_a_file_that_is_named_must_be_there_and_the_usual_one_need_not(tmp_path):
    missing = tmp_path / "nosuch.env"
    assert load(missing).scope == Scope(Mode.DRY_RUN)
    with pytest.raises(BadInput, match=r"ARB_ENV_FILE names .*nosuch\.env, which is not there"):
        load(missing, ARB_ENV_FILE="nosuch.env")


def test_a_blank_variable_counts_as_unset(tmp_path):
    arb = load(env_file(tmp_path, "ARB_MODE=\nREDIS_URL=\n"), DATABASE_URL=" ")
    assert arb.scope.mode is Mode.DRY_RUN
    assert arb.database.is_embedded and arb.redis.is_embedded


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ARB_MODE=sim\nthis is no assignment\n", "line 2"),
        ("\n\nARB_MODE\n", "line 3"),
        ("ARB_MODE='sim\n", "line 1"),
        ("ARB_MODE=sim\nARB_MODE=live\n", "line 2 sets ARB_MODE a second time"),
        ("KRAKEN_API_KYE=x\n", "is KRAKEN_API_KEY meant"),
        ("ARB_NONSENSE_OPTION=1\n", "ARB_NONSENSE_OPTION, which is unknown"),
    ],
)
def test_a_broken_file_is_refused_by_name_and_line(tmp_path, text, complaint):
    file = env_file(tmp_path, text)
    with pytest.raises(BadInput, match=complaint) as refusal:
        load(file)
    assert str(file) in str(refusal.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="cannot be read"):
        load(tmp_path / ".env")


def test_a_file_that_is_not_there_is_no_error(tmp_path):
    assert load(tmp_path / ".env").scope.mode is Mode.DRY_RUN


def test_other_programs_variables_are_left_alone(tmp_path):
    assert load(env_file(tmp_path, "COMPOSE_PROJECT_NAME=x\nexport PYTHONWARNINGS=ignore\n"), HOME="/root")


def test_a_misspelt_variable_of_the_environment_is_refused():
    with pytest.raises(BadInput, match="ARB_MOED, which is unknown: is ARB_MODE meant"):
        load(ARB_MOED="live")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARB_MODE", "production"),
        ("ARB_MODEL_EXPIRY_DAYS", "4000000"),  # beyond the last date there is
        ("ML_RETRAIN_FREQUENCY", "0"),
        ("ARB_EXPLORATION_SHARE", "2"),
        ("ARB_MAX_TRADE_USD", "-1"),
        ("ARB_MAX_TRADE_USD", "0"),
        ("ARB_MAX_TRADE_USD", "NaN"),
        ("ARB_MAX_TRADE_USD", "1e400"),
        ("ARB_MAX_EXPOSURE_USD", "1e-30"),
        ("ARB_MAX_EXPOSURE_USD", "Infinity"),
        ("ARB_DAILY_LOSS_USD", "-250"),
        ("ARB_MAX_OPEN_EXECUTIONS", "0"),
        ("ARB_MAX_OPEN_EXECUTIONS", "1.5"),
        ("ARB_MIN_NET_BPS", "ten"),
        ("ARB_MIN_NET_BPS", "-5"),
        ("ARB_MAX_BOOK_AGE_MS", "0"),
        ("ARB_PAPER_DELAY_MS", "-1"),
        ("ARB_LEG_SLIPPAGE_BPS", "10001"),
        ("ARB_BREAKER_MIN_WIN_RATE", "1.1"),
        ("ARB_BREAKER_MAX_DRAWDOWN", "15%"),
        ("ARB_BREAKER_VOLATILITY_MULTIPLE", "1"),
        ("ARB_BREAKER_PROBES", "0"),
        ("ARB_BREAKER_PROBE_SIZE", "0"),
        ("ARB_PAIRS", "BTCUSD"),
        ("ARB_PAIRS", "BTC/USD,BTC/USD"),
        ("ARB_PAIRS", ",,"),
        ("ARB_QUOTE_USD", "USD"),
        ("ARB_QUOTE_USD", "USD=0"),
        ("ARB_QUOTE_USD", "USD=nan"),
        ("ARB_QUOTE_USD", "USD=1,USD=2"),
        ("ARB_FEES", "kraken=25"),
        ("ARB_FEES", "kraken=25/-1"),
        ("ARB_FEES", "kraken=25/x"),
        ("ARB_FEES", "krakn=25/40"),
        ("ARB_WEB_PORT", "70000"),
        ("ARB_FLOWER_PORT", "-1"),
        ("ARB_DEBUG", "perhaps"),
        ("ARB_KRAKEN_REST_URL", "api.kraken.com"),
        ("ARB_KRAKEN_WS_URL", "https://ws.kraken.com"),
        ("ARB_ALPACA_DATA_URL", "https://host:port"),
        ("ARB_ALERT_URLS", "nowhere"),
        ("ARB_RUN_ID", "7"),
        ("DATABASE_URL", "mysql://user:pw@host/name"),
        ("DATABASE_URL", "postgresql://host:notaport/name"),
        ("DATABASE_URL", "postgresql://user:hunter2@host"),
        ("DATABASE_URL", "postgresql://host/name"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL_FILE", "/nowhere/redis_url"),
        ("ARB_TIMESCALE", "perhaps"),
        ("ARB_RETENTION", "market_snapshot=30"),
        ("ARB_RETENTION", "market_snapshots=0"),
        ("ARB_RETENTION", "arbitrage_opportunities=30"),
        ("ARB_PARTITIONS", "0"),
        ("ARB_PARTITIONS", "4"),  # the pairs have three bases
        ("ARB_PARTITION", "2"),
        ("ARB_DASHBOARDS_USER", "Dash;board"),
        ("ARB_METRICS_ADDRESS", "9100"),
        ("ARB_BACKUP_KEEP_DAYS", "0"),
        ("ARB_RESTORE_URL", "mysql://root@localhost/db"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_its_variable(name, value):
    with pytest.raises(BadInput) as refusal:
        load(**{name: value})
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("missing", sorted(TIMESCALE))
def test_a_half_set_database_is_refused_naming_what_is_missing(missing):
    with pytest.raises(BadInput, match=f"half set: {missing} is missing"):
        load(**{name: value for name, value in TIMESCALE.items() if name != missing})


@pytest.mark.parametrize(
    ("given", "missing"),
    [("KRAKEN_API_KEY", "KRAKEN_API_SECRET"), ("ALPACA_DATA_API_SECRET", "ALPACA_DATA_API_KEY")],
)
def test_half_a_key_pair_is_refused(given, missing):
    with pytest.raises(BadInput, match=f"{given} is set but {missing} is not"):
        load(**{given: "value"})


def test_the_wallet_key_is_refused_in_live():
    with pytest.raises(BadInput, match="WALLET_PRIVATE_KEY is not accepted in live"):
        load(ARB_MODE="live", WALLET_PRIVATE_KEY="0xabc")


@pytest.mark.parametrize(
    ("mode", "name"),
    [("dry_run", "trading_db"), ("live", "trading_db"), ("sim", "trading_db_sim"), ("replay", "trading_db_replay")],
)
def test_the_mode_chooses_the_database(mode, name):
    assert load(ARB_MODE=mode, **TIMESCALE).database.name == name


def test_the_seeds_variables_and_an_address_name_the_same_database():
    by_parts = load(**TIMESCALE).database
    assert (by_parts.host, by_parts.port, by_parts.user) == ("db.example", 5433, "trading user")
    assert by_parts.password.reveal() == "p@ss/word"
    assert load(DATABASE_URL=config.database_url(by_parts)).database == by_parts


@pytest.mark.parametrize("option", ["password", "sslpassword", "user", "dbname"])
def test_an_address_hides_no_second_login_among_its_options(option):
    with pytest.raises(BadInput, match=f"^DATABASE_URL has {option} among its options") as refused:
        parse_database_url("DATABASE_URL", f"postgresql://ann:one@host/arb?{option}=hunter2", Mode.SIM)
    assert "hunter2" not in str(refused.value)


def test_an_address_keeps_its_options():
    database = load(DATABASE_URL="postgres://u:p@[::1]/base?sslmode=require").database
    assert (database.host, database.port, dict(database.options)) == ("::1", 5432, {"sslmode": "require"})
    assert load(DATABASE_URL=config.database_url(database)).database == database


def test_fees_and_rates_are_read_exactly():
    trading = load(ARB_FEES="kraken=-1/26.5, alpaca=15/25", ARB_QUOTE_USD="USD=1,USDC=0.9987").trading
    assert trading.fees["kraken"] == Fees(Decimal(-1), Decimal("26.5"))
    assert trading.quote_usd["USDC"] == Decimal("0.9987")


def test_further_venues_share_the_keys_of_their_adapter():
    arb = load(
        ARB_MORE_VENUES="k2=kraken@http://h:1,ws://h:1/v2 a2=alpaca@http://h:2,http://h:2,ws://h:2/v1beta3/crypto/us",
        ALPACA_DATA_API_KEY="key",
        ALPACA_DATA_API_SECRET="secret",
    )
    first, second = arb.venues.more
    assert (first.name, first.adapter, first.settings.ws_url) == ("k2", "kraken", "ws://h:1/v2")
    assert (second.name, second.settings.data_url) == ("a2", "http://h:2")
    assert second.settings.data == arb.venues.alpaca.data


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("k2", "write name="),
        ("K2=kraken@http://h:1,ws://h:1", "'K2'"),
        ("kraken=kraken@http://h:1,ws://h:1", "a venue already"),
        ("k2=binance@http://h:1,ws://h:1", "'binance'"),
        ("k2=kraken@http://h:1", "1 addresses"),
        ("k2=kraken@http://h:1,http://h:1", "ws_url of k2"),
        ("k2=kraken@http://h:1,ws://h:1 k2=kraken@http://h:1,ws://h:1", "twice"),
    ],
)
def test_a_malformed_further_venue_is_named(text, complaint):
    with pytest.raises(BadInput, match="ARB_MORE_VENUES") as error:
        load(ARB_MORE_VENUES=text)
    assert complaint in str(error.value)


def test_no_secret_is_shown_by_printing_the_settings():
    secrets = {name: f"canary-{name}" for name, variable in VARIABLES.items() if variable.is_secret}
    secrets |= {"DATABASE_URL": "postgresql://u:canary-db@h/n", "REDIS_URL": "redis://:canary-redis@h"}
    secrets |= {"ARB_RESTORE_URL": "postgresql://u:canary-restore@h/n"}
    secrets |= {f"ARB_{chain}_RPC_URLS": "https://node/v2/canary" for chain in ("ETHEREUM", "POLYGON")}
    secrets |= {f"ARB_{chain}_WS_URL": "wss://node/v2/canary" for chain in ("ETHEREUM", "POLYGON")}
    arb = load(**(TIMESCALE | secrets | {"ARB_ALERT_URLS": "mailto://canary-alert"}))
    shown = f"{arb} {arb!r} {arb.web.secret_key} {arb.database.password}"
    assert "canary" not in shown
    assert arb.venues.kraken.trade.secret.reveal() == "canary-KRAKEN_API_SECRET"


def test_a_chain_without_an_endpoint_or_a_key_is_not_watched():
    assert [chain.is_watched for chain in load().venues.chains] == [False, False]


def test_alchemys_key_alone_reaches_both_chains():
    ethereum, polygon = load(ALCHEMY_API_KEY="k").venues.chains
    assert [url.reveal() for url in ethereum.rpc_urls] == ["https://eth-mainnet.g.alchemy.com/v2/k"]
    assert polygon.ws_url.reveal() == "wss://polygon-mainnet.g.alchemy.com/v2/k"
    assert (ethereum.chain_id, polygon.chain_id) == (1, 137)


def test_nodes_of_our_own_replace_alchemys():
    ethereum, _ = load(ALCHEMY_API_KEY="k", ARB_ETHEREUM_RPC_URLS="http://a http://b").venues.chains
    assert [url.reveal() for url in ethereum.rpc_urls] == ["http://a", "http://b"]
    assert ethereum.ws_url is None


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"ARB_ETHEREUM_RPC_URLS": "node:8545"}, "ARB_ETHEREUM_RPC_URLS holds an address"),
        ({"ARB_POLYGON_RPC_URLS": "http://a http://a"}, "ARB_POLYGON_RPC_URLS names an endpoint twice"),
        ({"ARB_ETHEREUM_RPC_URLS": "http://a:not-a-port/key"}, "ARB_ETHEREUM_RPC_URLS holds an address without"),
        ({"ARB_ETHEREUM_RPC_URLS": "http://a https://[key"}, "ARB_ETHEREUM_RPC_URLS holds an address without"),
        ({"ARB_POLYGON_RPC_URLS": "http://a:99999/key"}, "ARB_POLYGON_RPC_URLS holds an address without"),
        ({"ARB_ETHEREUM_WS_URL": "wss:///key"}, "ARB_ETHEREUM_WS_URL holds an address without"),
        ({"ARB_ETHEREUM_WS_URL": "http://a"}, "ARB_ETHEREUM_WS_URL holds an address"),
        ({"RPC_RATE_LIMITS": "solana=3"}, "RPC_RATE_LIMITS names 'solana'"),
        ({"RPC_RATE_LIMITS": "ethereum=0"}, "RPC_RATE_LIMITS of ethereum"),
        ({"ARB_ETHEREUM_CHAIN_ID": "main"}, "ARB_ETHEREUM_CHAIN_ID"),
    ],
)
def test_a_chain_that_cannot_be_is_refused_in_a_sentence(given, complaint):
    with pytest.raises(BadInput, match=complaint):
        load(**given)


def test_a_secret_is_copied_but_not_pickled():
    (secret,) = load(ALCHEMY_API_KEY="canary").venues.chains[0].rpc_urls
    assert copy.deepcopy(secret) == secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_example_lists_every_variable_and_changes_nothing_as_it_stands():
    example = CHECKOUT / ".env.example"
    listed = {line.lstrip("#").split("=")[0] for line in example.read_text().splitlines() if "=" in line}
    assert set(VARIABLES) - {"ARB_ENV_FILE"} <= listed
    assert load(example) == load()


def test_a_secret_may_lie_in_a_file_that_is_named(tmp_path):
    (tmp_path / "password").write_text("hunter2 is short\n")
    assert load(REDIS_URL="redis://redis:6379/0", REDIS_PASSWORD_FILE=str(tmp_path / "password")).redis_url == (
        "redis://:hunter2%20is%20short@redis:6379/0"
    )


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_secret_file_is_refused_by_name(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(BadInput, match=r"ARB_SECRET_KEY_FILE names .*key, which is empty"):
        load(ARB_SECRET_KEY_FILE=str(tmp_path / "key"))


def test_a_key_that_a_dry_run_does_without_may_be_a_blank_file(tmp_path):
    (tmp_path / "key").write_text("\n")
    (tmp_path / "urls").touch()
    arb = load(KRAKEN_API_KEY_FILE=str(tmp_path / "key"), ARB_ALERT_URLS_FILE=str(tmp_path / "urls"))
    assert arb.venues.kraken.trade is None
    assert arb.alert_urls == ()


def test_a_secret_file_named_in_the_env_file_starts_from_its_folder(tmp_path):
    (tmp_path / "password").write_text("of the file")
    file = env_file(tmp_path, "REDIS_URL=redis://localhost:6379/0\nREDIS_PASSWORD_FILE=password\n")
    assert load(file).redis_url == "redis://:of%20the%20file@localhost:6379/0"
    assert load(file, REDIS_PASSWORD="of-the-environment").redis_url == "redis://:of-the-environment@localhost:6379/0"


def test_a_secret_file_that_is_not_there_is_named_with_what_makes_it(tmp_path):
    with pytest.raises(BadInput, match=r"names .*nosuch, which is not there: manage\.py setup --env makes it"):
        load(ARB_SECRET_KEY_FILE=str(tmp_path / "nosuch"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMESCALE_PASSWORD", "trading_pass_change_in_production"),
        ("KRAKEN_API_KEY", "your_kraken_key"),
        ("ALCHEMY_API_KEY", "your_alchemy_key_here"),
        ("WALLET_PRIVATE_KEY", "your_private_key_here"),
        ("ARB_ADMIN_PASSWORD", "admin"),
        ("ARB_HOOK_TOKEN", "<token>"),
        ("REDIS_PASSWORD", "ChangeMe"),
        ("REDIS_URL", "redis://:changeme@localhost:6379/0"),
        ("DATABASE_URL", "postgresql://trading_user:admin@localhost:5433/trading_db"),
    ],
)
def test_an_examples_text_is_no_secret_wherever_it_stands(tmp_path, name, value):
    for given in ({name: value}, {f"{name}_FILE": str(env_file(tmp_path, value))}):
        with pytest.raises(BadInput, match=f"{name} in .* is an example's text") as refusal:
            load(**given)
        assert value not in str(refusal.value)


def test_examples_texts_are_told_all_at_once():
    with pytest.raises(BadInput) as refusal:
        load(KRAKEN_API_KEY="your_kraken_key", REDIS_PASSWORD="changeme", WALLET_PRIVATE_KEY="your_private_key_here")
    keys, password = sorted(str(refusal.value).split("; "))
    assert keys.startswith("KRAKEN_API_KEY and WALLET_PRIVATE_KEY in the environment are each an example's text")
    assert password.startswith("REDIS_PASSWORD in the environment is an example's text")


def test_what_only_resembles_an_examples_text_is_accepted():
    assert load(ARB_ADMIN_PASSWORD="administrator of mountains").web.admin_password
    assert load(REDIS_URL="redis://:hereabouts-and-there@localhost:6379/0").redis_url


def test_a_secret_is_given_once(tmp_path):
    with pytest.raises(BadInput, match="both REDIS_PASSWORD and REDIS_PASSWORD_FILE"):
        load(REDIS_PASSWORD="one", REDIS_PASSWORD_FILE=str(tmp_path / "other"))


def test_a_generated_secret_is_kept_for_its_owner_alone(tmp_path):
    first = config.generated_secret(tmp_path / "state", "key")
    assert config.generated_secret(tmp_path / "state", "key") == first
    assert len(first.reveal()) >= 32
    assert config.secret_file(tmp_path / "state", "key").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_cannot_be_kept_is_an_error_that_names_the_place(tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(Unreachable, match=str(tmp_path / "state")):
        config.generated_secret(tmp_path / "state", "key")


def test_a_child_sees_only_the_secrets_of_its_row(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/n")
    for name in ("KRAKEN_API_KEY", "KRAKEN_API_SECRET", "ALPACA_DATA_API_KEY", "ALPACA_DATA_API_SECRET"):
        monkeypatch.setenv(name, "canary")
    config.source.cache_clear()
    child = config.child_environ(("ALPACA_DATA_API_KEY", "ALPACA_DATA_API_SECRET"))
    config.source.cache_clear()
    assert "KRAKEN_API_KEY" not in child and "DATABASE_URL" not in child
    assert child["ALPACA_DATA_API_SECRET"] == "canary"
    assert child["ARB_ENV_FILE"] == "none"
    assert child["ARB_MODE"] == os.environ["ARB_MODE"]


def test_partitions_each_take_a_base_and_leave_recording_to_one_process():
    arb = load(ARB_PARTITIONS="3", ARB_PARTITION="3")
    assert (arb.partition.count, arb.partition.index) == (3, 3)
    with pytest.raises(BadInput, match=r"ARB_PARTITIONS is 4, but ARB_PAIRS names 3 bases to share \(BTC, ETH, SOL\)"):
        load(ARB_PARTITIONS="4")
    with pytest.raises(BadInput, match="ARB_RECORD is set, but ARB_PARTITIONS is 2"):
        load(ARB_PARTITIONS="2", ARB_RECORD="yes")
