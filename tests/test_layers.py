"""Imports point down the layers, never in a circle; functions, files, and the root stay small."""

from __future__ import annotations

import ast

import pytest

from scripts.layers import LEVEL, SOURCE, imports, modules, room

MAX_ROOT_MODULES = 6
MAX_BODY_LINES = 45  # of a function, without its docstring
MAX_FILE_LINES = 350
MAX_FORMAT_SKIPS = 19

IMPORTS = imports()
PACKAGES = {name.rpartition(".")[0] for name in IMPORTS}


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_a_module_imports_from_its_own_layer_or_below(module):
    above = {name for name in IMPORTS[module] if LEVEL[room(name)] > LEVEL[room(module)]}
    assert not above


def test_no_file_imports_itself_through_others():
    assert not circles(IMPORTS)


def test_no_folder_imports_itself_through_others():
    folders: dict[str, set[str]] = {}
    for module, found in IMPORTS.items():
        own = folder(module)
        folders.setdefault(own, set()).update({folder(name) for name in found} - {own})
    assert not circles(folders)


def folder(module: str) -> str:
    """The folder of a module: ``transnet.data.video.reader`` lies in ``transnet.data.video``."""
    return module if module in PACKAGES else module.rpartition(".")[0]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The circles of a graph that a depth-first search meets."""
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


def test_few_modules_lie_at_the_root():
    assert len(list(SOURCE.glob("*.py"))) <= MAX_ROOT_MODULES


@pytest.mark.parametrize("module", sorted(modules()))
def test_files_and_functions_are_short(module):
    text = modules()[module].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    functions = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = {node.name: lines for node in functions if (lines := body_lines(node)) > MAX_BODY_LINES}
    assert not long


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_formatter_is_rarely_overruled():
    skips = sum(
        path.read_text(encoding="utf-8").count("# fmt: skip") for path in modules().values()
    )
    assert skips <= MAX_FORMAT_SKIPS
