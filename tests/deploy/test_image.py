"""The image: hash-locked, nobody special, and nothing of the checkout in it but what runs."""

import re

from arbsite.config.variables import VARIABLES
from tests.deploy.stack import CHECKOUT

DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
IGNORED = (CHECKOUT / ".dockerignore").read_text().splitlines()


def test_packages_are_those_of_the_lock_by_their_hashes():
    assert "--require-hashes" in DOCKERFILE and "requirements.txt" in DOCKERFILE
    pinned = re.findall(r"^[a-z0-9][\w.\-\[\]]*==\S+", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE)
    assert len(pinned) > 100
    assert not re.search(r"pip install (?!.*--require-hashes)", DOCKERFILE.replace("\\\n", ""))


def test_base_images_are_pinned_to_a_release():
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {"python:3.11.15-slim-trixie"}


def test_it_runs_as_the_account_that_owns_its_folders():
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.rindex("USER ") > DOCKERFILE.rindex("COPY ")


def test_the_commit_is_an_argument_that_the_code_reads():
    assert "ARG COMMIT" in DOCKERFILE and "ARB_COMMIT=$COMMIT" in DOCKERFILE
    set_here = set(re.findall(r"\b(ARB_\w+)=", DOCKERFILE))
    assert set_here <= set(VARIABLES) and "ARB_ENV_FILE" in set_here


def test_only_what_is_listed_reaches_the_builder():
    assert IGNORED[1] == "*"
    packages = {path.parent.name for path in CHECKOUT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    let_in = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    assert packages <= let_in
    assert all(list(CHECKOUT.glob(path)) for path in let_in)
    assert not {"tests", "docs", "secrets", ".env", ".git"} & let_in
