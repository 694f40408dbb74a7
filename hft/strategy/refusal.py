"""Why a strategy cannot be compiled, in one sentence with the line to look at."""

from __future__ import annotations

import ast
import re

from hft.strategy.build import CompileRefused
from hft.strategy.load import StrategySpec

_PLACE = re.compile(r"typing of .* at (?P<path>.+) \((?P<line>\d+)\)$", re.MULTILINE)
_UNDEFINED = re.compile(r"name '(?P<name>\w+)' is not defined")
_NOISE = ("Failed in nopython mode", "During:", "File ", "There are", "Overload", "Internal error")


def refusal(spec: StrategySpec, problem: Exception) -> CompileRefused:
    """Boil down what the compiler raised."""
    if isinstance(problem, KeyError):
        # This is how numba says that a record has no field of that name; it does not say where.
        name = str(problem.args[0])
        return CompileRefused(f"{_where(spec, _line_of(spec, name))}: no field is called {name!r}")
    text = str(problem)
    lines = [line.strip() for line in text.splitlines()]
    reasons = [line for line in lines if line and not line.startswith(_NOISE)]
    places = [m for m in _PLACE.finditer(text) if m["path"].endswith(spec.path.name)]
    reason = reasons[0] if reasons else type(problem).__name__
    unknown = _UNDEFINED.search(reason)
    named = _line_of(spec, unknown["name"]) if unknown else 0
    line = int(places[0]["line"]) if places else named
    return CompileRefused(f"{_where(spec, line)}: cannot be compiled: {reason}")


def _where(spec: StrategySpec, line: int) -> str:
    return f"{spec.path}, line {line}" if line else str(spec.path)


def _line_of(spec: StrategySpec, name: str) -> int:
    found = [
        node.lineno
        for node in ast.walk(ast.parse(spec.path.read_bytes()))
        if (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.Name) and node.id == name)
    ]
    return min(found, default=0)
