from datetime import UTC, datetime

from arbsite.config.variables import VARIABLES
from arbsite.demo.doubles import DoublesAddress, choose_address
from arbsite.demo.plan import KEPT, new_run_id
from arbsite.processes import table
from simulator.server import Doubles, SimulatorConfig


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


def test_two_runs_never_share_an_id():
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    ids = {new_run_id(now) for _ in range(50)}
    assert len(ids) > 45
    assert all(run_id.startswith("demo-20261122-080000-") for run_id in ids)
