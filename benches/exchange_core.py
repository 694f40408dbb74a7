"""The core alone: orders placed and cancelled without a door, a stream or a clock."""

from __future__ import annotations

from benches.report import Metrics, Row, expect
from hft.clock import monotonic_ns
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY
from hft.simulator.orders import OrderRequest
from hft.simulator.symbols import KNOWN

ORDERS, QUICK_ORDERS = 100_000, 10_000
_MARK_TICKS = 600_000


def core(quick: bool) -> tuple[list[Row], Metrics]:
    """Measure operations (a place or a cancel) per second; gives rows and metrics."""
    symbol, orders = KNOWN["BTCUSDT"], QUICK_ORDERS if quick else ORDERS
    exchange = Exchange([symbol])
    desk = exchange.open_desk(1)
    exchange.listings[symbol.name].mark_e8 = _MARK_TICKS * symbol.tick_e8
    started_ns = monotonic_ns()
    for number in range(orders):
        wish = OrderRequest(
            symbol=symbol,
            side=BUY,
            kind="LIMIT",
            time_in_force="GTC",
            price_ticks=_MARK_TICKS - 1 - number % 100,
            lots=10,
            client_id=f"c{number}",
        )
        exchange.cancel(1, exchange.place(1, wish, number), number)
        if number % 100 == 0:
            exchange.drain()
    per_s = 2 * orders * 1e9 / (monotonic_ns() - started_ns)
    expect("open orders", len(desk.open), 0)
    expect("orders", len(desk.orders), orders)
    return [Row("core alone", per_s, "operations/s")], {"core_per_s": round(per_s)}
