"""Why a strategy cannot be compiled, in one sentence with the line to look at."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches

from hft.events import MARKET, OPEN_ORDER, POSITION, REPORT
from hft.strategy.api import OUT
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
        where = _where(spec, _line_of(spec, name))
        return CompileRefused(f"{where}: no field is called {name!r}{_instead(spec, name)}")
    text = str(problem)
    lines = [line.strip() for line in text.splitlines()]
    reasons = [line for line in lines if line and not line.startswith(_NOISE)]
    places = [m for m in _PLACE.finditer(text) if m["path"].endswith(spec.path.name)]
    reason = reasons[0] if reasons else type(problem).__name__
    unknown = _UNDEFINED.search(reason)
    named = _line_of(spec, unknown["name"]) if unknown else 0
    line = int(places[0]["line"]) if places else named
    return CompileRefused(f"{_where(spec, line)}: cannot be compiled: {reason}")


def _instead(spec: StrategySpec, name: str) -> str:
    """Name the fields that may have been meant."""
    layouts = (MARKET, POSITION, OPEN_ORDER, REPORT, OUT, spec.state_dtype, spec.params_dtype)
    fields = {field for layout in layouts for field in layout.names or ()}
    meant = [field for field in sorted(fields) if field.startswith(f"{name}_")]
    meant += [field for field in get_close_matches(name, sorted(fields)) if field not in meant]
    if meant:
        return f"; did you mean {' or '.join(meant[:3])}?"
    return "; docs/write-a-strategy.md lists the fields of every record"


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
