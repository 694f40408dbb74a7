"""Filling the compile cache in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hft import hot


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_the_cache_is_filled_once_and_in_another_process(folder: Path) -> None:
    def note() -> None:
        (folder / str(os.getpid())).touch()

    hot.fill_cache("a", (note,))
    hot.fill_cache("a", (note,))
    (told,) = [path.name for path in folder.iterdir() if path.name.isdigit()]
    assert int(told) != os.getpid()
    hot.fill_cache("b", (note,))
    assert len([path for path in folder.iterdir() if path.name.isdigit()]) == 2


def test_what_cannot_be_compiled_is_left_to_who_asked(folder: Path) -> None:
    def refuse() -> None:
        raise ValueError("no")

    hot.fill_cache("a", (refuse,))
    assert list(folder.iterdir()) == [], "it is tried again the next time"
