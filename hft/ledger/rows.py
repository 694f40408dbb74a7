"""Turning what was told into rows of `trades`: a report of ours, or a fill as the venue lists it.

Pure: names and sizes are handed in, money stays whole numbers, and floats appear only in the REAL
columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

from hft.binance.order_frames import client_order_id
from hft.clock import Anchor
from hft.events import Side
from hft.ledger.inserting import Row
from hft.ledger.schema import FROM_REPORT, FROM_USER_TRADES, to_real
from hft.state.blocks import Mode
from hft.topology import House
from hft.units import E8, parse_e8


class Names(msgspec.Struct, frozen=True):
    """What the numbers in a report stand for during this run."""

    account_epoch: str
    session_epoch: int
    symbols: Sequence[str]
    tick_e8: Sequence[int]
    lot_e8: Sequence[int]
    strategies: Sequence[str]
    paper: bool = False
    """Whether the venue is an exchange of the house's own, where nobody's money moves."""
    anchor: Anchor = Anchor(0, 0)
    margin_asset: str = ""

    def strategy(self, index: int) -> str:
        """Name of the strategy of that index; empty for one we do not know."""
        return self.strategies[index] if index < len(self.strategies) else ""


class Owner(msgspec.Struct, frozen=True):
    """Whose order a fill belongs to; empty for an order that is not ours."""

    client_order_id: str | None = None
    intent_seq: int | None = None
    strategy: str = ""


NOT_OURS = Owner()


def names_of(house: House, strategies: Sequence[str]) -> Names:
    """Read the names of this run; the account epoch is empty until execution has written it."""
    symbols = house.symbols()
    return Names(
        account_epoch=bytes(house.identity[0]["account_epoch"]).decode(),
        session_epoch=int(house.run[0]["session_epoch"]),
        symbols=symbols,
        tick_e8=[int(spec["tick_e8"]) for spec in house.spec[: len(symbols)]],
        lot_e8=[int(spec["lot_e8"]) for spec in house.spec[: len(symbols)]],
        strategies=strategies,
        paper=int(house.run[0]["mode"]) in (Mode.DEMO, Mode.DRY_RUN),
        anchor=house.anchor,
        margin_asset=bytes(house.identity[0]["margin_asset"]).decode(),
    )


def rows_of_reports(reports: npt.NDArray[np.void], names: Names) -> list[Row]:
    """Make a row of every report that tells a fill; the others book nothing.

    A fill that makes no sense (`is_sound`) is left out.
    """
    fills = (report for report in reports if report["trade_id"])
    return [_row_of_report(report, names) for report in fills if is_sound(report, names)]


def is_sound(report: np.void, names: Names) -> bool:
    """Say whether a report's fill names one of our symbols, a side, a price and a quantity."""
    symbol = int(report["symbol"])
    return (
        symbol < len(names.symbols)
        and report["side"] in tuple(Side)
        and report["last_price_ticks"] * names.tick_e8[symbol] > 0
        and report["last_qty_lots"] * names.lot_e8[symbol] > 0
    )


def _row_of_report(report: np.void, names: Names) -> Row:
    symbol, intent_seq = int(report["symbol"]), int(report["intent_seq"])
    price_e8 = int(report["last_price_ticks"]) * names.tick_e8[symbol]
    qty_e8 = int(report["last_qty_lots"]) * names.lot_e8[symbol]
    fee_asset = bytes(report["fee_asset"]).decode()
    owner = NOT_OURS
    if intent_seq:
        name = client_order_id(names.session_epoch, intent_seq)
        owner = Owner(name, intent_seq, names.strategy(int(report["strategy"])))
    return {
        "exchange_ts_ms": int(report["venue_ms"]),
        "monotonic_ns": int(report["local_ns"]),
        "symbol": names.symbols[symbol],
        "side": Side(int(report["side"])).name,
        "order_id": str(int(report["venue_order_id"])),
        "exec_id": str(int(report["trade_id"])),
        "fee_currency": fee_asset,
        "raw": _raw_of_report(report),
        "account_epoch": names.account_epoch,
        "trade_id": int(report["trade_id"]),
        "maker": int(report["maker"]),
        "source": FROM_REPORT,
        "paper": int(names.paper),
        **_amounts(price_e8, qty_e8, int(report["realised_e8"]), int(report["fee_e8"])),
        **_fee_of_report(report, names.symbols[symbol], fee_asset),
        **msgspec.structs.asdict(owner),
    }


def row_of_user_trade(
    trade: Mapping[str, Any], account_epoch: str, owner: Owner, *, paper: bool = False
) -> Row:
    """Make a row of one element of the venue's `userTrades` answer."""
    symbol, fee_asset = str(trade["symbol"]), str(trade["commissionAsset"])
    fee_e8 = parse_e8(trade["commission"])
    return {
        "exchange_ts_ms": int(trade["time"]),
        # Heard of by nobody here; a database of the former system may refuse a null.
        "monotonic_ns": 0,
        "symbol": symbol,
        "side": str(trade["side"]),
        "order_id": str(trade["orderId"]),
        "exec_id": str(trade["id"]),
        "fee_currency": fee_asset,
        **_fee_value(symbol, fee_asset, fee_e8),
        "raw": orjson.dumps(trade).decode(),
        "account_epoch": account_epoch,
        "trade_id": int(trade["id"]),
        "maker": int(bool(trade["maker"])),
        "source": FROM_USER_TRADES,
        "paper": int(paper),
        **_amounts(
            parse_e8(trade["price"]),
            parse_e8(trade["qty"]),
            parse_e8(trade["realizedPnl"]),
            fee_e8,
        ),
        **msgspec.structs.asdict(owner),
    }


def _fee_of_report(report: np.void, symbol: str, asset: str) -> Row:
    """Tell what the fee is worth, as execution valued it."""
    price_e8 = int(report["fee_price_e8"])
    if price_e8:
        return {"fee_value_e8": int(report["fee_value_e8"]), "fee_price_e8": price_e8}
    return _fee_value(symbol, asset, int(report["fee_e8"]))


def _fee_value(symbol: str, asset: str, fee_e8: int) -> Row:
    """Value a fee in the margin asset; nothing yet where it was charged in another one.

    A perpetual's name ends with its margin asset (BTCUSDT).
    """
    if symbol.endswith(asset) or not fee_e8:
        return {"fee_value_e8": fee_e8, "fee_price_e8": E8}
    return {"fee_value_e8": None, "fee_price_e8": None}


def _amounts(price_e8: int, qty_e8: int, pnl_e8: int, fee_e8: int) -> Row:
    return {
        "price_e8": price_e8,
        "qty_e8": qty_e8,
        "pnl_e8": pnl_e8,
        "fee_e8": fee_e8,
        "price": to_real(price_e8),
        "quantity": to_real(qty_e8),
        "pnl": to_real(pnl_e8),
        "fee": to_real(fee_e8),
    }


def _raw_of_report(report: np.void) -> str:
    values = zip(report.dtype.names or (), report.item(), strict=True)
    return orjson.dumps(
        {name: value.decode() if isinstance(value, bytes) else value for name, value in values},
        option=orjson.OPT_SERIALIZE_NUMPY,
    ).decode()
