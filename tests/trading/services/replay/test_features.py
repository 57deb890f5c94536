"""What the models were shown live is what a replay of the recording shows them, value by value, wherever it goes on."""

import pytest

from domain.scope import Mode
from domain.timestamps import from_ns
from mlops.models import Sample
from tests.fakes import MS, NOW_NS, SIM, FixedClock
from tests.trading.services.replay.interrupted import Noting
from tests.trading.services.replay.test_odd_times import WriterAtOnce
from tests.trading.services.replay.test_resume import broken_off
from tests.watched import engine_of, events, live_through, watch_terms
from trading.models import Opportunity, Run
from trading.services.recording.recorder import Recorder
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay, resume

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = ReplayOptions(recording="all", recorded_in=Mode.SIM)


def record(count: int, *, seed: int) -> None:
    """Let the stream live through a while and record it."""
    clock, told, writer = FixedClock(), watch_terms(), WriterAtOnce()
    recorder = Recorder(SIM, process="collect", terms=told, writer=writer)
    engine = engine_of(told, clock, writer, recorder=recorder)
    engine.begin()
    live_through(engine, clock, events(count, seed=seed))
    clock.at_ns += 10_000 * MS
    engine.tick()
    engine.finish()


def shown(scope, *, since_ns=NOW_NS):
    """Return what the models were shown of each opportunity and each near miss."""
    at = {"timestamp__gte": from_ns(since_ns)}
    decided = Opportunity.objects.in_scope(scope).filter(**at).order_by("timestamp", "route_key")
    sampled = Sample.objects.in_scope(scope).filter(**at).order_by("timestamp", "route_key")
    return (
        list(decided.values_list("timestamp", "route_key", "feature_hash", "features")),
        list(sampled.values_list("timestamp", "route_key", "kind", "features")),
    )


def scope_of(run_id: str):
    return Run.objects.get(run_id=run_id).scope


def test_features_are_replayed_as_the_stream_reckoned_them():
    record(500, seed=0)
    live = shown(SIM)
    assert shown(scope_of(replay((), EVERY).run_id)) == live
    decided, sampled = live
    assert len(sampled) > len(decided) > 5
    known = [features for *_, features in sampled]
    for name in ("volatility_1h", "volatility_7d", "log_volume_24h", "gas_trend", "route_survival", "depeg_bps"):
        assert len({features[name] for features in known} - {None, 0.0}) > 1, name


def test_a_run_that_was_broken_off_shows_the_models_the_same():
    record(400, seed=2)
    for after in (120, 250):
        run_id = broken_off((), EVERY, after=after)
        resume(run_id, watchers=[Noting()])
        assert shown(scope_of(run_id)) == shown(SIM)


def test_a_span_begins_with_what_had_been_learnt_before_it():
    record(500, seed=3)
    since_ns = NOW_NS + 7_000 * MS
    part = replay((), ReplayOptions(recording="all", recorded_in=Mode.SIM, first=from_ns(since_ns)))
    _, live = shown(SIM, since_ns=since_ns)
    _, replayed = shown(scope_of(part.run_id))
    told = {(at, route): features["returns_1h"] for at, route, _, features in live}
    both = [(told[at, route], features["returns_1h"]) for at, route, _, features in replayed if (at, route) in told]
    assert len(both) > 5
    assert all(before == after for before, after in both)
