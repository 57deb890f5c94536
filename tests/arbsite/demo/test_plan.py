from dataclasses import replace
from datetime import UTC, datetime

from arbsite.config.source import read_source
from arbsite.config.variables import VARIABLES
from arbsite.demo.doubles import ChainAddress, DoublesAddress, choose_address
from arbsite.demo.plan import KEPT, new_run_id
from arbsite.demo.prepare import write_settings
from arbsite.processes import table
from domain.market import Pair
from simulator.chain.world import World
from simulator.server import Doubles, SimulatorConfig, Urls


async def test_the_variables_name_the_addresses_at_which_the_doubles_answer():
    address = choose_address()
    config = SimulatorConfig(kraken_port=address.kraken_port, alpaca_port=address.alpaca_port)
    doubles = Doubles(config)
    await doubles.start()
    try:
        urls = doubles.urls
    finally:
        await doubles.stop()
    variables = address.variables()
    assert variables["ARB_KRAKEN_REST_URL"] == urls.kraken_rest
    assert variables["ARB_KRAKEN_WS_URL"] == urls.kraken_ws
    assert variables["ARB_ALPACA_TRADING_URL"] == urls.alpaca_trading
    assert variables["ARB_ALPACA_DATA_URL"] == urls.alpaca_data
    assert variables["ARB_ALPACA_STREAM_URL"] == urls.alpaca_stream


def test_every_variable_of_a_demo_is_declared(plan):
    assert set(plan.variables) <= set(VARIABLES)
    assert set(KEPT) <= set(VARIABLES)


def test_no_key_of_the_operator_is_kept(plan):
    keys = {name for name in VARIABLES if "API" in name or "WALLET" in name or "ALERT" in name}
    assert not keys & set(KEPT)


def test_every_process_of_the_table_is_in_one_wave(plan):
    started = [process.name for wave in plan.waves() for process in wave]
    assert sorted(started) == sorted(["simulator", *(process.name for process in table(plan.ports))])


def test_the_simulator_gets_seed_ports_and_incident():
    process = DoublesAddress(41000, 42000).process(seed=3, pairs=("BTC/USD", "ETH/USD"), incident_at_s=30)
    for option in ("--seed=3", "--kraken-port=41000", "--alpaca-port=42000", "--pairs=BTC/USD,ETH/USD"):
        assert option in process.argv
    assert "--incident-at=30" in process.argv
    assert "--no-incident" in DoublesAddress(1, 2).process(seed=3, pairs=(), incident_at_s=None).argv


def test_what_simulate_writes_are_the_addresses_that_a_demo_has(tmp_path):
    demo = DoublesAddress(41000, 42000, ChainAddress(43000, tmp_path / "deployment.json")).variables()
    rest, data = "http://127.0.0.1:41000", "http://127.0.0.1:42000"
    stream = "ws://127.0.0.1:42000/v1beta3/crypto/us"
    node = ("http://127.0.0.1:43000", "ws://127.0.0.1:43000", str(tmp_path / "deployment.json"))
    told = Urls(rest, "ws://127.0.0.1:41000/v2", data, data, stream, *node).variables([Pair.parse("ETH/USDC")])
    assert told.pop("ARB_MODE") == "sim" and told.pop("ARB_PAIRS") == "ETH/USDC"
    assert told.items() <= demo.items()
    assert set(Urls(rest, "", data, data, stream).variables([])) < set(told) | {"ARB_MODE", "ARB_PAIRS"}


def test_a_chain_is_watched_as_ethereum_where_there_is_one(plan, tmp_path):
    chain = ChainAddress(43000, tmp_path / "deployment.json")
    with_chain = replace(plan, doubles=replace(plan.doubles, chain=chain))
    assert with_chain.variables["ARB_ETHEREUM_RPC_URLS"] == "http://127.0.0.1:43000"
    assert with_chain.variables["ARB_ETHEREUM_WS_URL"] == "ws://127.0.0.1:43000"
    assert with_chain.variables["ARB_ETHEREUM_CHAIN_ID"] == "31337"
    assert with_chain.variables["ARB_ETHEREUM_DEPLOYMENT"] == str(chain.deployment)
    assert set(with_chain.variables) <= set(VARIABLES)
    assert "--chain-port=43000" in with_chain.waves()[0][0].argv


def test_without_a_chain_nothing_points_at_one(plan):
    assert not [name for name in plan.variables if "ETHEREUM" in name]
    assert "--no-chain" in plan.waves()[0][0].argv


def test_the_ports_of_one_demo_differ(tmp_path):
    world = World(tmp_path / "anvil", tmp_path / "state.json", tmp_path / "deployment.json")
    address = choose_address(world)
    assert address.chain is not None
    assert len({address.kraken_port, address.alpaca_port, address.chain.port}) == 3
    assert address.chain.deployment == world.deployment_file
    assert choose_address().chain is None


def test_two_runs_never_share_an_id():
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    ids = {new_run_id(now) for _ in range(50)}
    assert len(ids) > 45
    assert all(run_id.startswith("demo-20261122-080000-") for run_id in ids)


def test_the_settings_file_leads_other_commands_to_the_demo(plan):
    write_settings(plan)
    assert read_source({}, plan.settings_file).values == plan.variables
