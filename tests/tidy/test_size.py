"""The size guide is a guide: what is over it is told, and nothing fails."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import OVER_THE_GUIDE
from tests.tidy.sources import ROOT, modules, place, tree_of

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60
POSITIONAL_MAX = 5
Function = ast.FunctionDef | ast.AsyncFunctionDef


def over_the_guide() -> list[str]:
    """Every file, function and parameter list that is larger than the guide says."""
    told = []
    for module, path in modules().items():
        lines = len(path.read_text().splitlines())
        if lines > FILE_LINES_MAX:
            told.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree_of(module)):
            if isinstance(node, Function):
                told += [f"{place(module, node)}: {node.name} {what}" for what in too_much(node)]
    return told


def too_much(function: Function) -> list[str]:
    found = []
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if lines > FUNCTION_LINES_MAX:
        found.append(f"has {lines} lines")
    parameters = [a for a in function.args.posonlyargs + function.args.args if a.arg != "self"]
    if len(parameters) > POSITIONAL_MAX:
        found.append(f"takes {len(parameters)} positional parameters")
    return found


def test_what_is_over_the_size_guide_is_told(request: pytest.FixtureRequest) -> None:
    request.config.stash[OVER_THE_GUIDE] = over_the_guide()
