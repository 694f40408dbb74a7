"""What may not be written, because a rule that is not a test is a wish."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tidy.sources import ROOT, library, modules, place, tree_of

CLOCKS = {
    "time": {
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "perf_counter_ns",
        "clock_gettime",
        "clock_gettime_ns",
        "sleep",
    },
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
CLOCK_FILE = "hft.clock"
FLOAT_ROOM = "hft.strategies."
"""Strategies decide on float64 as the market gives it; nothing they compute is booked."""
LEFTOVERS = re.compile(r"\b(TO" "DO|FIX" "ME|XX" r"X)\b")  # In parts, so as not to find itself.
TEXT_FILES = ("*.py", "*.md", "*.toml", "*.txt", "*.sh", "Makefile")


def listed(problems: list[str]) -> str:
    return "\n" + "\n".join(problems)


def nodes(module: str) -> Iterator[ast.AST]:
    return ast.walk(tree_of(module))


def reads_a_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(n.name in CLOCKS["time"] for n in node.names)
    if isinstance(node, ast.Attribute):
        owner = node.value
        name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        return node.attr in CLOCKS.get(name, ())
    return False


def is_print(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )


def is_silent_handler(node: ast.AST) -> bool:
    """A handler of everything, or one that does nothing at all with what it caught."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    if node.type is None:
        return True
    if all(isinstance(step, ast.Pass) or _is_ellipsis(step) for step in node.body):
        return True
    broad = ast.unparse(node.type) in ("Exception", "BaseException")
    used = any(isinstance(n, ast.Name) and n.id == node.name for n in ast.walk(node))
    return (
        broad and not used and not any(isinstance(n, ast.Raise | ast.Call) for n in ast.walk(node))
    )


def _is_ellipsis(step: ast.stmt) -> bool:
    return isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant)


def is_float_money(node: ast.AST) -> bool:
    """Something named `..._e8` that is given a float, or is said to be one."""
    if isinstance(node, ast.Assign):
        return any(map(_is_money, node.targets)) and _is_float(node.value)
    if isinstance(node, ast.AugAssign):
        return _is_money(node.target) and (isinstance(node.op, ast.Div) or _is_float(node.value))
    if isinstance(node, ast.AnnAssign):
        told = ast.unparse(node.annotation) == "float"
        return _is_money(node.target) and (
            told or (node.value is not None and _is_float(node.value))
        )
    if isinstance(node, ast.arg):
        told = node.annotation is not None and ast.unparse(node.annotation) == "float"
        return told and node.arg.endswith("_e8")
    if isinstance(node, ast.keyword):
        return (node.arg or "").endswith("_e8") and _is_float(node.value)
    return False


def _is_money(target: ast.expr) -> bool:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value).endswith("_e8")
    name = getattr(target, "attr", getattr(target, "id", ""))
    return str(name).endswith("_e8")


def _is_float(value: ast.expr) -> bool:
    """Whether an expression goes through a float; a called function answers for itself."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, float)
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.Div) or _is_float(value.left) or _is_float(value.right)
    if isinstance(value, ast.UnaryOp):
        return _is_float(value.operand)
    if isinstance(value, ast.IfExp):
        return _is_float(value.body) or _is_float(value.orelse)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        if value.func.id in ("float", "round"):
            return True
        return value.func.id in ("int", "abs", "min", "max") and any(map(_is_float, value.args))
    return False


@pytest.mark.parametrize(
    ("code", "money"),
    [
        ("fee_e8 = price_e8 * qty // 3", False),
        ("fee_e8 = price_e8 * qty / 3", True),
        ("fee_e8 = int(price * 1e8)", True),
        ("self.fee_e8 = float(x)", True),
        ("row['fee_e8'] = round(x)", True),
        ("fee_e8 += a / b", True),
        ("fee_e8 //= 2", False),
        ("fee_e8 = parse_e8(text)", False),
        ("fee = fee_e8 / 1e8", False),
        ("fee_e8: float = 0", True),
        ("def f(fee_e8: float): ...", True),
        ("book(fee_e8=a / b)", True),
    ],
)
def test_the_rule_for_money_itself(code: str, money: bool) -> None:
    assert any(map(is_float_money, ast.walk(ast.parse(code)))) is money


def test_only_one_file_reads_a_clock_or_sleeps() -> None:
    wrong = [
        f"{place(module, node)}: {ast.unparse(node)}"
        for module in library()
        if module != CLOCK_FILE
        for node in nodes(module)
        if reads_a_clock(node)
    ]
    assert not wrong, listed(wrong)


def test_nothing_prints() -> None:
    wrong = [place(m, n) for m in modules() if m != "tests" for n in nodes(m) if is_print(n)]
    assert not wrong, listed(wrong)


def test_no_exception_is_swallowed_in_silence() -> None:
    wrong = [place(m, n) for m in modules() for n in nodes(m) if is_silent_handler(n)]
    assert not wrong, listed(wrong)


def test_money_is_never_a_float() -> None:
    wrong = [
        f"{place(m, n)}: {ast.unparse(n)}"
        for m in library()
        if not m.startswith(FLOAT_ROOM)
        for n in nodes(m)
        if is_float_money(n)
    ]
    assert not wrong, listed(wrong)


def test_nothing_is_left_for_later() -> None:
    wrong = []
    folders = [
        ROOT / name for name in (*{m.partition(".")[0] for m in modules()}, "docs", "scripts")
    ]
    files = {path for pattern in TEXT_FILES for path in ROOT.glob(pattern)}
    files |= {p for folder in folders for pattern in TEXT_FILES for p in folder.rglob(pattern)}
    for path in sorted(files):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if LEFTOVERS.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not wrong, listed(wrong)
