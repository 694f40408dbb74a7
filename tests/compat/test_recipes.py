"""Every recipe of docs/exchange-clients.md works as it is printed."""

from __future__ import annotations

import re

import pytest

from tests.compat.recipes import pointed, recipes, run
from tests.compat.venue import Venue


@pytest.mark.parametrize("title", recipes())
def test_the_recipe_works_as_printed(title: str, venue: Venue) -> None:
    pointing, using = recipes()[title]
    needed = re.findall(r"^(?:from|import) (\S+)", pointing, flags=re.MULTILINE)
    for name in needed:
        pytest.importorskip(name)
    run(using, title, pointed(title, venue))
