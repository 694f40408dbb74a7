"""The project's own source files, parsed once, and who imports whom among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("ringbuf", "hft", "dashboard", "benches", "tests")
LIBRARY = ("ringbuf", "hft", "dashboard")


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name; a package goes by its folder's name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree_of(module: str) -> ast.Module:
    """The syntax tree of one module."""
    return ast.parse(modules()[module].read_text(), str(modules()[module]))


def library() -> list[str]:
    """Modules that run in the engine, as opposed to benches and tests."""
    return [name for name in modules() if name.partition(".")[0] in LIBRARY]


def place(module: str, node: ast.AST) -> str:
    """Where a node stands, as a terminal can open it."""
    return f"{modules()[module].relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def imports_of(module: str, *, at_load: bool = False) -> Iterator[tuple[str, ast.stmt]]:
    """Modules of this project that `module` imports, each with its statement.

    With `at_load` only those that run while the module itself is being imported.
    """
    for node in _statements(tree_of(module), at_load=at_load):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from ((name, node) for name in _known(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield from ((found, node) for found in _known(name if name in modules() else base))


def _known(name: str) -> list[str]:
    return [name] if name in modules() else []


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    inside = modules()[module].name == "__init__.py"
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + inside]
    return ".".join([*parts, node.module] if node.module else parts)


def _statements(node: ast.AST, *, at_load: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if at_load and (later or _for_types_only(child)):
            continue
        yield child
        yield from _statements(child, at_load=at_load)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
