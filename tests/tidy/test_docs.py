"""A page of docs that is wrong is worse than none: what can be checked is checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hft.config import load
from hft.errors import ExitCode
from hft.events import Side, Verdict
from hft.simulator import __main__ as simulator
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


def test_the_config_for_a_simulator_started_by_hand_fits_it(tmp_path: Path) -> None:
    text = (ROOT / "docs/operations.md").read_text()
    (tmp_path / "config.toml").write_text(text.partition("```toml\n")[2].partition("```")[0])
    settings = load(tmp_path / "config.toml")
    assert settings.network.ws_url == "ws://127.0.0.1:9000"
    assert (settings.network.name, settings.network.rest_url) == ("local", "http://127.0.0.1:9000")
    assert f'"{simulator.API_KEY}"' in text
    assert f'"{simulator.API_SECRET}"' in text


def test_the_recipes_for_clients_name_the_keys_that_open_it() -> None:
    text = (ROOT / "docs/exchange-clients.md").read_text()
    assert f'KEY = "{simulator.API_KEY}"' in text
    assert f'SECRET = "{simulator.API_SECRET}"' in text


def python_with(word: str, page: str) -> str:
    """The first Python of a page that has this word."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    return str(next(block for block in blocks if word in block))


@pytest.mark.parametrize(
    "plain",
    [True, pytest.param(False, marks=pytest.mark.long)],
    ids=["interpreted", "compiled"],
)
def test_the_strategy_in_the_readme_works(tmp_path: Path, plain: bool) -> None:
    (tmp_path / "dip.py").write_text(python_with("NAME =", "README.md"))
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


@pytest.mark.parametrize(
    "plain",
    [True, pytest.param(False, marks=pytest.mark.long)],
    ids=["interpreted", "compiled"],
)
def test_the_report_example_counts_fills_and_refusals(tmp_path: Path, plain: bool) -> None:
    fields = '("average", "<f8"), ("refused", "<i8"), ("filled", "<f8"))'
    source = python_with("NAME =", "README.md").replace('("average", "<f8"))', fields)
    source = source.replace("    Side,", "    Side,\n    Status,")
    source += "\n\n" + python_with("on_report", "docs/write-a-strategy.md")
    (tmp_path / "dip.py").write_text(source)
    rig = Rig(tmp_path / "dip.py", plain=plain)
    for _ in range(120):
        rig.trade(60_000.0)
    (intent,) = rig.trade(59_970.0)
    rig.reject(intent)
    (intent,) = rig.trade(59_960.0)
    rig.fill(intent, 59_960.0)
    assert (rig.state["refused"], rig.state["filled"]) == (1, 0.01)


def test_the_test_in_the_guide_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my/dip.py").write_text(python_with("NAME =", "README.md"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    guide = python_with("rig.fill", "docs/write-a-strategy.md").replace(
        "drop=", "plain=True, drop="
    )
    exec(guide, names)
    names["test_it_buys_what_fell_quickly"]()
