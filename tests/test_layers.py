"""Imports go down the layers only, and never in a circle."""

from __future__ import annotations

import pytest

from tests.imports import imports

# From the ground up. Rooms of one layer may import each other, if not in a circle.
LAYERS = (
    ("errors",),
    ("utils", "config"),
    ("data",),
    ("model", "reports"),
    ("checkpoints", "runtimes"),
    ("inference",),
    ("training", "evaluation", "deploy"),
    ("archive",),
    ("experiments",),
    ("commands", "audit", "paper", "benchmark"),
    ("cli", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
# The package itself names its public functions wherever they live.
IMPORTS = {name: found - {"transnet"} for name, found in imports().items() if name != "transnet"}


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_a_module_imports_from_its_own_layer_or_below(module):
    above = {name for name in IMPORTS[module] if LEVEL[room(name)] > LEVEL[room(module)]}
    assert not above


def test_no_file_imports_itself_over_others():
    assert not circles(IMPORTS)


def test_no_folder_imports_itself_over_others():
    folders: dict[str, set[str]] = {}
    for module, found in IMPORTS.items():
        own = folder(module)
        folders.setdefault(own, set()).update({folder(name) for name in found} - {own})
    assert not circles(folders)


def folder(module: str) -> str:
    """The folder of a module: ``transnet.data.video.reader`` lies in ``transnet.data.video``."""
    return module if module in PACKAGES else module.rpartition(".")[0]


PACKAGES = {name.rpartition(".")[0] for name in IMPORTS}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The circles of a graph that a search in depth meets."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(node: str, way: list[str]) -> None:
        if node in way:
            found.append([*way[way.index(node) :], node])
        elif node not in done:
            for below in sorted(graph.get(node, ())):
                visit(below, [*way, node])
            done.add(node)

    for node in sorted(graph):
        visit(node, [])
    return found


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c", "a"]]
