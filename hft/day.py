"""What of a day's profit and loss a restart of the house must not forget: ``D/day.json``.

Execution keeps the day's P&L in its account block; the supervisor copies what the next session of
the same UTC day and the same account begins from.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson

from hft.boot import try_private
from hft.clock import monotonic_ns
from hft.topology import House
from hft.units import NS_PER_S

KEEP_EVERY_NS = NS_PER_S


class _Kept(msgspec.Struct, frozen=True):
    """The file; `base_e8` is the P&L of a next session at which the day's P&L is 0."""

    day: int
    account: str
    base_e8: int


class DayBook:
    """Hands the day so far to this run, and keeps it for the next."""

    def __init__(self, house: House, path: Path) -> None:
        self._house = house
        self._path = path
        self._due_ns = 0
        self._kept: _Kept | None = None
        self.trouble = ""
        """Why the file is behind; it is tried again."""

    def begin(self) -> None:
        """Write what the last run left into the run's words, before execution starts."""
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (FileNotFoundError, msgspec.DecodeError):
            return  # Nothing was left, or nothing that can be read: the day begins with us.
        run = self._house.run[0]
        run["day"], run["day_base_e8"] = kept.day, kept.base_e8
        run["day_account"] = kept.account.encode()

    def keep(self, *, at_once: bool = False) -> None:
        """Write the file when the day's P&L has moved, once a second at most."""
        now_ns = monotonic_ns()
        if now_ns < self._due_ns and not at_once:
            return
        self._due_ns = now_ns + KEEP_EVERY_NS
        value = self._house.account.read()
        if value is None or not int(value[0]["day"]):
            return
        row, account = value[0], bytes(self._house.identity[0]["account_epoch"])
        # A next session finds what is unrealised now in its own P&L when it begins.
        base_e8 = int(row["unrealised_e8"]) - int(row["day_pnl_e8"])
        kept = _Kept(int(row["day"]), account.decode(), base_e8)
        if kept == self._kept:
            return
        self.trouble = try_private(self._path, orjson.dumps(msgspec.to_builtins(kept)))
        if not self.trouble:
            self._kept = kept
