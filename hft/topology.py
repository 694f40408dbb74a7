"""The table of processes, rings and blocks, and the segment laid out from it.

Rings and blocks are created, attached, drawn in the docs and shown on the dashboard from these
tables.  Every block has one writer; a snapshot block has two slots and a generation, a plain one is
words.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from hft import events
from hft.clock import Anchor
from hft.events import SYMBOLS_MAX, Role
from hft.state import blocks
from hft.state.segment import HEAD_BYTES, check_head, write_head
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
    producer: Role
    consumer: Role
    when_full: str


class BlockSpec(msgspec.Struct, frozen=True):
    """One block of the state segment; `count` of them lie in a row."""

    name: str
    dtype: Dtype
    count: int
    writer: str
    snapshot: bool = False


_S = 1_000_000_000
PROCESSES = (
    ProcessSpec(Role.LEDGER, False, 10 * _S, 200_000_000, 9),
    ProcessSpec(Role.EXECUTION, True, 1 * _S, 1_000_000, 2),
    ProcessSpec(Role.STRATEGY, True, 1 * _S, 1_000_000, 0),
    ProcessSpec(Role.FEED, True, 1 * _S, 1_000_000, 1),
    ProcessSpec(Role.DASHBOARD, False, 10 * _S, 500_000_000, 9),
)
"""In the order of starting: sinks first.  Stopping goes the other way, sources first."""

MARKET_SLOTS = 16384
RINGS = (
    RingSpec("market", events.MARKET, MARKET_SLOTS, Role.FEED, Role.STRATEGY, "drop, flag GAP"),
    RingSpec("intents", events.INTENT, 1024, Role.STRATEGY, Role.EXECUTION, "refuse, count"),
    RingSpec(
        "reports_strategy", events.REPORT, 4096, Role.EXECUTION, Role.STRATEGY, "drop, set GAP"
    ),
    RingSpec("reports_ledger", events.REPORT, 16384, Role.EXECUTION, Role.LEDGER, "drop, set GAP"),
    *(
        RingSpec(f"log_{role.name.lower()}", events.LOG, 1024, role, Role.LEDGER, "drop, count")
        for role in Role
    ),
)

STATE_RAW = np.dtype({"names": ["raw"], "formats": [f"V{blocks.STATE_BYTES_MAX}"]})
PARKED = np.dtype({"names": ["parked"], "formats": ["<u8"], "itemsize": LINE_BYTES})

BLOCKS = (
    BlockSpec("run", blocks.RUN, 1, "supervisor"),
    BlockSpec("orders_to", blocks.ORDERS_TO, len(Role), "supervisor"),
    BlockSpec("vitals", blocks.VITALS, len(Role), "each role its own"),
    BlockSpec("parked", PARKED, len(Role), "each role its own"),
    BlockSpec("latch_supervisor", blocks.LATCH, 1, "supervisor"),
    BlockSpec("latch_gate", blocks.LATCH, 1, "execution"),
    BlockSpec("limits", blocks.LIMITS, 1, "supervisor", snapshot=True),
    BlockSpec("params", blocks.PARAMS, 1, "supervisor", snapshot=True),
    BlockSpec("top", blocks.TOP, SYMBOLS_MAX, "feed", snapshot=True),
    BlockSpec("feed_link", blocks.FEED_LINK, 2, "feed"),
    BlockSpec("verdict", blocks.VERDICT, 1, "strategy", snapshot=True),
    BlockSpec("state_head", blocks.STATE_HEAD, 1, "strategy"),
    BlockSpec("state", STATE_RAW, 1, "strategy", snapshot=True),
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
)

DIGEST = events.schema_digest(*(ring.dtype for ring in RINGS), *(block.dtype for block in BLOCKS))


def _whole_lines(nbytes: int) -> int:
    return -(-nbytes // LINE_BYTES) * LINE_BYTES


def _block_stride(block: BlockSpec) -> int:
    return _whole_lines(snapshot_bytes(block.dtype) if block.snapshot else block.dtype.itemsize)


def _plan() -> tuple[dict[str, int], int]:
    at, offsets = HEAD_BYTES, {}
    for block in BLOCKS:
        offsets[block.name] = at
        at += _whole_lines(_block_stride(block) * block.count)
    for ring in RINGS:
        offsets[ring.name] = at
        at += RingLayout(ring.dtype, ring.slots).nbytes
    return offsets, at


OFFSETS, SEGMENT_BYTES = _plan()
assert SEGMENT_BYTES < 32 << 20, "the default segment fits a container's 64 MB of shared memory"


class House:
    """Every ring and block of one segment, as arrays, snapshots and rings under their table names.

    `create` lays a new one, `attach` opens one; `writable` is for the house's own processes,
    observers map read-only.  Plain blocks are arrays (`house.vitals[role]`), snapshot blocks a
    `Snapshot`, or a list of them where the table says more than one (`house.top[symbol]`).
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
    feed_link: Records
    verdict: Snapshot
    state_head: Records
    state: Snapshot
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
    market: Ring
    intents: Ring
    reports_strategy: Ring
    reports_ledger: Ring

    def __init__(self, segment: Segment, anchor: Anchor, *, lay: bool) -> None:
        self.segment = segment
        self.anchor = anchor
        for block in BLOCKS:
            setattr(self, block.name, self._open_block(block))
        self.rings: dict[str, Ring] = {}
        for ring in RINGS:
            make = Ring.create if lay else Ring.attach
            shape = RingLayout(ring.dtype, ring.slots)
            self.rings[ring.name] = make(segment, OFFSETS[ring.name], shape, DIGEST)
            setattr(self, ring.name, self.rings[ring.name])

    @classmethod
    def create(cls, name: str, anchor: Anchor) -> House:
        """Lay a new house into a new segment; the ready word is stored last."""
        segment = Segment.create(name, SEGMENT_BYTES)
        segment.populate()
        house = cls(segment, anchor, lay=True)
        write_head(segment, DIGEST, SEGMENT_BYTES, anchor)
        return house

    @classmethod
    def attach(cls, segment: Segment, wait_s: float = 0.0) -> House:
        """Open a house another process laid.

        Raises:
            SegmentRefused: it is not ready in time or was laid by another build.
        """
        return cls(segment, check_head(segment, DIGEST, SEGMENT_BYTES, wait_s), lay=False)

    def _open_block(self, block: BlockSpec) -> Any:
        offset, stride = OFFSETS[block.name], _block_stride(block)
        if not block.snapshot:
            assert stride == block.dtype.itemsize, f"{block.name}: whole lines"
            return self.segment.array(block.dtype, offset, block.count)
        all_of_them = [
            Snapshot(self.segment, offset + index * stride, block.dtype)
            for index in range(block.count)
        ]
        return all_of_them[0] if block.count == 1 else all_of_them

    def parked_words(self, role: Role) -> npt.NDArray[np.uint64]:
        """The parked word of one role, as the doorbell wants it."""
        return self.segment.words(OFFSETS["parked"] + role * LINE_BYTES, 1)

    def log_ring(self, role: Role) -> Ring:
        """The log ring of one role."""
        return self.rings[f"log_{role.name.lower()}"]

    def symbols(self) -> list[str]:
        """The symbols of the run, in the order of their index."""
        count = int(self.run[0]["symbol_count"])
        return [bytes(name).decode() for name in self.run[0]["symbols"][:count]]
