"""The memory of the strategy process: what the burst works on, and how it is filled from the house.

Positions and open orders come from the blocks that execution writes, here, and from reports
afterwards; the state comes from the last committed one when it is of the same strategy and layout.
"""

from __future__ import annotations

import hashlib
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

from hft.errors import BootError
from hft.events import (
    FIRST_TERMINAL_STATE,
    MARKET,
    OPEN_ORDER,
    POSITION,
    SYMBOLS_MAX,
    Action,
    OrderState,
    Status,
)
from hft.seats import next_intent
from hft.state.blocks import STATE_BYTES_MAX, VERDICT
from hft.strategy.api import IN_FLIGHT, OPEN_ORDERS_MAX, OUT
from hft.strategy.build import Burst
from hft.strategy.burst import LOOP, Desk
from hft.strategy.load import StrategySpec, make_params
from hft.strategy.records import as_records
from hft.topology import House
from ringbuf.addressed import AddressTable
from ringbuf.doorbell import Doorbell
from ringbuf.layout import HEAD, TAIL
from ringbuf.memory import Segment
from ringbuf.native import CARRIED
from ringbuf.snapshot import READ_ATTEMPTS
from ringbuf.spsc import Ring

Records = npt.NDArray[Any]
_FIELDS = LOOP.names or ()
_NOW, _KNOWN_GAPS, _KNOWN_PARAMS, _BROKEN = (
    _FIELDS.index(name) for name in ("now_ns", "known_gaps", "known_params", "broken")
)
_INTENT_WORDS, _INTENT_SLOTS = 4, 5
_COMMITTED = (15, 16, 18, 19)
"""Verdict and state, as other processes and the next life see them."""
_E8 = 1e8
_NO_ROW = 255
_STATUS_OF = {
    OrderState.SENT: IN_FLIGHT,
    OrderState.UNKNOWN: int(Status.UNKNOWN),
    OrderState.ACCEPTED: int(Status.ACCEPTED),
    OrderState.PARTIALLY_FILLED: int(Status.PARTIALLY_FILLED),
    OrderState.CANCEL_PENDING: int(Status.ACCEPTED),
    OrderState.AMEND_PENDING: int(Status.ACCEPTED),
}


def layout_digest(dtype: np.dtype[np.void], symbols: int) -> int:
    """Digest a STATE layout and how many symbols it is for; another one is not restored."""
    text = f"{np.dtype(dtype).descr!r} {dtype.itemsize} {symbols}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def fitted(params: Records, spec: StrategySpec) -> Records:
    """Copy a record of parameters; one made for an older version of the file gives what it can.

    Raises:
        ConfigError: the newer version refuses one of the values.
    """
    if params.dtype == spec.params_dtype:
        return params.copy()
    known = {field.name for field in spec.fields} & set(params.dtype.names or ())
    return make_params(spec, {name: params[name][0].item() for name in known})


class StrategyDesk:
    """Owns the private records of one strategy over one shard of a house, and runs its bursts.

    `bell` wakes whoever reads the intents; without one nobody is woken.

    Raises:
        BootError: the state of so many symbols does not fit its block.
    """

    def __init__(
        self,
        house: House,
        spec: StrategySpec,
        burst: Burst,
        params: Records,
        shard: int = 0,
        bell: Doorbell | None = None,
    ) -> None:
        self.house = house
        self.shard = house.shards[shard]
        self.spec = spec
        self.params = fitted(params, spec)
        self.symbols = house.symbols_of(shard) or range(1)
        size = len(self.symbols) * spec.state_dtype.itemsize
        if size > STATE_BYTES_MAX:
            raise BootError(
                f"{spec.name}: STATE takes {size} bytes for {len(self.symbols)} symbols, "
                f"there is room for {STATE_BYTES_MAX}"
            )
        self.state = np.zeros(len(self.symbols), spec.state_dtype)
        self.positions = np.zeros(SYMBOLS_MAX, POSITION)
        self.orders = np.zeros(OPEN_ORDERS_MAX, OPEN_ORDER)
        self.verdict = np.zeros(2, VERDICT)
        self.verdict["symbol"] = self.symbols[0]
        self.loop = np.zeros(1, LOOP)
        self.loop["intent_stride"] = len(house.shards)
        self.loop["row"] = _NO_ROW
        for row, symbol in enumerate(self.symbols):
            self.loop["row"][0, symbol] = row
        self.loop["bell"] = bell.write_end if bell else -1
        self._parked = bell.words if bell else np.zeros(1, np.uint64)
        self._out = np.zeros(1, OUT)
        self._event = np.zeros(1, MARKET)
        self._changed = np.full(len(self.symbols), CARRIED, np.uint8)
        self._arrays = self._all_arrays()
        self._table = AddressTable([*self._arrays, house.params.words])
        self.table = self._table.address
        """Where the compiled burst finds its arrays."""
        self._loop_words = self.loop.view(np.int64).data
        self._run = burst.enter if burst.compiled else burst.run
        self._where: Any = self.table if burst.compiled else self._plain_desk()

    def run(self, now_ns: int) -> int:
        """Run one burst; returns how many reports and events it took."""
        work: int = self._run(self._where, now_ns)
        return work

    def check(self) -> None:
        """Raise what a burst on waking met: compiled code that C calls can tell nobody.

        The same events are decided on once more, for the fault alone: nothing of it is kept.
        """
        if not self._loop_words[_BROKEN]:
            return
        shape = self.shard.intents.layout
        nowhere = Ring.create(Segment("scratch", mmap.mmap(-1, shape.nbytes)), 0, shape, 0)
        arrays = [*self._arrays, self.house.params.words]
        arrays[_INTENT_WORDS], arrays[_INTENT_SLOTS] = nowhere.words, nowhere.slots
        for row in _COMMITTED:
            arrays[row] = arrays[row].copy()
        table = AddressTable(arrays)
        self._run(table.address, self._loop_words[_NOW])
        raise RuntimeError(f"{self.spec.name} failed in compiled code, and not when asked again")

    def know(self, gaps: int, params: int) -> None:
        """Let bursts on waking go on: reports lost and parameters set up to here are acted on."""
        self._loop_words[_KNOWN_GAPS], self._loop_words[_KNOWN_PARAMS] = gaps, params

    def take_params(self, values: Records) -> None:
        """Use other parameters from the next burst on."""
        self.params[:] = values

    # Filling the records from the house.

    def begin(self, *, fresh_state: bool) -> bool:
        """Number intents after the last one, take the state; says whether it was restored."""
        words, slots = self.shard.intents.words, self.shard.intents.slots
        tail = int(words[TAIL])
        last = int(slots["seq"][(tail - 1) % len(slots)]) if tail else 0
        self.loop["next_intent_seq"] = next_intent(last, self.shard.number, len(self.house.shards))
        self.loop["strategy"] = self.house.run[0]["strategy_index"]
        self.loop["gap"] = 1
        # What another strategy, or an earlier life of this one, said is nothing this one says.
        self.shard.verdict.write_bytes(self.verdict[:1].tobytes())
        return self._take_state(fresh=fresh_state)

    def _take_state(self, *, fresh: bool) -> bool:
        head, size = self.shard.state_head[0], self.state.nbytes
        digest = layout_digest(self.spec.state_dtype, len(self.symbols))
        name = self.spec.name.encode()
        fits = head["dtype_digest"] == digest and bytes(head["name"]) == name
        kept = self.shard.state.read_bytes() if fits and not fresh else None
        if kept is not None:
            self.state[:] = np.frombuffer(kept[:size], self.spec.state_dtype)
            return True
        # The head is taken away first and given back last: whoever dies between leaves no head
        # that fits other bytes.
        head["dtype_digest"] = 0
        self.shard.state.write_bytes(self.state.tobytes().ljust(STATE_BYTES_MAX, b"\0"))
        head["name"], head["size"] = name, size
        head["dtype_digest"] = digest
        return False

    def take_positions(self) -> None:
        """Read every symbol's position, steps and fees from their blocks."""
        run = self.house.run[0]
        for index in self.symbols:
            position, spec = self.positions[index], self.house.spec[index]
            position["tick"], position["lot"] = spec["tick_e8"] / _E8, spec["lot_e8"] / _E8
            position["maker_fee"], position["taker_fee"] = run["maker_fee"], run["taker_fee"]
            block = self.house.position[index].read()
            if block is None:
                continue
            told = block[0]
            if told["fills"] < position["fills"]:
                continue  # The report came first; its block is being written.
            position["qty"] = int(told["position_lots"]) * int(spec["lot_e8"]) / _E8
            position["entry"] = told["entry_e8"] / _E8
            position["realised"] = told["realised_e8"] / _E8
            position["fills"], position["last_fill_ns"] = told["fills"], told["last_fill_ns"]

    def take_orders(self) -> None:
        """Rebuild the table of open orders: the order table, and intents not yet handled."""
        # Read before the table: what is handled by now is denied or in it.
        handled = int(self.house.memory[0]["handled_intent_seq"][self.shard.number])
        rows = [row for row in map(self._from_table, self._open_in_table()) if row is not None]
        rows += self._from_ring(handled, {int(row["intent_seq"]) for row in rows})
        self.orders[:] = np.zeros(1, OPEN_ORDER)
        self.positions["open_orders"] = 0
        for place, row in enumerate(rows[:OPEN_ORDERS_MAX]):
            self.orders[place] = row
            self.positions[int(row["symbol"])]["open_orders"] += 1

    def _open_in_table(self) -> npt.NDArray[np.int64]:
        table = self.house.orders
        state, ours = table["state"], np.isin(table["symbol"], self.symbols)
        indices: npt.NDArray[np.int64] = np.flatnonzero(
            ours & (state != OrderState.FREE) & (state < FIRST_TERMINAL_STATE)
        )
        return indices

    def _from_table(self, index: int) -> Any:
        told = self._whole_row(index)
        if told is None or OrderState(int(told["state"])) not in _STATUS_OF:
            return None
        spec = self.house.spec[int(told["symbol"])]
        row = np.zeros(1, OPEN_ORDER)[0]
        for field in ("order_ref", "intent_seq", "symbol", "side", "order_type", "flags"):
            row[field] = told[field]
        row["price"] = int(told["price_ticks"]) * int(spec["tick_e8"]) / _E8
        row["qty"] = int(told["qty_lots"]) * int(spec["lot_e8"]) / _E8
        row["filled"] = int(told["cum_qty_lots"]) * int(spec["lot_e8"]) / _E8
        row["status"] = _STATUS_OF[OrderState(int(told["state"]))]
        return row

    def _whole_row(self, index: int) -> Any:
        """Copy a row that its writer was not just changing; None when it never stands still."""
        for _ in range(READ_ATTEMPTS):
            version = int(self.house.orders["version"][index])
            told = self.house.orders[index].copy()
            if version % 2 == 0 and int(self.house.orders["version"][index]) == version:
                return told
        return None

    def _from_ring(self, handled: int, known: set[int]) -> list[Any]:
        ring = self.shard.intents
        tail, head = int(ring.words[TAIL]), int(ring.words[HEAD])
        # Execution releases before it has handled, so look a little behind the head too.
        oldest = max(0, tail - len(ring.slots), min(head, tail - OPEN_ORDERS_MAX))
        rows = []
        for position in range(oldest, tail):
            intent = ring.slots[position % len(ring.slots)]
            new = int(intent["seq"]) > handled and int(intent["seq"]) not in known
            if new and intent["action"] == Action.PLACE:
                row = np.zeros(1, OPEN_ORDER)[0]
                for field in ("order_ref", "price", "qty", "symbol", "side", "order_type", "flags"):
                    row[field] = intent[field]
                row["intent_seq"], row["status"] = intent["seq"], IN_FLIGHT
                rows.append(row)
        return rows

    # The arrays of the burst.

    def _all_arrays(self) -> list[Records]:
        shard, state_slots = self.shard, self.shard.state.slots.view(np.uint64)
        return [
            shard.market.words,
            shard.market.slots,
            shard.reports_strategy.words,
            shard.reports_strategy.slots,
            shard.intents.words,
            shard.intents.slots,
            self.positions,
            self.orders,
            self.house.spec,
            self.state,
            self.params,
            self._out,
            self._event,
            self.loop,
            self.verdict,
            shard.verdict.words,
            shard.verdict.slots,
            self.state.view(np.uint64),
            shard.state.words,
            state_slots,
            self._changed,
            self._parked,
        ]

    def _plain_desk(self) -> Desk:
        """Dress the arrays so that a record's fields are attributes, as in compiled code."""
        return Desk(*(as_records(array) for array in self._arrays))
