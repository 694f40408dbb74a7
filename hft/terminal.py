"""The terminal the house was started from: lines out, one letter in."""

from __future__ import annotations

import contextlib
import os
import select
import sys


def say(line: str) -> None:
    """Tell the terminal one line; a terminal that is gone, or a file on a full disk, hears nothing.

    What matters is in the log as well, and nobody who cannot be told may end the house.
    """
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


class Terminal:
    """Standard input, when a person sits at it."""

    def __init__(self) -> None:
        self.descriptor = sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else -1
        """What to wait on; -1 when nobody can type."""

    def typed(self) -> str:
        """Take the line that was typed since, in lower case; empty when there is none."""
        if self.descriptor < 0 or not select.select([self.descriptor], [], [], 0)[0]:
            return ""
        line = os.read(self.descriptor, 1024)
        if not line:
            self.descriptor = -1
        return line.decode(errors="replace").strip().lower()
