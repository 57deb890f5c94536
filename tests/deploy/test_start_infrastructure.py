"""start_infrastructure.sh: in Docker and without, and what it refuses."""

import pytest

from tests.deploy.scripts_run import WELL, Desk

START = "start_infrastructure.sh"


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path, has_docker=True)


def test_in_docker_it_prepares_starts_waits_and_checks_the_schema(desk):
    ran = desk.run(START)
    assert ran.code == 0, ran.said
    assert "python manage.py setup --env" in ran.calls
    up = "docker compose up --detach --build timescaledb redis migrate web mlflow grafana"
    check = "docker compose exec -T web python manage.py migrate --check"
    assert ran.calls.index("python manage.py setup --env") < ran.calls.index(up) < ran.calls.index(check)
    assert "the schema is complete" in ran.said and "http://localhost:3000" in ran.said
    assert not [call for call in ran.calls if "bootstrap_ml_models" in call]


def test_it_waits_until_every_service_is_well_and_says_which_is_not(desk):
    (desk.folder / "states").write_text(WELL.replace("web running healthy", "web running starting"))
    ran = desk.run(START, ARB_WAIT_S="0")
    assert ran.code == 3
    assert "not well after 0 s: web - docker compose logs NAME" in ran.said


def test_a_schema_that_could_not_be_set_up_or_is_behind_is_told(desk):
    (desk.folder / "states").write_text(WELL.replace("migrate exited - 0", "migrate exited - 4"))
    ran = desk.run(START)
    assert (ran.code, "docker compose logs migrate" in ran.said) == (3, True)
    (desk.folder / "states").write_text(WELL)
    ran = desk.run(START, SCHEMA_BEHIND="1")
    assert (ran.code, "docker compose run --rm migrate" in ran.said) == (3, True)


def test_a_taken_port_is_refused_before_anything_starts(desk):
    ran = desk.run(START, TAKEN_PORT="5433")
    assert ran.code == 4
    assert "port 5433, where timescaledb is to be found, is in use: end what listens there" in ran.said
    assert not [call for call in ran.calls if "up --detach" in call]


def test_ports_that_our_own_containers_hold_are_no_hindrance(desk):
    assert desk.run(START, TAKEN_PORT="5433", DOCKER_RUNNING="timescaledb redis").code == 0


@pytest.mark.parametrize(("option", "trains"), [("--bootstrap", True), ("--no-bootstrap", False)])
def test_the_bootstrap_is_run_where_it_is_asked_for(desk, option, trains):
    ran = desk.run(START, option)
    train = "docker compose run --rm --no-deps worker-ml python scripts/bootstrap_ml_models.py"
    assert (train in ran.calls) == trains


def test_without_an_engine_it_sets_up_the_projects_own_servers_and_says_so(desk):
    ran = desk.run(START, "--bootstrap", DOCKER_DOWN="1")
    assert ran.code == 0
    assert "No containers: no Docker engine answers." in ran.said
    assert "own PostgreSQL and Redis-compatible server are used instead" in ran.said
    assert ran.calls[-2:] == ["python manage.py setup", "python scripts/bootstrap_ml_models.py"]
    assert "python manage.py setup --env" not in ran.calls


def test_without_an_engine_configured_servers_stay_what_they_are(desk):
    ran = desk.run(START, DOCKER_DOWN="1", IS_CONFIGURED="1")
    assert "The database server that .env names is used; with ARB_ENV_FILE=none" in ran.said


def test_without_an_engine_a_wrong_setting_is_one_line_and_its_own_exit_code(desk):
    ran = desk.run(START, DOCKER_DOWN="1", WRONG_SETTING="ARB_MODE is 'x'")
    assert (ran.code, ran.said) == (2, "No containers: no Docker engine answers.\nARB_MODE is 'x'\n")
    assert "python manage.py setup" not in ran.calls


def test_what_is_said_to_come_next_names_the_settings_that_were_given(desk):
    ran = desk.run(START, DOCKER_DOWN="1", ARB_ENV_FILE="none")
    assert "next: ARB_ENV_FILE=none scripts/run_data_collection.sh" in ran.said


def test_an_unknown_option_is_named(desk):
    ran = desk.run(START, "--fast")
    assert (ran.code, ran.calls) == (2, []) and "unknown option --fast" in ran.said
