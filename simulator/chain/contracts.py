"""The code of every contract: from the fetched packages, and our own token compiled here."""

import json
import re
from pathlib import Path

from domain.errors import Unreachable

TOKEN_SOURCE = Path(__file__).parents[2] / "contracts" / "Token.vy"
_MULTICALL = re.compile(r"multicall3Bytecode = '0x([0-9a-f]+)'")


def bytecode_of(packages: Path, name: str) -> str:
    """Return what deploys the contract ``name``, as hex without a prefix."""
    built = json.loads((packages / f"{name}.json").read_text(encoding="utf-8"))
    return str(built["bytecode"]).removeprefix("0x")


def multicall3_bytecode(packages: Path) -> str:
    """Return what deploys Multicall3, as hex without a prefix. Raises: Unreachable if the package holds none."""
    found = _MULTICALL.search((packages / "multicall3.js").read_text(encoding="utf-8"))
    if found is None:
        raise Unreachable("the package that should hold Multicall3 does not")
    return found[1]


def token_bytecode() -> str:
    """Return what deploys our own token, as hex without a prefix. Raises: Unreachable if Vyper is not installed."""
    try:
        import vyper  # type: ignore[import-untyped]  # late: it takes a second, once in the life of a state folder
    except ImportError as missing:
        raise Unreachable("vyper, which compiles the token, is not installed") from missing
    built = vyper.compile_code(TOKEN_SOURCE.read_text(encoding="utf-8"), output_formats=["bytecode"])
    return str(built["bytecode"]).removeprefix("0x")
