"""The process of a preview: forked from the supervisor, where the strategy is compiled already.

A strategy that hangs or crashes takes this child with it and nothing else.  The kernel ends it at
its deadline, even in a loop that no signal handler interrupts; it yields to everything else on its
core, gets only so much memory, and where memory runs out it is the first to go.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import orjson

from hft.children import assert_single_task, die_with_parent
from hft.clock import monotonic_ns
from hft.config import KEY_VARIABLES
from hft.control import Reply, refusal
from hft.errors import HftError
from hft.preview.run import Strategy, preview
from hft.topology import House
from hft.units import NS_PER_MS

WITHIN_S = 2.0
"""How long both runs may take together; what is left of the records then is left out."""
KILL_AFTER_S = 5.0
MEMORY_MAX = 1 << 30
"""What it may take beyond what the house takes, in bytes."""
_NICE = 10
_FIRST_OWN, _DESCRIPTORS_MAX = 3, 1 << 20
_SIZE_WORDS = Path("/proc/self/statm")
_OOM_WORD = Path("/proc/self/oom_score_adj")
_OOM_FIRST = "1000"
_READ_BYTES = 1 << 20
_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)

Values = Mapping[str, object]


class Preview:
    """At most one preview at a time; the answer goes to whoever asked when the child has ended."""

    def __init__(self, house: House, kill_after_s: float = KILL_AFTER_S) -> None:
        self._house = house
        self._kill_after_s = kill_after_s
        self._pid = 0
        self._pipe = -1
        self._said = bytearray()
        self._started_ns = 0
        self._reply: Reply | None = None

    def running(self) -> bool:
        """Say whether one is under way."""
        return self._pid != 0

    def descriptors(self) -> list[int]:
        """What to wait on."""
        return [self._pipe] if self._pid else []

    def start(self, strategy: Strategy, values: tuple[Values, Values], reply: Reply) -> None:
        """Fork the child that runs both sets of `values`; none may be under way.

        What the operating system refuses (a pipe, a process) is answered: it must not end the
        house.
        """
        assert not self._pid, "one preview at a time"
        self._started_ns, parent = monotonic_ns(), os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            assert_single_task()
            pipe, end = _open_pipe()
            try:
                pid = os.fork()
            except OSError:
                os.close(pipe)
                os.close(end)
                raise
        except OSError as problem:
            reply(_failed(f"the operating system refuses: {problem.strerror}"))
            return
        if pid == 0:
            self._live(strategy, values, end, parent)
        os.close(end)
        os.set_blocking(pipe, False)
        self._pid, self._pipe, self._reply = pid, pipe, reply
        self._said.clear()

    def poll(self) -> None:
        """Read what the child says; answer when it has ended."""
        if not self._pid:
            return
        # Not the end of the pipe says that it ended: the strategy's code may close what it finds,
        # and live on, or hand it to a process of its own.
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        self._listen()
        if pid:
            self._answer(os.waitstatus_to_exitcode(status))

    def _listen(self) -> None:
        try:
            while part := os.read(self._pipe, _READ_BYTES):
                self._said += part
        except BlockingIOError:
            return

    def close(self) -> None:
        """End a child under way without an answer."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._answer(-signal.SIGKILL)

    def _answer(self, code: int) -> None:
        os.close(self._pipe)
        self._pid, self._pipe = 0, -1
        assert self._reply is not None
        reply, self._reply = self._reply, None
        if code == -signal.SIGALRM:
            reply(_failed(f"the strategy did not come back within {self._kill_after_s:g} s"))
        elif code < 0:
            reply(_failed(f"the strategy ended its process ({signal.Signals(-code).name})"))
        elif code > 0:
            reply(_failed(self._said.decode(errors="replace") or f"exit code {code}"))
        else:
            reply(self._found())

    def _found(self) -> dict[str, Any]:
        try:
            told = orjson.loads(self._said)
        except orjson.JSONDecodeError:
            # Code of the strategy's own may end the process before the answer is written.
            return _failed("the strategy ended its process (exit code 0)")
        took_ms = (monotonic_ns() - self._started_ns) / NS_PER_MS
        return {"ok": True, **told, "took_ms": round(took_ms, 1)}

    # The child.

    def _live(
        self, strategy: Strategy, values: tuple[Values, Values], end: int, parent: int
    ) -> NoReturn:
        code, said = 1, b""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_REAL, self._kill_after_s)
            die_with_parent(parent)
            _close_all_but(end)
            os.nice(_NICE)
            _be_first_to_go()
            _bound_memory()
            for name in KEY_VARIABLES:
                os.environ.pop(name, None)
            said = orjson.dumps(preview(self._house, strategy, *values, WITHIN_S))
            code = 0
        except MemoryError:
            said = f"it would take more than {MEMORY_MAX >> 20} MiB of memory".encode()
        except HftError as problem:
            said = str(problem).encode()
        except BaseException as problem:  # noqa: BLE001 - a child must never return into its parent's code.
            said = f"{type(problem).__name__}: {problem}".encode()
        finally:
            try:
                while said:
                    said = said[os.write(end, said) :]
            finally:
                os._exit(code)


def _open_pipe() -> tuple[int, int]:
    """Open a pipe, with room for a whole answer where the kernel grants it."""
    pipe, end = os.pipe()
    if _SET_PIPE_SIZE is not None:
        # Without the room the child waits for its reader a few times, and that is all.
        with contextlib.suppress(OSError):
            fcntl.fcntl(end, _SET_PIPE_SIZE, _PIPE_BYTES)
    return pipe, end


def _close_all_but(end: int) -> None:
    """Let go of the house's locks, doors and pipes: a process that the strategy starts keeps none.

    What is mapped stays; standard input and output do, too.
    """
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(_FIRST_OWN, end)
    os.closerange(end + 1, most if most != resource.RLIM_INFINITY else _DESCRIPTORS_MAX)


def _be_first_to_go() -> None:
    """Ask the kernel to end this process before all others when memory runs out."""
    if _OOM_WORD.exists():
        _OOM_WORD.write_text(_OOM_FIRST)


def _bound_memory() -> None:
    """Let what is asked for beyond MEMORY_MAX fail, before others have to make room for it."""
    if not _SIZE_WORDS.exists():
        return
    now = int(_SIZE_WORDS.read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = now + MEMORY_MAX
    resource.setrlimit(
        resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


def _failed(why: str) -> dict[str, Any]:
    return refusal("PREVIEW_FAILED", f"there is no preview: {why}; nothing was changed")
