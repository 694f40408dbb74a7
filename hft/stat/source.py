"""Where `hft stat` looks: the segment of a running engine, or what a dead one left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from dashboard.history import Rate
from dashboard.view import View
from hft.boot import LAST_RUN, attach_for_look, segment_name
from hft.clock import monotonic_ns
from hft.errors import BootError
from hft.state.blocks import LOG_LINES_MAX
from hft.state.log_tail import log_lines
from hft.state.segment import SegmentRefused
from hft.strategy.load import Catalogue, StrategySpec
from hft.topology import House
from hft.units import NS_PER_MS
from ringbuf.memory import segment_folder

_BORN_LATE_S = 2.0
"""A process begun this long after the run is another one that was given its number."""


class Source:
    """One segment, looked at again and again; a new run in the same place is taken up by itself.

    Raises:
        BootError: there is nothing to look at, or another build made it; says where and what.
    """

    def __init__(self, place: Path | str, catalogue: Catalogue) -> None:
        self._place = place
        self._catalogue = catalogue
        self._rate = Rate()
        self._open()

    @classmethod
    def of_folder(cls, data_dir: Path, catalogue: Catalogue) -> Source:
        """Look at the engine of a data folder: its segment, else the copy its successor kept.

        Raises:
            BootError: no engine has run there.
        """
        name = segment_name(data_dir.absolute())
        if (segment_folder() / name).exists():
            return cls(name, catalogue)
        kept = data_dir / LAST_RUN
        if kept.is_file():
            return cls(kept, catalogue)
        raise BootError(
            f"no engine runs in {data_dir} and none left a {LAST_RUN} there: "
            "expected --data-dir of one that ran, or --segment NAME or FILE"
        )

    def look(self) -> dict[str, Any]:
        """Look once: the page's status, with legs, open orders, counts, and whether it is dead."""
        if not self._lives():
            self._take_up_successor()
        self.view.dead = not self._lives()
        now_ns = self._now_ns()
        self.view.watch.sample(now_ns)
        self._rate.add(now_ns, self.view.reader.market_events())
        orders = self.view.orders(len(self.view.house.orders))
        return {
            "segment": self.view.house.segment.name,
            "dead": self.view.dead,
            "as_of_ms": self.view.house.anchor.to_wall_ns(now_ns) // NS_PER_MS,
            **self.view.status(self._rate.per_s()),
            "counts": self.view.watch.minute().verdict_names(),
            "open_orders_rows": [order for order in orders if order["open"]],
            "latency": self.view.latency()["legs"],
            "logs": log_lines(self.view.house, LOG_LINES_MAX),
        }

    def _open(self) -> None:
        house = attach(self._place)
        # A copy is of a run that is over, even while its successor has the same supervisor's pid.
        self._kept = (segment_folder() / house.segment.name).exists() is False
        self._house = house
        self.view = View(house, specs_of(house, self._catalogue), now_ns=self._now_ns)
        self._epoch = self._epoch_of(house)

    def _epoch_of(self, house: House) -> tuple[int, int]:
        run = house.run[0]
        return int(run["session_epoch"]), int(run["strategy_epoch"])

    def _take_up_successor(self) -> None:
        """Look whether a new engine laid its house where the dead one's was."""
        if self._kept or not (segment_folder() / str(self._place)).exists():
            return
        try:
            newer = self._epoch_of(attach(self._place)) != self._epoch
        except BootError:
            return  # It is being laid, or is of another build: what is known stays on the screen.
        if newer:
            self._open()

    def _lives(self) -> bool:
        """Say whether the supervisor of the run lives; without it nobody does for long."""
        run = self._house.run[0]
        if self._kept or not int(run["supervisor_pid"]):
            return False
        try:
            process = psutil.Process(int(run["supervisor_pid"]))
            born_s = process.create_time()
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.Error:
            return False
        return bool(born_s <= int(run["started_wall_ns"]) / 1e9 + _BORN_LATE_S)

    def _now_ns(self) -> int:
        """The time ages are measured by: now, or when the dead house last beat."""
        if self._lives():
            return monotonic_ns()
        return max(int(self._house.vitals["heartbeat_ns"].max()), self._house.anchor.monotonic_ns)


def attach(place: Path | str) -> House:
    """Open a segment by name, or a copy by path, read-only.

    Raises:
        BootError: it is not there, is no segment, or was laid by another build.
    """
    try:
        return attach_for_look(str(place))
    except FileNotFoundError as problem:
        raise BootError(f"there is no segment and no file {place}") from problem
    except SegmentRefused as problem:
        raise BootError(f"{problem}: it is no house that this build can read") from problem
    except (OSError, ValueError) as problem:
        raise BootError(f"{place} is no segment of a house: {problem}") from problem


def specs_of(house: House, catalogue: Catalogue) -> list[StrategySpec]:
    """The strategies so that the run's index finds the one that ran, by the name it left.

    Its own folder of strategies may not be known here: then nobody has its words.
    """
    specs = [catalogue.specs[name] for name in catalogue.names()]
    index = int(house.run[0]["strategy_index"])
    name = bytes(house.state_head[0]["name"]).rstrip(b"\0").decode(errors="replace")
    if not name or (index < len(specs) and specs[index].name == name):
        return specs
    return [catalogue.specs[name]] * (index + 1) if name in catalogue.specs else []
