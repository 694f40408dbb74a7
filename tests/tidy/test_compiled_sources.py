"""The compile cache must know every file whose change could change compiled code."""

from __future__ import annotations

import ast

from hft.compile_cache import COMPILED_SOURCES
from tests.tidy.sources import ROOT, imports_of, library, modules, place, tree_of

DECORATORS = {"compiled", "inlined", "merged", "njit", "jit", "intrinsic", "overload"}


def compiles(module: str) -> bool:
    """Whether a function of the module is compiled."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                named = decorator.func if isinstance(decorator, ast.Call) else decorator
                if getattr(named, "attr", getattr(named, "id", "")) in DECORATORS:
                    return True
    return False


def is_covered(module: str) -> bool:
    path = modules()[module].relative_to(ROOT)
    return any(path.is_relative_to(source) for source in COMPILED_SOURCES)


def test_every_module_with_compiled_code_is_part_of_the_digest() -> None:
    missing = [name for name in library() if compiles(name) and not is_covered(name)]
    assert not missing, missing


def test_so_is_every_module_whose_constants_and_functions_it_may_use() -> None:
    missing = [
        f"{place(module, node)}: {other}"
        for module in library()
        if compiles(module)
        for other, node in imports_of(module, at_load=True)
        if not is_covered(other)
        # Names of these cannot be constants of compiled code: texts, exceptions, clocks.
        and other not in ("hft.errors", "hft.clock")
    ]
    assert not missing, "\n" + "\n".join(missing)
