"""A plausible week of many trades, written fast: ``python -m tests.dashboard.many_trades PLACE``.

The same seed gives the same week.  Two strategies trade two symbols in round trips: an order opens
a position in one to three fills, another closes it.  Money is exact, as the venue would tell it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, Table, insert

from hft.binance.order_frames import client_order_id
from hft.clock import wall_ms
from hft.ledger.database import open_database, writing
from hft.ledger.schema import checked, funding, markouts, orders, sessions, trades
from hft.units import E8

MANY = 200_000
WEEK_MS = 7 * 86_400_000
FUNDING_MS = 8 * 3_600_000
ACCOUNT = "many"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
STRATEGIES = ("MOMENTUM", "PING_PONG")
START_TICKS = (617_000, 245_000)
TICK_E8 = (10_000_000, 1_000_000)
LOT_E8 = (100_000, 100_000)
TAKER_E8, MAKER_E8 = 40_000, 20_000
"""Fees, in units of 1e-8 of what was traded."""
FILLS_OF_ORDER = (1, 1, 1, 2, 3)
HOPS = '{"decoded":2100,"decided":3900,"gated":4300,"signed":9800,"sent":15200,"acked":812000}'

MARKED_OUT = 30_000
MARKOUTS_MS = (100, 1_000, 10_000)

Wholes = npt.NDArray[np.int64]


class Week(NamedTuple):
    """The columns of the week's fills, oldest first; `order` numbers the orders from 1."""

    ts_ms: Wholes
    order: Wholes
    symbol: Wholes
    strategy: Wholes
    sign: Wholes
    price_e8: Wholes
    qty_e8: Wholes
    pnl_e8: Wholes
    fee_e8: Wholes
    opens: npt.NDArray[np.bool_]


def week_of(count: int, until_ms: int, seed: int = 6) -> Week:
    """Draw `count` fills of the week before `until_ms`."""
    chance = np.random.default_rng(seed)
    order = np.repeat(np.arange(count), chance.choice(FILLS_OF_ORDER, count))[:count]
    fills = np.bincount(order)[order]
    trip, opens = order // 2, order % 2 == 0
    trips = int(trip[-1]) + 1
    symbol = chance.integers(0, len(SYMBOLS), trips)[trip]
    strategy = chance.integers(0, len(STRATEGIES), trips)[trip]
    side = chance.choice((-1, 1), trips)[trip]
    # Six lots and their multiples can be halved and divided by three.
    qty_lots = (6 * chance.integers(1, 6, trips))[trip] // fills
    walk = np.cumsum(chance.normal(0, 14, trips)).astype(np.int64)[trip]
    entry_ticks = np.array(START_TICKS)[symbol] + walk
    gain = chance.normal(7e-4, 14e-4, trips)[trip]
    gain_ticks = (np.array(START_TICKS)[symbol] * gain).astype(np.int64)
    price_e8 = (entry_ticks + np.where(opens, 0, side * gain_ticks)) * np.array(TICK_E8)[symbol]
    qty_e8 = qty_lots * np.array(LOT_E8)[symbol]
    money_e8 = price_e8 // 10_000 * (qty_e8 // 10_000)
    pnl_e8 = np.where(opens, 0, gain_ticks * np.array(TICK_E8)[symbol] // 10_000 * qty_e8 // 10_000)
    rate_e8 = np.where(strategy == 0, TAKER_E8, MAKER_E8)
    # Busy hours and quiet ones, as markets have them.
    gaps = chance.exponential(1.0, count) * (1.4 + np.sin(np.linspace(0, 14 * np.pi, count)))
    ts_ms = until_ms - WEEK_MS + (np.cumsum(gaps) / gaps.sum() * (WEEK_MS - 1000)).astype(np.int64)
    return Week(
        ts_ms,
        order + 1,
        symbol,
        strategy,
        np.where(opens, side, -side),
        price_e8,
        qty_e8,
        pnl_e8,
        money_e8 // 10_000 * rate_e8 // 10_000,
        opens,
    )


def fill_with_trades(place: str, count: int = MANY, until_ms: int | None = None) -> None:
    """Write the week that ends at `until_ms` (default: now) into the database at `place`."""
    until_ms = wall_ms() if until_ms is None else until_ms
    week = week_of(count, until_ms)
    session_epoch = (until_ms - WEEK_MS) // 1000
    engine = open_database(place)
    try:
        with writing(engine) as connection:
            began = {"session_epoch": session_epoch, "started_ms": until_ms - WEEK_MS}
            began |= {"mode": "DEMO", "strategy": STRATEGIES[0], "account_epoch": ACCOUNT}
            connection.execute(insert(sessions), [began])
            reached = {"account_epoch": ACCOUNT, "since_ms": until_ms - WEEK_MS}
            connection.execute(insert(checked), [reached | {"symbol": name} for name in SYMBOLS])
            connection.execute(insert(funding), list(_funding_rows(until_ms)))
        _write(engine, trades, _trade_columns(week, session_epoch))
        _write(engine, markouts, _markout_columns(week))
        _write(engine, orders, _order_columns(week, session_epoch))
    finally:
        engine.dispose()


def _write(engine: Engine, table: Table, columns: dict[str, list[Any]]) -> None:
    """Hand the rows to the driver itself: SQLAlchemy would look at each of them."""
    names = ", ".join(columns)
    rows = zip(*columns.values(), strict=True)
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        places = ", ".join("?" for _ in columns)
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({places})"
        connection.exec_driver_sql(statement, list(rows))


def _trade_columns(week: Week, session_epoch: int) -> dict[str, list[Any]]:
    count = len(week.ts_ms)
    numbers, orders_of = list(range(1, count + 1)), week.order.tolist()
    ts_ms, price_e8, qty_e8, pnl_e8, fee_e8 = (
        column.tolist()
        for column in (week.ts_ms, week.price_e8, week.qty_e8, week.pnl_e8, week.fee_e8)
    )
    names = [client_order_id(session_epoch, order) for order in range(orders_of[-1] + 1)]
    return {
        "exchange_ts_ms": ts_ms,
        "monotonic_ns": (week.ts_ms * 1_000_000).tolist(),
        "symbol": [SYMBOLS[index] for index in week.symbol],
        "side": ["BUY" if sign > 0 else "SELL" for sign in week.sign],
        "price": (week.price_e8 / E8).tolist(),
        "quantity": (week.qty_e8 / E8).tolist(),
        "pnl": (week.pnl_e8 / E8).tolist(),
        "strategy": [STRATEGIES[index] for index in week.strategy],
        "order_id": list(map(str, orders_of)),
        "exec_id": list(map(str, numbers)),
        "fee": (week.fee_e8 / E8).tolist(),
        "fee_currency": ["USDT"] * count,
        "raw": [
            f'{{"trade_id":{number},"venue_order_id":{order},"venue_ms":{ms}}}'
            for number, order, ms in zip(numbers, orders_of, ts_ms, strict=True)
        ],
        "account_epoch": [ACCOUNT] * count,
        "trade_id": numbers,
        "client_order_id": [names[order] for order in orders_of],
        "price_e8": price_e8,
        "qty_e8": qty_e8,
        "pnl_e8": pnl_e8,
        "fee_e8": fee_e8,
        "maker": week.strategy.tolist(),
        "intent_seq": orders_of,
        "source": ["report"] * count,
        "fee_value_e8": fee_e8,
        "paper": [1] * count,
        "fee_price_e8": [E8] * count,
    }


def _order_columns(week: Week, session_epoch: int) -> dict[str, list[Any]]:
    first = np.flatnonzero(np.diff(week.order, prepend=0))
    count = len(first)
    numbers = week.order[first].tolist()
    price_e8 = week.price_e8[first]
    qty_e8, pnl_e8, fee_e8 = (
        np.add.reduceat(column, first) for column in (week.qty_e8, week.pnl_e8, week.fee_e8)
    )
    ended_ms = week.ts_ms[np.append(first[1:], len(week.order)) - 1].tolist()
    return {
        "account_epoch": [ACCOUNT] * count,
        "session_epoch": [session_epoch] * count,
        "intent_seq": numbers,
        "client_order_id": [client_order_id(session_epoch, number) for number in numbers],
        "venue_order_id": numbers,
        "symbol": [SYMBOLS[index] for index in week.symbol[first]],
        "side": ["BUY" if sign > 0 else "SELL" for sign in week.sign[first]],
        "type": ["LIMIT"] * count,
        "tif": [("IOC", "GTX")[index] for index in week.strategy[first]],
        "flags": [0] * count,
        "price_e8": price_e8.tolist(),
        "qty_e8": qty_e8.tolist(),
        "filled_e8": qty_e8.tolist(),
        "quote_e8": (price_e8 // 10_000 * (qty_e8 // 10_000)).tolist(),
        "fee_e8": fee_e8.tolist(),
        "realised_e8": pnl_e8.tolist(),
        "state": ["FILLED"] * count,
        "strategy": [STRATEGIES[index] for index in week.strategy[first]],
        "reason": [0] * count,
        "sent_ms": (week.ts_ms[first] - 1).tolist(),
        "updated_ms": ended_ms,
        "finished_ms": ended_ms,
        "hops": [HOPS] * count,
        "paper": [1] * count,
    }


def _markout_columns(week: Week) -> dict[str, list[Any]]:
    """Where the mid went after the newest fills, which are the first ones a page looks at."""
    chance = np.random.default_rng(7)
    rows = np.arange(len(week.ts_ms))[-MARKED_OUT:]
    row, horizon_ms = (each.ravel() for each in np.meshgrid(rows, MARKOUTS_MS, indexing="ij"))
    tick_e8 = np.array(TICK_E8)[week.symbol[row]]
    move_e8 = chance.normal(np.sqrt(horizon_ms) / 10, horizon_ms**0.5).astype(np.int64) * tick_e8
    mid_e8 = week.price_e8[row] + week.sign[row] * tick_e8 // 2
    return {
        "trade_row": (row + 1).tolist(),
        "horizon_ms": horizon_ms.tolist(),
        "mid_e8": mid_e8.tolist(),
        "then_e8": (mid_e8 + week.sign[row] * move_e8).tolist(),
        "move_e8": move_e8.tolist(),
    }


def _funding_rows(until_ms: int) -> Iterator[dict[str, Any]]:
    first_ms = (until_ms - WEEK_MS) // FUNDING_MS * FUNDING_MS + FUNDING_MS
    for number, ts_ms in enumerate(range(first_ms, until_ms, FUNDING_MS)):
        for index, symbol in enumerate(SYMBOLS):
            value_e8 = (-1) ** number * (3 + index) * E8 // 100
            yield {
                "account_epoch": ACCOUNT,
                "tran_id": 2 * number + index,
                "income_type": "FUNDING_FEE",
                "asset": "USDT",
                "symbol": symbol,
                "amount_e8": value_e8,
                "value_e8": value_e8,
                "ts_ms": ts_ms,
            }


if __name__ == "__main__":
    fill_with_trades(sys.argv[1], *map(int, sys.argv[2:3]))
