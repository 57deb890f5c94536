"""MLflow mirrors our rows: the same once or twice told, caught up after an outage, and never waited for."""

import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections

from domain.errors import Unreachable
from domain.scope import Mode, Scope
from domain.scores import ModelName
from domain.secret import Secret
from mlops import registry
from mlops.models import ModelAlias, ModelVersion
from mlops.registry import Registry
from mlops.services import promote, register, rollback
from mlops.services.mirroring import mirror, mirror_pending, registered_name
from ops import locks
from tests.mlops.trained import bundle, trained

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
MODEL = ModelName.ROUTE_SUCCESS
RUNS = iter(range(1_000))


@pytest.fixture
def scope():
    """Return a scope of this test's own: the store outlives the rows."""
    return Scope(Mode.SIM, f"run-{next(RUNS)}")


@pytest.fixture(autouse=True)
def uri(settings, tmp_path, mlflow_folder):
    """Name the shared store as an address, so that its pool of connections is shared as well."""
    models = replace(settings.ARB.models, directory=tmp_path / "models")
    settings.ARB = replace(settings.ARB, models=models, state_dir=mlflow_folder)


def point_at(settings, address):
    settings.ARB = replace(
        settings.ARB, models=replace(settings.ARB.models, mlflow_uri=Secret(address) if address else None)
    )


def made(scope, text="tree\n", **changes):
    return register(trained(bundle(text), **changes), scope=scope, seed=7, is_synthetic=False, now=NOW)


def opened(settings):
    return Registry.open(None, settings.ARB.state_dir / "mlflow")._client


def aliases(settings, scope):
    stored = opened(settings).get_registered_model(registered_name(MODEL, scope)).aliases
    return {alias: str(number) for alias, number in stored.items()}


@contextmanager
def server_that_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://ann:hunter22@127.0.0.1:{server.getsockname()[1]}"


def test_a_version_is_told_with_its_figures_its_lineage_and_its_files(settings, scope):
    first = made(scope)
    version = made(scope, "another\n")

    assert mirror(version.pk)

    version.refresh_from_db()
    run = opened(settings).get_run(version.mlflow_run_id)
    experiment = opened(settings).get_experiment(run.info.experiment_id)
    assert experiment.name == "arbitrage_route_success_predictor"
    assert (run.info.run_name, run.info.status) == (version.tag, "FINISHED")
    assert run.data.metrics == {"n": 40.0, "auc.value": 0.7, "auc.low": 0.6}
    assert (run.data.params["seed"], run.data.params["n_samples"]) == ("7", "200")
    assert run.data.params["data_from"] == "2026-03-01T00:00:00+00:00"
    told = run.data.tags
    assert (told["tag"], told["parent"], told["scope"]) == (version.tag, first.tag, str(scope))
    assert (told["feature_hash"], told["file_hash"]) == (version.feature_hash, version.file_hash)
    assert (told["git_commit"], told["synthetic"]) == (settings.ARB.commit, "False")
    names = {file.path for file in opened(settings).list_artifacts(version.mlflow_run_id, "model")}
    assert names == {"model/model.json", "model/probability.txt"}
    assert version.mirror_error == ""


def test_telling_twice_changes_nothing(settings, scope):
    version = made(scope)
    assert mirror(version.pk)
    assert mirror(version.pk)
    known = opened(settings).search_model_versions(f"name = '{registered_name(MODEL, scope)}'")
    assert [str(one.version) for one in known] == ["1"]
    assert len(opened(settings).search_runs(_experiments(settings), f"tags.scope = '{scope}'")) == 1


def _experiments(settings):
    return [one.experiment_id for one in opened(settings).search_experiments()]


def test_aliases_follow_promotion_and_rollback(settings, scope):
    old, new = made(scope), made(scope, "another\n")
    assert mirror_pending(Mode.SIM) == 2
    assert aliases(settings, scope) == {"champion": "1", "challenger": "2"}

    promote(MODEL, new.tag, scope=scope, actor="ann", reason="better", now=NOW)
    assert mirror(new.pk)
    assert aliases(settings, scope) == {"champion": "2", "previous": "1"}

    rollback(MODEL, scope=scope, actor="ann", reason="worse", now=NOW + timedelta(hours=1))
    assert mirror(old.pk)
    assert aliases(settings, scope) == {"champion": "1", "challenger": "2"}
    assert ModelAlias.objects.filter(is_mirrored=True).count() == 2
    assert mirror_pending(Mode.SIM) == 0


def test_what_the_dry_run_taught_serves_live_under_a_name_of_its_own(settings):
    dry, live = Scope(Mode.DRY_RUN), Scope(Mode.LIVE)
    version = made(dry)
    promote(MODEL, version.tag, scope=live, actor="ann", reason="proved", now=NOW)
    assert mirror(version.pk)
    assert aliases(settings, dry) == aliases(settings, live) == {"champion": "1"}


@pytest.mark.parametrize("away", ["refuses", "hangs", "is no address", "is garbage"])
def test_where_mlflow_is_away_the_row_says_so_and_is_caught_up_later(settings, scope, away, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "TIMEOUT_S", 1)
    monkeypatch.setattr(registry, "RETRIES", 0)
    for name in ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "garbage.db").write_bytes(b"this is no database" * 100)
    version, other = made(scope), made(scope, "another\n")
    with server_that_never_answers() as address:
        addresses = {
            "refuses": "http://ann:hunter22@127.0.0.1:9",
            "hangs": address,
            "is no address": "gopher://x",
            "is garbage": f"sqlite:///{tmp_path}/garbage.db",
        }
        point_at(settings, addresses[away])
        assert not mirror(version.pk)
        assert mirror_pending(Mode.SIM) == 0

    version.refresh_from_db()
    assert version.mirror_error.startswith("MLflow was not told: ")
    assert "hunter22" not in version.mirror_error
    point_at(settings, None)
    assert mirror_pending(Mode.SIM) == 2
    assert set(ModelVersion.objects.values_list("mirror_error", flat=True)) == {""}
    assert other.pk in ModelVersion.objects.exclude(mlflow_version="").values_list("pk", flat=True)


@pytest.mark.parametrize("deed", ["the store is deleted", "its experiment is hidden by hand"])
def test_a_store_that_lost_what_it_knew_is_told_again(settings, scope, mlflow_folder, deed):
    made(scope)
    new = made(scope, "another\n")
    assert mirror_pending(Mode.SIM) == 2
    if deed == "the store is deleted":
        (mlflow_folder / "mlflow" / "mlflow.db").unlink()
    else:
        client = opened(settings)
        client.delete_experiment(client.get_experiment_by_name(f"arbitrage_{MODEL}").experiment_id)
    promote(MODEL, new.tag, scope=scope, actor="ann", reason="better", now=NOW)
    assert mirror(new.pk)
    known = aliases(settings, scope)
    assert known.keys() == {"champion", "previous"}
    assert known["champion"] != known["previous"]


@pytest.mark.timeout(60)  # where MLflow's own store tries again for minutes
@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:99999",
        "http://[::1",
        "mssql://nobody/here",  # whose driver is not installed
        "sqlite:///{folder}",
        "sqlite:///{folder}/not/there.db",
    ],
)
def test_an_address_that_cannot_be_is_said_at_once(address, tmp_path):
    with pytest.raises(Unreachable, match="MLflow was not told: "):
        Registry.open(address.format(folder=tmp_path), tmp_path)


def test_a_store_whose_making_was_broken_off_is_made_anew(tmp_path, monkeypatch):
    def broken_off(address, artifacts):
        Path(address.removeprefix("sqlite:///")).write_bytes(b"half a database")
        raise OSError("no space left on device")

    monkeypatch.setattr(registry, "_prove_whole", broken_off)
    with pytest.raises(Unreachable, match="no space left"):
        Registry.open(None, tmp_path)
    assert not (tmp_path / "mlflow.db").exists()


def test_what_was_planted_among_the_files_is_not_handed_on(settings, scope):
    version = made(scope)
    (settings.ARB.models.directory / version.file_hash / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert not mirror(version.pk)
    version.refresh_from_db()
    assert "tampered" in version.mirror_error
    (run,) = opened(settings).search_runs(_experiments(settings), f"tags.scope = '{scope}'")
    assert opened(settings).list_artifacts(run.info.run_id, "model") == []


def test_files_that_are_gone_are_said_and_the_row_stays_pending(settings, scope):
    version = made(scope)
    folder = settings.ARB.models.directory / version.file_hash
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert not mirror(version.pk)
    version.refresh_from_db()
    assert version.mlflow_version == ""
    assert "No such file" in version.mirror_error


def test_a_second_mirror_leaves_the_work_to_the_first(scope):
    version = made(scope)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [locks.key_of("mlops.mirroring")])
        assert not mirror(version.pk)
        assert mirror_pending(Mode.SIM) == 0
    finally:
        other.close()
    version.refresh_from_db()
    assert version.mirror_error == ""
