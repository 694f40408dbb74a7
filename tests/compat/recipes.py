"""The recipes of docs/exchange-clients.md, run exactly as they are printed there.

The fixtures of every client are these recipes: a page that is wrong fails every test of it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from tests.compat.venue import API_KEY, API_SECRET, ROOT, Venue

PAGE = ROOT / "docs/exchange-clients.md"


@cache
def recipes() -> dict[str, list[str]]:
    """Every section's Python blocks, by its heading: first how to point, then how to use."""
    found = {}
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        found[title] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    return found


def pointed(title: str, venue: Venue, **names: Any) -> dict[str, Any]:
    """Run a section's first block against a venue; gives the names it leaves."""
    space = {"HOST": venue.host, "KEY": API_KEY, "SECRET": API_SECRET, **names}
    run(recipes()[title][0], title, space)
    return space


def run(source: str, title: str, space: dict[str, Any]) -> None:
    exec(compile(source, f"{PAGE.name}: {title}", "exec"), space)
