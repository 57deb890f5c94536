"""Fails where a module or the functions on the whole have grown too long to read."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

MODULE_LINES = 500
MEDIAN_LINES = 10
P90_LINES = 28


def main() -> int:
    """Print what is too long, and return the exit code."""
    modules = [Path(name) for name in tracked_modules() if "/migrations/" not in name and Path(name).exists()]
    product = [module for module in modules if module.parts[0] not in {"tests", "benchmarks"}]
    complaints = too_long_modules(modules) + too_long_functions(product)
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


def tracked_modules() -> list[str]:
    """Return the Python files that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name]


def too_long_modules(modules: list[Path]) -> list[str]:
    """Return a complaint for each module above the limit."""
    lengths = {module: len(module.read_text(encoding="utf-8").splitlines()) for module in modules}
    return [
        f"{module}: {lines} lines, at most {MODULE_LINES}" for module, lines in lengths.items() if lines > MODULE_LINES
    ]


def too_long_functions(modules: list[Path]) -> list[str]:
    """Return a complaint for each figure of the functions' lengths that is above its limit."""
    lengths = [length for module in modules for length in function_lengths(module)]
    if len(lengths) < 10:
        return []
    figures = {"median": (statistics.median(lengths), MEDIAN_LINES)}
    figures["90th percentile"] = (statistics.quantiles(lengths, n=10)[-1], P90_LINES)
    return [
        f"functions: {name} {value:.0f} lines, at most {limit}"
        for name, (value, limit) in figures.items()
        if value > limit
    ]


def function_lengths(module: Path) -> list[int]:
    """Return the lines of each function, signature and docstring included."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(function.end_lineno or function.lineno) - function.lineno + 1 for function in functions]


if __name__ == "__main__":
    sys.exit(main())
