"""Every recipe of docs/exchange-clients.md works as it is printed."""

from __future__ import annotations

import re

import pytest

from tests.compat.clients import needed
from tests.compat.recipes import pointed, recipes, run


@pytest.mark.parametrize("title", recipes())
def test_the_recipe_works_as_printed(title: str, request: pytest.FixtureRequest) -> None:
    pointing, using = recipes()[title]
    for module in re.findall(r"^(?:from|import) (\S+)", pointing, flags=re.MULTILINE):
        needed(module)
    run(using, title, pointed(title, request.getfixturevalue("venue")))
