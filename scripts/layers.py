"""The layers of the package, and the imports between its modules as the code states them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "transnet"

# From the bottom up. Rooms of one layer may import each other, but not in a circle.
LAYERS = (
    ("errors",),
    ("utils", "config", "yaml_files"),
    ("data",),
    ("model", "reports"),
    ("checkpoints", "runtimes"),
    ("inference",),
    ("training", "evaluation", "deploy"),
    ("experiments", "app", "archive"),
    ("commands", "audit", "paper", "benchmark"),
    ("cli", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ["transnet", *path.relative_to(SOURCE).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports() -> dict[str, set[str]]:
    """The modules of the package that each module imports, anywhere in its code.

    The package itself is left out: it names its public functions wherever they live.
    """
    known = modules()
    del known["transnet"]
    return {name: set(_imported(path, known)) - {name} for name, path in known.items()}


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known:
                    yield inner
                elif node.module in known:
                    yield node.module


def room(module: str) -> str:
    """The room of a module: ``data`` of ``transnet.data.video.reader``."""
    return module.split(".")[1]


def room_imports(imported: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """The rooms that each room imports."""
    found: dict[str, set[str]] = {}
    for module, names in imported.items():
        own = room(module)
        found.setdefault(own, set()).update({room(name) for name in names} - {own})
    return found


def summary(name: str) -> str:
    """The first line of a module's docstring."""
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]
