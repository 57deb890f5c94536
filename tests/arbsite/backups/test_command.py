"""``manage.py backup``: one object for machines, one sentence for what is wrong, nothing done unconfirmed."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import call_command

from arbsite.backups import manifest, shelf
from arbsite.entry import exit_code
from arbsite.setup import schema
from domain.errors import BadInput, Refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def on_shelf(backup, settings):
    settings.ARB, made = backup
    return made


def told(*words: str, **options) -> dict:
    out = StringIO()
    call_command("backup", *words, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def test_a_backup_is_made_and_listed(settings, backup):
    settings.ARB = backup[0]
    made = told("create", mode="dry_run")
    assert made["databases"][0]["rows"] > 100
    assert [row["name"] for row in told("list")["backups"]] == [backup[1].manifest.name, made["name"]]
    assert not told("list")["backups"][1]["verified"]


def test_a_backup_that_is_spoilt_hides_no_other(on_shelf, settings):
    spoilt = settings.ARB.backups.directory / "20200101_000000"
    spoilt.mkdir()
    (spoilt / manifest.FILE).write_text("{}")
    broken, whole = told("list")["backups"]
    assert "no manifest that can be read" in broken["trouble"]
    assert whole["name"] == on_shelf.manifest.name
    out = StringIO()
    call_command("backup", "list", stdout=out)
    assert len(out.getvalue().splitlines()) == 2


def test_a_dry_run_says_what_it_would_do_and_does_nothing(on_shelf, settings):
    assert told("create", dry_run=True)["dry_run"]
    assert told("verify", dry_run=True)["name"] == on_shelf.manifest.name
    wish = told("restore", shelf.LATEST, dry_run=True, reason="a drill", into="elsewhere")
    assert wish["databases"] == ["elsewhere"]
    with schema.connect_beside(settings.ARB.database, name="postgres") as server:
        assert not server.execute("SELECT FROM pg_database WHERE datname = 'elsewhere'").fetchone()
    assert shelf.names(settings.ARB.backups.directory) == [on_shelf.manifest.name]


@pytest.mark.parametrize(
    ("words", "options", "said", "code"),
    [
        (("restore",), {}, "the name of a backup, or latest", 2),
        (("restore", "latest"), {"reason": ""}, "--reason is missing", 2),
        (("restore", "other"), {"reason": "r"}, "no backup 'other'", 2),
        (("create", "mine"), {}, "names its backup itself", 2),
        (("restore", "latest"), {"reason": "r"}, "is not empty: --replace", 4),
        (("restore", "latest"), {"reason": "r", "dry_run": True}, "is not empty: --replace", 4),
        (
            ("restore", "latest"),
            {"reason": "r", "replace": True},
            "would be replaced, which is not confirmed: give --confirm",
            4,
        ),
        (("restore", "latest"), {"reason": "r", "replace": True, "confirm": "x"}, "not confirmed", 4),
        (("restore", "latest"), {"reason": "r", "mode": "sim"}, "holds no database of sim", 4),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_its_exit_code(on_shelf, words, options, said, code):
    with pytest.raises((BadInput, Refused), match=said) as refused:
        call_command("backup", *words, stdout=StringIO(), **options)
    assert exit_code(refused.value) == code


def test_without_any_backup_the_way_to_one_is_said(settings, tmp_path):
    settings.ARB = replace(settings.ARB, backups=replace(settings.ARB.backups, directory=tmp_path / "none"))
    with pytest.raises(BadInput, match=r"manage\.py backup create"):
        call_command("backup", "verify", stdout=StringIO())
