"""The local chain as every start finds it: its packages fetched and its contracts deployed once, then kept."""

import gzip
import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Unreachable
from domain.market import MarketKey, Pair
from simulator.chain import packages
from simulator.chain.building import build
from simulator.chain.contracts import TOKEN_SOURCE
from simulator.chain.deployment import Deployment, Pool, read_deployment
from simulator.chain.node import Node, start_node

_BLOCKS = 8  # after the pools open: a reorganisation finds some to replace
_SOURCES = ("building.py", "deployment.py", "pricing.py", "world.py")


@dataclass(frozen=True, slots=True)
class World:
    """The files that a chain starts from."""

    program: Path
    state: Path
    deployment_file: Path

    @property
    def pools(self) -> dict[MarketKey, Pool]:
        """Return its pools by the markets that they are."""
        return {
            MarketKey(pool.venue, Pair.parse(f"{pool.base.asset}/{pool.quote.asset}")): pool
            for pool in self.deployment.pools.values()
        }

    @property
    def deployment(self) -> Deployment:
        """Return what stands on it."""
        return read_deployment(self.deployment_file)

    def start(self, *, port: int = 0, is_mined_by_hand: bool = False) -> Node:
        """Return a node with this world loaded. Raises: Unreachable."""
        return start_node(self.program, port=port, state=self.state, is_mined_by_hand=is_mined_by_hand)


def find_world(folder: Path) -> World | None:
    """Return the world that ``prepare_world`` left in ``folder``, or None."""
    program, built = _packages_folder(folder) / packages.ANVIL, _world_folder(folder)
    if not (built.exists() and program.exists()):
        return None
    return World(program, built / "state.json", built / "deployment.json")


def is_fetched(folder: Path) -> bool:
    """Whether the packages are in ``folder``, so that a world can be built without the network."""
    return (_packages_folder(folder) / packages.ANVIL).exists()


def prepare_world(folder: Path) -> World:
    """Return the world in ``folder``, fetched and built unless it is there. Raises: Unreachable, naming the reason."""
    if (found := find_world(folder)) is not None:
        return found
    fetched, built = _packages_folder(folder), _world_folder(folder)
    if not is_fetched(folder):
        packages.fetch(fetched)
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder) as name:
        draft = Path(name) / built.name
        draft.mkdir()
        _keep(fetched, draft)
        with suppress(OSError):  # somebody was faster, and theirs is the same
            draft.rename(built)
    world = find_world(folder)
    if world is None:
        raise Unreachable(f"the local chain could not be kept in {folder}")
    return world


def _keep(fetched: Path, into: Path) -> None:
    node = start_node(fetched / packages.ANVIL)
    try:
        build(node.client, fetched).write(into / "deployment.json")
        node.client.rpc("anvil_mine", hex(_BLOCKS))
        state = node.client.rpc("anvil_dumpState")
        (into / "state.json").write_bytes(gzip.decompress(bytes.fromhex(state[2:])))
    finally:
        node.kill()


def _packages_folder(folder: Path) -> Path:
    return folder / f"packages-{packages.digest_of_pins()}"


def _world_folder(folder: Path) -> Path:
    """Return the folder of a world built as this code builds it."""
    sources = [TOKEN_SOURCE, *(Path(__file__).with_name(name) for name in _SOURCES)]
    digest = hashlib.sha256(packages.digest_of_pins().encode())
    for source in sources:
        digest.update(source.read_bytes())
    return folder / f"world-{digest.hexdigest()[:16]}"
