"""``on_trip = "flatten"``: the supervisor closes everything when a breaker asks for it.

Execution halts by its own hand and cancels what rests; the flatten child closes over REST.  One
that ends without success is started again until everything is closed or a person resumes, after a
restart of the house too.
"""

from __future__ import annotations

from hft.agent.log import Log
from hft.clock import monotonic_ns
from hft.events import LatchReason, Notice, OnTrip
from hft.flattening import Flattening
from hft.latch import SupervisorLatch
from hft.risk.breaker import breach
from hft.state.decision import Measures, Trip, read_limits
from hft.state.trips import figures
from hft.strategy.explain import explain_latch
from hft.topology import House
from hft.units import NS_PER_S, trim_e8

AGAIN_AFTER_NS = 10 * NS_PER_S


class TripFlatten:
    """Starts the flatten child for a trip, and again while that trip holds and it has failed."""

    def __init__(self, latch: SupervisorLatch, flattening: Flattening, log: Log) -> None:
        self._latch = latch
        self._flattening = flattening
        self._log = log
        self._started_for_ns = 0
        self._due_ns = 0

    def poll(self) -> None:
        """Look at the latch, and take the next step."""
        tripped = self._latch.trip()
        if tripped is None or tripped[1] is not OnTrip.FLATTEN or not self._latch.halted():
            return
        trip_ns = tripped[2]
        if trip_ns == self._latch.closed_ns or self._flattening.running():
            return
        if trip_ns != self._started_for_ns:
            self._start(trip_ns)
        elif self._flattening.state == "done":
            self._latch.closed_ns = trip_ns
            self._log.info(f"flatten: {self._flattening.message}", notice=Notice.FLATTEN)
        elif monotonic_ns() >= self._due_ns:
            self._log.error(f"flatten failed, once more: {self._flattening.message}")
            self._start(trip_ns)

    def _start(self, trip_ns: int) -> None:
        self._started_for_ns = trip_ns
        self._due_ns = monotonic_ns() + AGAIN_AFTER_NS
        self._flattening.start()
        self._log.warning(
            "a breaker tripped: flatten cancels all orders and closes positions",
            notice=Notice.FLATTEN,
        )


def still_breached(house: House) -> str:
    """Say which limit on results is still reached, so that a resume will not last; else nothing."""
    trip = _reached(house)
    if trip is None:
        return ""
    return (
        f"; but {_named(trip)} still ({figures(trip)}): "
        "the breaker trips again at once unless that limit is changed"
    )


def already_beyond(house: House, latch: SupervisorLatch) -> str:
    """Say what the limits in force mean for results and positions that are there; else nothing."""
    said, trip, limits = [], _reached(house), read_limits(house.limits)
    if trip is not None:
        reduces = limits is not None and limits.on_trip == OnTrip.REDUCE
        held_back = latch.halted() or (reduces and latch.reason() is not LatchReason.NONE)
        when = "when trading is resumed" if held_back else "at once"
        said.append(f"{_named(trip)} ({figures(trip)}): the breaker trips {when}")
    for index, symbol in enumerate(house.symbols()):
        block, lot_e8 = house.position[index].read(), int(house.spec[index]["lot_e8"])
        held_e8 = 0 if block is None else abs(int(block[0]["position_lots"])) * lot_e8
        if limits is not None and held_e8 > limits.max_position_e8:
            said.append(
                f"the position of {symbol} is {trim_e8(held_e8)}: only what makes it smaller passes"
            )
    return "".join(f"; {each}" for each in said)


def _reached(house: House) -> Trip | None:
    limits, account = read_limits(house.limits), house.account.read()
    if limits is None or account is None:
        return None
    row = account[0]
    results = (int(row[name]) for name in ("pnl_e8", "peak_pnl_e8", "day_pnl_e8"))
    return breach(Measures(*results), limits)


def _named(trip: Trip) -> str:
    return explain_latch(trip.reason).removeprefix("halted: ")
