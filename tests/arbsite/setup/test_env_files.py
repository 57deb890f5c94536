"""``setup --env``: complete, private, and never over what is there."""

import json
import os
from pathlib import Path

import pytest

from arbsite import config, entry
from arbsite.setup import env_files
from domain.errors import BadInput, Refused


def modes(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.iterdir()}


def test_it_makes_settings_that_load_with_secrets_that_nobody_could_guess(tmp_path):
    made = env_files.make_files(tmp_path)
    arb = config.load({}, tmp_path / ".env", checkout=tmp_path, state_dir=tmp_path / "state")
    secret = (tmp_path / "secrets" / "timescale_password").read_text()
    assert (arb.database.host, arb.database.port, arb.database.user) == ("localhost", 5433, "trading_user")
    assert arb.database.password.reveal() == secret
    assert secret in (tmp_path / "secrets" / "timescale_password").read_text() and len(secret) >= 32
    assert arb.redis_url.startswith("redis://:") and arb.series.requires_timescale
    assert len({(tmp_path / "secrets" / name).read_text() for name in made.made}) == len(env_files.GENERATED) + 1
    assert "kraken_api_key" in made.to_fill_in and arb.venues.kraken.trade is None


def test_others_can_read_none_of_it(tmp_path):
    env_files.make_files(tmp_path)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert modes(tmp_path / "secrets") == {0o440, 0o640}
    assert not any(
        (tmp_path / "secrets" / name).read_text() in (tmp_path / ".env").read_text() for name in ["redis_password"]
    )


def test_what_is_there_stays_as_it_is_and_what_is_missing_is_added(tmp_path):
    env_files.make_files(tmp_path)
    folder, env_file = tmp_path / "secrets", tmp_path / ".env"
    (folder / "kraken_api_key").write_text("mine")
    (folder / "redis_password").unlink()
    env_file.write_text(env_file.read_text().replace("ARB_MODE=dry_run\n", "ARB_MODE=sim\nARB_PAIRS=BTC/USD\n"))
    before = {file.name: file.read_text() for file in folder.iterdir()} | {".env": env_file.read_text()}
    again = env_files.make_files(tmp_path)
    after = {file.name: file.read_text() for file in folder.iterdir()} | {".env": env_file.read_text()}
    assert again.made == ["redis_password"] and again.lines_added == []
    assert "kraken_api_key" in again.kept
    assert {name: text for name, text in after.items() if name != "redis_password"} == before


def test_an_env_file_from_the_example_is_completed(tmp_path):
    example = Path(env_files.CHECKOUT / ".env.example").read_text()
    (tmp_path / ".env").write_text(example)
    made = env_files.make_files(tmp_path)
    assert {"TIMESCALE_HOST", "SECRETS_DIR", "KRAKEN_API_KEY_FILE"} <= set(made.lines_added)
    assert "ARB_MODE" not in made.lines_added
    arb = config.load({}, tmp_path / ".env", checkout=tmp_path, state_dir=tmp_path)
    assert arb.database.base_name == "trading_db"


def test_secrets_that_stand_in_the_env_file_are_taken_over(tmp_path):
    (tmp_path / ".env").write_text(
        "KRAKEN_API_KEY=k-1234\nKRAKEN_API_SECRET=s-1234\nTIMESCALE_PASSWORD=nobody-guesses-1\n"
    )
    made = env_files.make_files(tmp_path)
    assert made.taken_over == ["TIMESCALE_PASSWORD", "KRAKEN_API_KEY", "KRAKEN_API_SECRET"]
    assert (tmp_path / "secrets" / "kraken_api_key").read_text() == "k-1234"
    arb = config.load({}, tmp_path / ".env", checkout=tmp_path, state_dir=tmp_path)
    assert arb.database.password.reveal() == "nobody-guesses-1"


def test_an_examples_password_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / ".env").write_text("TIMESCALE_PASSWORD=trading_pass_change_in_production\n")
    with pytest.raises(BadInput, match=r"TIMESCALE_PASSWORD in .*\.env is an example's text.*setup --env"):
        env_files.make_files(tmp_path)
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("name", ["TIMESCALE_PASSWORD", "GRAFANA_ADMIN_PASSWORD"])
@pytest.mark.parametrize(("secret", "said"), [("short", "too weak"), ("a" * 40, "too weak"), ("admin", "an example's")])
def test_what_is_soon_guessed_is_refused_wherever_it_stands(tmp_path, name, secret, said):
    (tmp_path / ".env").write_text(f"{name}={secret}\n")
    with pytest.raises(BadInput, match=rf"{name} in .*\.env is {said}"):
        env_files.make_files(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".env"]
    (tmp_path / ".env").unlink()
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / name.lower()).write_text(secret)
    with pytest.raises(BadInput, match=rf"{name} in .*secrets/{name.lower()} is {said}"):
        env_files.make_files(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["secrets"]


def test_a_file_that_holds_no_text_is_named(tmp_path):
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "redis_password").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="redis_password holds no text"):
        env_files.make_files(tmp_path)


def test_the_superusers_password_is_the_one_that_the_server_was_made_with(tmp_path):
    env_files.make_files(tmp_path)
    file, address = tmp_path / "secrets" / "postgres_password", tmp_path / "secrets" / "arb_restore_url"
    before = file.read_text(), address.read_text()
    file.unlink()
    env_files.make_files(tmp_path)
    assert (file.read_text(), address.read_text()) == before
    address.unlink()
    address.write_text("")
    env_files.make_files(tmp_path)
    assert address.read_text() == before[1]


def test_a_folder_of_secrets_that_others_can_open_is_refused(tmp_path):
    (tmp_path / "secrets").mkdir(mode=0o755)
    with pytest.raises(Refused, match=r"chmod 700 .*secrets"):
        env_files.make_files(tmp_path)
    assert not (tmp_path / ".env").exists()


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(BadInput, match="nosuch, which is no folder"):
        env_files.make_files(tmp_path / "nosuch")


def test_the_command_needs_no_settings_and_tells_machines_what_it_did(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(os.environ, "ARB_MODE", "nonsense")  # which no other command would bear
    assert entry.main(["manage.py", "setup", "--env", "--directory", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["made"]) == {name.lower() for name in env_files.GENERATED} | {"arb_restore_url"}
    assert told["env_file"] == str(tmp_path / ".env")


def test_words_name_what_is_left_to_do(tmp_path):
    told = env_files.in_words(env_files.make_files(tmp_path))
    assert "still blank" in told and "kraken_api_key" in told and "start_infrastructure.sh" in told
    assert (tmp_path / "secrets" / "redis_password").read_text() not in told
