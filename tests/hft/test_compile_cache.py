from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hft import compile_cache
from tests.tidy.sources import ROOT


@pytest.fixture(name="project")
def a_small_project(tmp_path: Path) -> Path:
    for name in ("ringbuf/spsc.py", "hft/events.py", "hft/feed/decode.py", "hft/cli.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a = 1\n")
    return tmp_path


def test_any_change_of_a_compiled_source_changes_the_digest(project: Path) -> None:
    digest = compile_cache.source_digest
    before = digest(project)
    assert digest(project) == before
    (project / "hft/cli.py").write_text("a = 2\n")
    assert digest(project) == before, "the command line is never compiled"
    (project / "hft/feed/decode.py").write_text("a = 2\n")
    changed = digest(project)
    assert changed != before
    (project / "hft/feed/new.py").write_text("")
    assert digest(project) not in (before, changed)


def test_the_digest_holds_the_versions_that_compile() -> None:
    names = compile_cache._versions(sys.path)
    assert any(name.startswith("numba-") for name in names)
    assert any(name.startswith("numpy-") for name in names)


def test_old_folders_go_and_held_ones_stay(tmp_path: Path) -> None:
    held = compile_cache.claim(tmp_path, "held")
    for number in range(8):
        folder = tmp_path / f"old-{number}"
        folder.mkdir()
        (folder / "in-use").touch()
        os.utime(folder, (1000 + number, 1000 + number))
    os.utime(held, (1, 1))
    compile_cache.claim(tmp_path, "new")
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"held", "new", "old-7", "old-6", "old-5"}


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"foreign-{number}").mkdir()
    compile_cache.claim(tmp_path, "mine")
    assert len(list(tmp_path.iterdir())) == 9


def test_a_home_that_cannot_be_written_gives_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = compile_cache.cache_root()
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_can_be_made_but_not_used_gives_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache" / "hft" / "numba").mkdir(parents=True)
    (tmp_path / "cache" / "hft" / "numba" / "digest").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = compile_cache._claim_somewhere("digest")
    assert folder == tmp_path / f"hft-numba-{os.getuid()}" / "digest"


def test_a_temporary_folder_others_can_write_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("tempfile.mkdtemp", lambda prefix: str(tmp_path / "fresh"))
    (tmp_path / f"hft-numba-{os.getuid()}").mkdir()
    (tmp_path / f"hft-numba-{os.getuid()}").chmod(0o777)
    assert compile_cache._private_temporary() == tmp_path / "fresh"


def test_importing_the_package_names_the_folder_before_numba_and_imports_nothing_heavy() -> None:
    code = (
        "import hft, os, sys;"
        "assert 'hft/numba/' in os.environ['NUMBA_CACHE_DIR'];"
        "assert os.environ['OPENBLAS_NUM_THREADS'] == '1';"
        "assert not {'numpy', 'numba'} & set(sys.modules)"
    )
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("NUMBA_CACHE_DIR", "OPENBLAS_NUM_THREADS")
    }
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)


def test_an_edit_of_a_called_function_in_another_file_is_seen(tmp_path: Path) -> None:
    """The trap itself: numba alone would run the old callee inside the cached caller."""
    (tmp_path / "hft" / "feed").mkdir(parents=True)
    (tmp_path / "ringbuf").mkdir()
    for name in ("__init__.py", "compile_cache.py"):
        (tmp_path / "hft" / name).write_text((ROOT / "hft" / name).read_text())
    (tmp_path / "hft" / "feed" / "__init__.py").touch()
    head = "from numba import njit\n"
    caller = head + "from hft.feed.callee import g\n@njit(cache=True)\ndef f():\n    return g()\n"
    (tmp_path / "hft" / "feed" / "caller.py").write_text(caller)
    environment = {
        **{key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"},
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    code = "import sys; from hft.feed.caller import f; sys.stdout.write(str(f()))"
    seen = []
    for answer in (1, 2):
        callee = f"{head}@njit(cache=True)\ndef g():\n    return {answer}\n"
        (tmp_path / "hft" / "feed" / "callee.py").write_text(callee)
        seen.append(
            subprocess.run(
                [sys.executable, "-c", code],
                check=True,
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
            ).stdout
        )
    assert seen == ["1", "2"]
