"""The local chain of the demo: there where its packages can be had, said to be missing where not."""

import os
import shutil
from pathlib import Path

import pytest

from arbsite.demo.local_chain import chain_or_reason, find_chain
from simulator.chain import packages
from simulator.chain.packages import ANVIL_VERSION, CONTRACTS, fetch
from tests.chain import world_of_tests

CLOSED_PORT = "http://127.0.0.1:9/"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH, which holds nothing yet."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_registry_that_does_not_answer_is_no_chain_and_no_crash(tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", CLOSED_PORT)
    monkeypatch.setenv("UV_DEFAULT_INDEX", CLOSED_PORT)
    monkeypatch.setenv("UV_OFFLINE", "1")

    world, why = chain_or_reason(tmp_path / "state")

    assert world is None
    assert "npm could not fetch" in why
    assert os.listdir(tmp_path / "state" / "chain") == []
    assert find_chain(tmp_path / "state") is None


def test_where_there_is_no_npm_and_no_network_there_is_no_chain(tmp_path, programs, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))

    world, why = chain_or_reason(tmp_path / "state")

    assert world is None
    assert "is the package registry reachable?" in why


def test_a_package_that_is_not_the_pinned_one_is_refused_by_name(tmp_path, programs):
    first = CONTRACTS[0]
    tarballs = " ".join(package.tarball for package in CONTRACTS)
    put(programs, "npm", f"for name in {tarballs}; do echo forged >$name; done")
    put(programs, "anvil", "echo 'anvil Version: 1.7.1'")

    world, why = chain_or_reason(tmp_path / "state")

    assert world is None
    assert why == f"{first.name}@{first.version} is not what was pinned: its sha512 differs"


def test_an_npm_that_brings_nothing_is_refused(tmp_path, programs):
    put(programs, "npm", "exit 0")

    world, why = chain_or_reason(tmp_path / "state")

    assert world is None
    assert "npm did not bring" in why


def test_an_npm_that_cannot_be_run_is_no_crash(tmp_path, programs):
    (programs / "npm").write_text("this is no program")
    (programs / "npm").chmod(0o755)

    world, why = chain_or_reason(tmp_path / "state")

    assert world is None
    assert "npm could not be run" in why


def test_an_anvil_of_another_version_is_left_alone(tmp_path, programs):
    asked = tmp_path / "asked"
    put(programs, "npm", f'echo "$@" >>{asked}')
    put(programs, "anvil", "echo 'anvil Version: 0.3.0'")

    chain_or_reason(tmp_path / "state")

    assert f"@{ANVIL_VERSION}" in asked.read_text()  # the pinned one among them


def test_a_registry_that_swallows_every_question_is_given_up_soon_and_named(tmp_path, programs, monkeypatch):
    monkeypatch.setattr(packages, "FIRST_PATIENCE_S", 0.2)
    put(programs, "npm", f"exec {shutil.which('sleep', path=os.defpath)} 60")

    _, why = chain_or_reason(tmp_path / "state")

    first = CONTRACTS[0]
    assert why.startswith(f"npm could not fetch {first.name}@{first.version} within 0 s: is the package registry")


def test_what_was_fetched_is_found_again_without_npm(programs):
    world = world_of_tests()
    state_dir = world.state.parents[2]

    again, why = chain_or_reason(state_dir)

    assert (again, why) == (world, "")


def test_nothing_is_left_where_fetching_ends_half_way(tmp_path, programs):
    put(programs, "npm", "echo half >canonical-weth-1.4.0.tgz; exit 1")

    with pytest.raises(Exception, match="npm could not fetch"):
        fetch(tmp_path / "chain" / "packages")
    assert os.listdir(tmp_path / "chain") == []
