"""The strategy process: bursts in each duty cycle, and around it all that is not hot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from hft.agent.contract import Context
from hft.agent.scratch import scratch_house
from hft.clock import monotonic_ns
from hft.errors import ConfigError
from hft.events import Level
from hft.seats import Seat
from hft.strategy import params as parameters
from hft.strategy.build import Burst, build
from hft.strategy.burst import ACTED, NEWEST
from hft.strategy.desk import StrategyDesk, fitted
from hft.strategy.explain import explain_verdict
from hft.strategy.load import StrategySpec, make_params
from hft.strategy.refusal import refusal
from hft.units import NS_PER_MS, NS_PER_S
from ringbuf.layout import CONSUMER_EPOCH, GAP, HEADER_BYTES, PRODUCER_EPOCH, TAIL
from ringbuf.parking import Duty
from ringbuf.spsc import Ring, jump_to_tail

READ_AGAIN_NS = 50 * NS_PER_MS
"""After a hole in the reports the blocks are read twice, so far apart: execution may have been
between writing a report and its block the first time."""
SAY_EVERY_NS = NS_PER_S // 2
"""The log hears of decisions at most so often; every order has its own row anyway."""


class StrategyAgent:
    """Runs one strategy over the market and report rings of its shard.

    `params` is a record of `make_params`; later changes come through the house's block.  With
    `fresh_state` the strategy starts from zero, else from its committed state where that fits.
    """

    def __init__(
        self,
        ctx: Context,
        spec: StrategySpec,
        burst: Burst,
        params: npt.NDArray[Any],
        *,
        fresh_state: bool = False,
    ) -> None:
        self._ctx = ctx
        self._spec = spec
        self._burst = burst
        self._params = params
        self._fresh = fresh_state

    def on_start(self) -> None:
        """Skip what is old, take state, position and orders from the house."""
        house, shard = self._ctx.house, self._ctx.shard
        self._index = int(house.run[0]["strategy_index"])
        bell = self._ctx.bells[Seat.EXECUTION]
        self._desk = StrategyDesk(house, self._spec, self._burst, self._params, shard.number, bell)
        self._reports = shard.reports_strategy.bytes[:HEADER_BYTES].cast("Q")
        self._intents = shard.intents.bytes[:HEADER_BYTES].cast("Q")
        self._params_generation = 0
        self._say_again_ns = self._chat_again_ns = 0
        self._chatty = self._ctx.log.level <= Level.DEBUG
        for ring in (shard.market, shard.reports_strategy):
            ring.words[CONSUMER_EPOCH] += 1
        shard.intents.words[PRODUCER_EPOCH] += 1
        skipped = int(jump_to_tail(shard.market.words))
        restored = self._desk.begin(fresh_state=self._fresh)
        self._tail = self._intents[TAIL]
        self._skip_reports(monotonic_ns())
        self._take_params()
        self._ctx.log.info(
            f"strategy {self._spec.name}: state {'restored' if restored else 'new'}, "
            f"{skipped} old events skipped"
        )

    def do_work(self, now_ns: int) -> int:
        """Run bursts; they wake execution when they write intents."""
        if self._params_generation != self._ctx.house.params.generation():
            self._take_params()
        if self._reports[GAP] != self._gaps:
            self._ctx.log.warning(
                "reports were lost: reading position and orders from their blocks"
            )
            self._skip_reports(now_ns)
        elif self._read_again_ns and now_ns >= self._read_again_ns:
            self._read_blocks()
        self._desk.check()
        work = self._desk.run(now_ns)
        done = work + self._ctx.parking.did()
        if done:
            self._ctx.count_in(done)
        self._desk.know(self._gaps, self._params_generation)
        tail = self._intents[TAIL]
        if tail != self._tail:
            self._ctx.count_out(tail - self._tail)
            self._tail = tail
            if now_ns >= self._say_again_ns:
                self._say_again_ns = now_ns + SAY_EVERY_NS
                self._ctx.log.info(self._sentence(ACTED))
        elif done and self._chatty and now_ns >= self._chat_again_ns:
            self._chat_again_ns = now_ns + SAY_EVERY_NS
            self._ctx.log.debug(self._sentence(NEWEST))
        return work

    def inlets(self) -> Sequence[Ring]:
        """Market data and reports."""
        return (self._ctx.shard.market, self._ctx.shard.reports_strategy)

    def duty(self) -> Duty | None:
        """One burst, unless something changed that must be read first."""
        entry = self._burst.duty
        return None if entry is None else Duty(int(entry().address), self._desk.table)

    def drain(self, now_ns: int) -> bool:
        """Stop deciding: nothing is held that could get lost."""
        return True

    def on_close(self) -> None:
        """Nothing is open; the committed state stays in the segment."""

    def _sentence(self, row: int) -> str:
        return f"{self._spec.name} {explain_verdict(self._desk.verdict[row], self._spec)}"

    def _take_params(self) -> None:
        block = self._ctx.house.params
        generation, raw = block.generation(), block.read_bytes()
        if raw is None:
            return
        self._params_generation = generation
        values = parameters.from_block(raw, self._params.dtype, self._index)
        if values is None:
            return
        try:
            self._desk.take_params(fitted(values, self._spec))
        except ConfigError as problem:
            self._ctx.log.warning(f"parameters stay as they are: {problem}")

    def _skip_reports(self, now_ns: int) -> None:
        """Pass over what waits in the ring, older than the blocks by now, and read those."""
        self._gaps = self._reports[GAP]
        jump_to_tail(self._ctx.shard.reports_strategy.words)
        self._read_blocks()
        self._read_again_ns = now_ns + READ_AGAIN_NS

    def _read_blocks(self) -> None:
        self._read_again_ns = 0
        self._desk.take_positions()
        self._desk.take_orders()


def warm(spec: StrategySpec) -> Burst:
    """Compile the burst of a strategy, or load it from the cache: run it once on scratch memory.

    Raises:
        CompileRefused: numba cannot compile the strategy; the text names the file and says why.
    """
    burst = build(spec)
    house = scratch_house(spec.name)
    desk = StrategyDesk(house, spec, burst, make_params(spec, {}))
    jump_to_tail(house.market.words)
    try:
        desk.run(0)
        if burst.duty is not None:
            burst.duty()
    except Exception as problem:
        raise refusal(spec, problem) from problem
    return burst


def hot_functions(burst: Burst) -> tuple[Callable[..., Any], ...]:
    """Name the compiled functions whose signatures must not grow after READY."""
    return (burst.enter, jump_to_tail) if burst.compiled else (jump_to_tail,)
