"""Conditional orders in the state directory: a room of its own in the state file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from hft.simulator.algo import AlgoOrder, AlgoUpdate
from hft.simulator.exchange import Exchange
from hft.simulator.outcomes import Outcome
from hft.simulator.state_rows import RequestRow, encode, request_of, request_row
from hft.simulator.symbols import Symbol


class AlgoRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conditional order; `held` says that the position it is bound to has been seen."""

    owner: int
    request: RequestRow
    time_in_force: str
    status: str
    create_ms: int
    update_ms: int
    trigger_ms: int = 0
    active: bool = False
    held: bool = False
    extreme_e8: int = 0
    child: int = 0
    refused: str = ""


class AlgoRoom:
    """Writes conditional orders down as they change; what trails the price, once a second."""

    name = "algos"

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._written: dict[int, bytes] = {}

    def changes(
        self, outcomes: Sequence[Outcome], *, every: bool
    ) -> Iterable[tuple[str, bytes | None]]:
        """Give the rows that changed, None for those that are forgotten."""
        for outcome in outcomes:
            if isinstance(outcome, AlgoUpdate):
                yield from self._look_at(outcome.algo)
        if every:
            known = 0
            for desk in self._exchange.desks.values():
                known += len(desk.algos.orders)
                for algo in desk.algos.waiting.values():
                    yield from self._look_at(algo)
            if known < len(self._written):
                yield from self._forget()

    def restore(
        self, rows: Iterable[tuple[str, bytes]], symbol_of: Callable[[str], Symbol]
    ) -> None:
        """Let the orders wait again; those that have fired find the orders they became."""
        decode = msgspec.json.Decoder(AlgoRow).decode
        found: list[tuple[AlgoOrder, bool]] = []
        for key, data in sorted((int(key), data) for key, data in rows):
            row = decode(data)
            request = request_of(row.request, symbol_of(row.request.symbol))
            algo = AlgoOrder(key, row.owner, request, row.time_in_force, row.create_ms)
            algo.status, algo.active, algo.refused = row.status, row.active, row.refused
            algo.update_ms, algo.trigger_ms = row.update_ms, row.trigger_ms
            algo.extreme_e8 = row.extreme_e8
            algo.child = self._exchange.desks[row.owner].orders.get(row.child)
            found.append((algo, row.held))
            self._written[key] = data
        self._exchange.algos.take_back(found)

    def _look_at(self, algo: AlgoOrder) -> Iterator[tuple[str, bytes]]:
        data = encode(
            AlgoRow(
                owner=algo.account_id,
                request=request_row(algo.request),
                time_in_force=algo.time_in_force,
                status=algo.status,
                create_ms=algo.create_ms,
                update_ms=algo.update_ms,
                trigger_ms=algo.trigger_ms,
                active=algo.active,
                held=self._exchange.algos.held(algo),
                extreme_e8=algo.extreme_e8,
                child=algo.child.order_id if algo.child else 0,
                refused=algo.refused,
            )
        )
        if self._written.get(algo.algo_id) != data:
            self._written[algo.algo_id] = data
            yield str(algo.algo_id), data

    def _forget(self) -> Iterator[tuple[str, None]]:
        known = {key for desk in self._exchange.desks.values() for key in desk.algos.orders}
        for key in [key for key in self._written if key not in known]:
            del self._written[key]
            yield str(key), None
