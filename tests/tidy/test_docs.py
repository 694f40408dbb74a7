"""A page of docs that is wrong is worse than none: what can be checked is checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hft.errors import ExitCode
from hft.events import Side, Verdict
from tests.hft.strategy.rig import Rig, side_and_qty
from tests.tidy import doc_tables
from tests.tidy.sources import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", doc_tables.PAGES, ids=lambda page: page.name)
def test_generated_tables_are_those_of_the_code(page: Path) -> None:
    hint = "run: python -m tests.tidy.doc_tables"
    assert page.read_text() == doc_tables.written(page.read_text()), hint


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        name, _, heading = target.partition("#")
        place = (page.parent / name) if name else page
        assert place.exists(), f"{page.name}: {target}"
        if heading:
            assert heading in headings(place), f"{page.name}: {target}"


def headings(page: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in found}


def test_every_exit_code_is_explained() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    for code in ExitCode:
        assert f"| {code.value} | {code.name} |" in text


def test_the_readme_and_ci_run_the_same_tests() -> None:
    assert "\nmake test " in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / ".ci/run").read_text().splitlines()


def test_every_direct_dependency_is_pinned_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"run": project["dependencies"], **project["optional-dependencies"]}
    for name, packages in wanted.items():
        pins = pinned(name)
        for package in packages:
            bare = re.split(r"[;<>=\[ ]", package)[0]
            assert bare.lower() in pins, f"requirements/{name}.txt does not pin {bare}"


def pinned(name: str) -> set[str]:
    names = set()
    for line in (ROOT / f"requirements/{name}.txt").read_text().splitlines():
        if line and not line.startswith(("#", "-r ")):
            assert re.match(r"^[A-Za-z0-9_.-]+==[0-9][^\s]*(; .+)?$", line), line
            names.add(line.partition("==")[0].lower())
    return names


@pytest.mark.parametrize(
    "plain",
    [True, pytest.param(False, marks=pytest.mark.long)],
    ids=["interpreted", "compiled"],
)
def test_the_strategy_in_the_readme_works(tmp_path: Path, plain: bool) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / "dip.py").write_text(next(block for block in blocks if "NAME =" in block))
    rig = Rig(tmp_path / "dip.py", plain=plain)
    assert rig.spec.name == "DIP"
    for _ in range(120):
        assert rig.trade(60_000.0) == []
    assert rig.said() == Verdict.NO_SIGNAL
    (intent,) = rig.trade(59_970.0)
    assert side_and_qty([intent]) == [(Side.BUY, 0.01)]
    assert rig.trade(59_960.0) == []
    assert rig.said() == Verdict.IN_FLIGHT
    rig.fill(intent, 59_970.0)
    assert side_and_qty(rig.trade(60_100.0)) == [(Side.SELL, 0.01)]
    assert rig.gap(60_000.0) == []
    assert rig.said() == Verdict.WARMING_UP
