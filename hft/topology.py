"""The table of processes, rings and blocks, and the segment laid out from it.

Rings and blocks are created, attached, drawn in the docs and shown on the dashboard from these
tables.  Every block has one writer; a snapshot block has two slots and a generation, a plain one is
words.  The tables are those of one shard; with more, what is of a shard or of a seat is there once
for each.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from hft import events
from hft.clock import Anchor
from hft.events import SYMBOLS_MAX, Role
from hft.seats import SHARDS_MAX, Seat, numbered, seat_of, seats_of, symbols_of
from hft.state import blocks
from hft.state.segment import HEAD_BYTES, Head, check_head, write_head
from ringbuf.layout import LINE_BYTES, RingLayout
from ringbuf.memory import Segment
from ringbuf.snapshot import Snapshot, snapshot_bytes
from ringbuf.spsc import Ring

Dtype = np.dtype[np.void]
Records = npt.NDArray[np.void]


class ProcessSpec(msgspec.Struct, frozen=True):
    """How one role is run and watched."""

    role: Role
    hot: bool
    heartbeat_max_ns: int
    stall_ns: int
    core_rank: int
    """0 gets the last core as its own, 1 and 2 the next; everything else shares the first."""


class RingSpec(msgspec.Struct, frozen=True):
    """One ring: who writes, who reads, and what happens when it is full."""

    name: str
    dtype: Dtype
    slots: int
    producer: Seat
    consumer: Seat
    when_full: str


class BlockSpec(msgspec.Struct, frozen=True):
    """One block of the state segment; `count` of them lie in a row, once for each of `per`."""

    name: str
    dtype: Dtype
    count: int
    writer: str
    snapshot: bool = False
    per: Literal["house", "seat", "shard"] = "house"

    def count_in(self, shards: int) -> int:
        """How many there are in a house of so many shards."""
        times = {"house": 1, "seat": len(seats_of(shards)), "shard": shards}
        return self.count * times[self.per]


_S = 1_000_000_000
PROCESSES = (
    ProcessSpec(Role.LEDGER, False, 10 * _S, 200_000_000, 9),
    ProcessSpec(Role.EXECUTION, True, 1 * _S, 1_000_000, 2),
    ProcessSpec(Role.STRATEGY, True, 1 * _S, 1_000_000, 0),
    ProcessSpec(Role.FEED, True, 1 * _S, 1_000_000, 1),
    ProcessSpec(Role.DASHBOARD, False, 10 * _S, 500_000_000, 9),
)
"""In the order of starting: sinks first.  Stopping goes the other way, sources first."""

SPECS = {spec.role: spec for spec in PROCESSES}

MARKET_SLOTS = 16384


@cache
def rings_of(shards: int) -> tuple[RingSpec, ...]:
    """Every ring of a house of so many shards; the rings of shard 0 bear no number."""
    return (
        *(ring for shard in range(shards) for ring in _rings_of_shard(shard)),
        RingSpec(
            "reports_ledger", events.REPORT, 8192, Seat.EXECUTION, Seat.LEDGER, "drop, set GAP"
        ),
        *(
            RingSpec(f"log_{seat.label}", events.LOG, 1024, seat, Seat.LEDGER, "drop, count")
            for seat in seats_of(shards)
        ),
    )


def _rings_of_shard(shard: int) -> tuple[RingSpec, ...]:
    feed, strategy = seat_of(Role.FEED, shard), seat_of(Role.STRATEGY, shard)
    number, execution = numbered(shard), Seat.EXECUTION
    return (
        RingSpec(f"market{number}", events.MARKET, MARKET_SLOTS, feed, strategy, "drop, flag GAP"),
        RingSpec(f"intents{number}", events.INTENT, 1024, strategy, execution, "refuse, count"),
        RingSpec(
            f"reports_strategy{number}", events.REPORT, 4096, execution, strategy, "drop, set GAP"
        ),
    )


RINGS = rings_of(1)

STATE_RAW = np.dtype({"names": ["raw"], "formats": [f"V{blocks.STATE_BYTES_MAX}"]})
PARKED = np.dtype({"names": ["parked"], "formats": ["<u8"], "itemsize": LINE_BYTES})
LINKS = 2
"""Connections of one feed: public and market."""

BLOCKS = (
    BlockSpec("run", blocks.RUN, 1, "supervisor"),
    BlockSpec("orders_to", blocks.ORDERS_TO, 1, "supervisor", per="seat"),
    BlockSpec("vitals", blocks.VITALS, 1, "each process its own", per="seat"),
    BlockSpec("parked", PARKED, 1, "each process its own", per="seat"),
    BlockSpec("latch_supervisor", blocks.LATCH, 1, "supervisor"),
    BlockSpec("latch_gate", blocks.LATCH, 1, "execution"),
    BlockSpec("limits", blocks.LIMITS, 1, "supervisor", snapshot=True),
    BlockSpec("params", blocks.PARAMS, 1, "supervisor", snapshot=True),
    BlockSpec("top", blocks.TOP, SYMBOLS_MAX, "feed", snapshot=True),
    BlockSpec("feed_link", blocks.FEED_LINK, LINKS, "feed", per="shard"),
    BlockSpec("verdict", blocks.VERDICT, 1, "strategy", snapshot=True, per="shard"),
    BlockSpec("state_head", blocks.STATE_HEAD, 1, "strategy", per="shard"),
    BlockSpec("state", STATE_RAW, 1, "strategy", snapshot=True, per="shard"),
    BlockSpec("account", blocks.ACCOUNT, 1, "execution", snapshot=True),
    BlockSpec("identity", blocks.ACCOUNT_IDENTITY, 1, "execution"),
    BlockSpec("spec", blocks.SPEC, SYMBOLS_MAX, "execution"),
    BlockSpec("position", blocks.POSITION_BLOCK, SYMBOLS_MAX, "execution", snapshot=True),
    BlockSpec("orders", blocks.ORDER, blocks.ORDERS_MAX, "execution"),
    BlockSpec("memory", blocks.EXECUTION_MEMORY, 1, "execution"),
    BlockSpec("latency", blocks.LATENCY, len(blocks.Leg), "execution"),
    BlockSpec("log_tail_head", blocks.LOG_TAIL_HEAD, 1, "ledger"),
    BlockSpec("log_tail", events.LOG, blocks.LOG_LINES_MAX, "ledger"),
    BlockSpec("ledger", blocks.LEDGER_STATUS, 1, "ledger", snapshot=True),
    BlockSpec("tape_head", blocks.TAPE_HEAD, 1, "ledger", snapshot=True),
    BlockSpec("tape", events.MARKET, blocks.TAPE_RECORDS, "ledger"),
    BlockSpec("candles", blocks.CANDLES, 1, "ledger", snapshot=True),
)

DIGEST = events.schema_digest(*(ring.dtype for ring in RINGS), *(block.dtype for block in BLOCKS))


def _whole_lines(nbytes: int) -> int:
    return -(-nbytes // LINE_BYTES) * LINE_BYTES


def _block_stride(block: BlockSpec) -> int:
    return _whole_lines(snapshot_bytes(block.dtype) if block.snapshot else block.dtype.itemsize)


@cache
def _plan(shards: int) -> tuple[dict[str, int], int]:
    at, offsets = HEAD_BYTES, {}
    for block in BLOCKS:
        offsets[block.name] = at
        at += _whole_lines(_block_stride(block) * block.count_in(shards))
    for ring in rings_of(shards):
        offsets[ring.name] = at
        at += RingLayout(ring.dtype, ring.slots).nbytes
    return offsets, at


def segment_bytes(shards: int) -> int:
    """The size of the segment of a house of so many shards."""
    return _plan(shards)[1]


assert segment_bytes(SHARDS_MAX) < 32 << 20, "it fits a container's 64 MB of shared memory"


class OfShard:
    """What lies between one feed, its strategy and execution, under the table names."""

    market: Ring
    intents: Ring
    reports_strategy: Ring
    feed_link: Records
    verdict: Snapshot
    state_head: Records
    state: Snapshot


class Shard(OfShard):
    """One of the lanes of a house."""

    def __init__(self, number: int) -> None:
        self.number = number


class House(OfShard):
    """Every ring and block of one segment, as arrays, snapshots and rings under their table names.

    `create` lays a new one, `attach` opens one; `writable` is for the house's own processes,
    observers map read-only.  Plain blocks are arrays (`house.vitals[seat]`), snapshot blocks a
    `Snapshot`, or a list of them where the table says more than one (`house.top[symbol]`).  What is
    there once for each shard lies in `shards`; under its own name the house has that of shard 0.
    """

    run: Records
    orders_to: Records
    vitals: Records
    parked: Records
    latch_supervisor: Records
    latch_gate: Records
    limits: Snapshot
    params: Snapshot
    top: list[Snapshot]
    account: Snapshot
    identity: Records
    spec: Records
    position: list[Snapshot]
    orders: Records
    memory: Records
    latency: Records
    log_tail_head: Records
    log_tail: Records
    ledger: Snapshot
    tape_head: Snapshot
    tape: Records
    candles: Snapshot
    reports_ledger: Ring

    def __init__(self, segment: Segment, head: Head, *, lay: bool) -> None:
        self.segment = segment
        self.anchor = head.anchor
        self.seats = seats_of(head.shards)
        self.shards = [Shard(number) for number in range(head.shards)]
        self.offsets, _ = _plan(head.shards)
        self.rings: dict[str, Ring] = {}
        make = Ring.create if lay else Ring.attach
        for ring in rings_of(head.shards):
            shape = RingLayout(ring.dtype, ring.slots)
            self.rings[ring.name] = make(segment, self.offsets[ring.name], shape, DIGEST)
        self.reports_ledger = self.rings["reports_ledger"]
        for block in BLOCKS:
            if block.per != "shard":
                setattr(self, block.name, self._open(block, 0, block.count_in(head.shards)))
        for shard in self.shards:
            self._furnish(shard)
        for name in OfShard.__annotations__:
            setattr(self, name, getattr(self.shards[0], name))

    def _furnish(self, shard: Shard) -> None:
        for name in ("market", "intents", "reports_strategy"):
            setattr(shard, name, self.rings[f"{name}{numbered(shard.number)}"])
        for block in BLOCKS:
            if block.per == "shard":
                first = shard.number * block.count
                setattr(shard, block.name, self._open(block, first, block.count))

    @classmethod
    def create(cls, name: str, anchor: Anchor, shards: int = 1) -> House:
        """Lay a new house into a new segment; the ready word is stored last."""
        head, nbytes = Head(anchor, shards), segment_bytes(shards)
        segment = Segment.create(name, nbytes)
        segment.populate()
        house = cls(segment, head, lay=True)
        write_head(segment, DIGEST, nbytes, head)
        return house

    @classmethod
    def attach(cls, segment: Segment, wait_s: float = 0.0) -> House:
        """Open a house another process laid.

        Raises:
            SegmentRefused: it is not ready in time or was laid by another build.
        """
        return cls(segment, check_head(segment, DIGEST, segment_bytes, wait_s), lay=False)

    def _open(self, block: BlockSpec, first: int, count: int) -> Any:
        stride = _block_stride(block)
        offset = self.offsets[block.name] + first * stride
        if not block.snapshot:
            assert stride == block.dtype.itemsize, f"{block.name}: whole lines"
            return self.segment.array(block.dtype, offset, count)
        all_of_them = [
            Snapshot(self.segment, offset + index * stride, block.dtype) for index in range(count)
        ]
        return all_of_them[0] if block.count == 1 else all_of_them

    def parked_words(self, seat: Seat | Role) -> npt.NDArray[np.uint64]:
        """The parked word of one process, as the doorbell wants it."""
        return self.segment.words(self.offsets["parked"] + seat * LINE_BYTES, 1)

    def log_ring(self, seat: Seat | Role) -> Ring:
        """The log ring of one process."""
        return self.rings[f"log_{seat.name.lower()}"]

    def symbols(self) -> list[str]:
        """The symbols of the run, in the order of their index."""
        count = int(self.run[0]["symbol_count"])
        return [bytes(name).decode() for name in self.run[0]["symbols"][:count]]

    def symbols_of(self, shard: int) -> range:
        """The indices of the symbols of one shard."""
        return symbols_of(shard, len(self.shards), int(self.run[0]["symbol_count"]))
