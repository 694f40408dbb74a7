"""A real PostgreSQL server of the tests' own, from the distribution's package."""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from hft.clock import Deadline, sleep_s

USER, PASSWORD = "hft", "pass:wörd@1"
READY_S = 60.0
_PR_SET_PDEATHSIG = 1
SETTINGS = {
    # Killed processes are part of the tests, power cuts are not.
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "Pacific/Kiritimati",
}


def server_programs() -> Path | None:
    """The folder of initdb and postgres, newest release first; None where there is none."""
    found = shutil.which("initdb")
    if found is not None and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    places = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(places, key=lambda place: int(place.parts[-3]), default=None)
    return newest.parent if newest else None


class PostgresServer:
    """One server in a folder of its own, reached through a socket in it."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Not below pytest's folder: that is closed to the user the server must run as.
        self.folder = Path(tempfile.mkdtemp(prefix="hft-pg-", dir="/tmp"))
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._make()
        self.start()

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        arguments = ["-D", str(self.folder / "data"), "-U", USER, "-E", "UTF8", "--locale=C"]
        arguments += ["-A", "scram-sha-256", "--pwfile", str(password), "-N", "--no-instructions"]
        made = self._run("initdb", *arguments)
        output, _ = made.communicate(timeout=READY_S)
        assert made.returncode == 0, output.decode()
        lines = [f"{name} = '{value}'" for name, value in SETTINGS.items()]
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write("\n".join(["", *lines, f"unix_socket_directories = '{self.folder}'", ""]))

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        who: dict[str, Any] = {}
        if self._user is not None:
            who = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            preexec_fn=_end_with_the_tests,  # noqa: PLW1509 - made before there are threads
            **who,
        )

    def start(self) -> None:
        """Start it, again after a stop, and wait until it answers."""
        self._process = self._run("postgres", "-D", str(self.folder / "data"))
        deadline = Deadline(READY_S)
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, "the database server ended by itself"
                assert not deadline.passed(), "the database server does not answer"
                sleep_s(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop it at once: nobody is waited for and nothing is brought to the disk."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(READY_S)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be stopped for as long as the block lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        """Stop it and take its folder away."""
        self.stop()
        shutil.rmtree(self.folder)

    def connect(self) -> psycopg.Connection[Any]:
        """Open a plain connection."""
        return psycopg.connect(
            host=str(self.folder), user=USER, password=PASSWORD, dbname="postgres", autocommit=True
        )

    def new_place(self) -> str:
        """Make an empty schema, which is cheaper than a database and as good; give its address."""
        name = f"t{secrets.token_hex(6)}"
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        options = quote(f"-c search_path={name}")
        who = f"{USER}:{quote(PASSWORD, safe='')}"
        return f"postgresql+psycopg://{who}@/postgres?host={self.folder}&options={options}"


def _end_with_the_tests() -> None:
    """Ask the kernel to stop the server at once when the tests are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to be instead of root, whom the server refuses."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
