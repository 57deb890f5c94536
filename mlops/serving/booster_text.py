"""Whether a text is a whole booster: over some that are not, LightGBM's own reader ends the process."""

import re
from collections.abc import Mapping, Sequence

from domain.errors import BadInput

_HEADER = ("version", "label_index", "objective", "feature_names", "feature_infos")
_OF_NODES = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child")
_ALSO_OF_NODES = ("internal_value", "internal_weight", "internal_count")
_OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
_NUMBER = r"(?:-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?|-?inf|-?nan)"
_NUMBERS = re.compile(rf"(?:{_NUMBER}(?: {_NUMBER})*)?")


class BrokenBooster(BadInput):
    """A text that is not the booster that it should be."""


def check_booster(text: str, *, n_features: int) -> None:
    """Raise BrokenBooster unless every tree is there, whole, of plain splits on known features, and ends in leaves."""
    head, _, rest = text.partition("\n\n")
    header = _values(head)
    if missing := [name for name in _HEADER if not header.get(name)]:
        raise BrokenBooster(f"a booster does not say its {missing[0]}")
    expected = {"num_class": "1", "num_tree_per_iteration": "1", "max_feature_idx": str(n_features - 1)}
    for name, value in expected.items():
        if header.get(name) != value:
            raise BrokenBooster(f"a booster says {name} is {header.get(name)}; it should be {value}")
    for name in ("feature_names", "feature_infos"):
        if len(header[name].split()) != n_features:
            raise BrokenBooster(f"a booster lists {len(header[name].split())} {name}; it should list {n_features}")
    _check_trees(rest.lstrip("\n"), _whole_numbers(header.get("tree_sizes", "")), n_features)


def _check_trees(text: str, sizes: Sequence[int], n_features: int) -> None:
    begins = 0
    for number, size in enumerate(sizes):
        tree = text[begins : begins + size]
        if size <= 0 or not tree.startswith(f"Tree={number}\n"):
            raise BrokenBooster(f"tree {number} of {len(sizes)} is not where a booster says it is")
        try:
            _check_tree(_values(tree), n_features)
        except (KeyError, ValueError) as error:
            raise BrokenBooster(f"tree {number} of {len(sizes)} cannot be read: {error}") from None
        begins += size
    if not sizes or not text.startswith("end of trees", begins):
        raise BrokenBooster("a booster ends before its trees do")


def _check_tree(tree: Mapping[str, str], n_features: int) -> None:
    """Raise KeyError or ValueError for what would lead LightGBM astray, or nowhere."""
    if (tree["num_cat"], tree["is_linear"]) != ("0", "0"):
        raise ValueError("its splits are not plain ones")
    n_leaves = int(tree["num_leaves"])
    lengths = dict.fromkeys((*_OF_NODES, *_ALSO_OF_NODES), n_leaves - 1) | dict.fromkeys(_OF_LEAVES, n_leaves)
    for name, length in lengths.items():
        found = len(tree[name].split())
        if found != length and not (n_leaves == 1 and name in ("leaf_weight", "leaf_count")):
            raise ValueError(f"{name} has {found} values, not {length}")
    for name in (*lengths, "shrinkage"):
        if not _NUMBERS.fullmatch(tree[name]):
            raise ValueError(f"{name} holds what is no number")
    if not all(0 <= feature < n_features for feature in _whole_numbers(tree["split_feature"])):
        raise ValueError("it splits on a feature that there is not")
    for name in ("left_child", "right_child"):
        for node, child in enumerate(_whole_numbers(tree[name])):
            if not (node < child < n_leaves - 1 or -n_leaves <= child < 0):  # below zero it is a leaf
                raise ValueError(f"{name} of node {node} is {child}")


def _values(lines: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines.split("\n"))
    return {name: value for name, _, value in pairs}


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(value) for value in text.split()]
    except ValueError as error:
        raise BrokenBooster(f"a booster cannot be read: {error}") from None
