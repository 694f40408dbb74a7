"""What may happen in a venue that keeps its state, drawn at random, and how it is worded."""

from __future__ import annotations

from hypothesis import strategies as st

from hft.simulator.desk import Listing
from hft.simulator.matching import BUY, SELL

ACCOUNTS = (1, 2, 3, 4)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
CONDITIONS = ("STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET", "STOP", "TAKE_PROFIT")

action = st.tuples(
    st.sampled_from(
        ["limit"] * 8 + ["market"] * 3 + ["house"] * 5 + ["cancel", "amend", "amend", "batch"]
        + ["algo"] * 6 + ["mark", "mark", "crash", "funding", "deposit", "later"]
        + ["leverage", "margin", "countdown", "settings"]
    ),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(SYMBOLS),
    st.sampled_from([BUY, SELL]),
    st.integers(-6, 6),
    st.integers(1, 3_000),
    st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "GTX", "GTD"]),
    st.sampled_from([False, False, True]),
)  # fmt: skip
Action = tuple[str, int, str, int, int, int, str, bool]


def condition_of(listing: Listing, wish: Action, now_ms: int) -> dict[str, str]:
    """Word a conditional order whose trigger is some ticks away on the side that may wait."""
    _, account_id, name, side, offset, lots, tif, closes = wish
    symbol, tick_e8 = listing.symbol, listing.symbol.tick_e8
    kind = CONDITIONS[lots % len(CONDITIONS)]
    mark = lots % 2 or not listing.last_ticks
    ticks = listing.mark_e8 // tick_e8 if mark else listing.last_ticks
    away = (2 + abs(offset)) * (side if kind.startswith("STOP") else -side)
    params = {
        "symbol": name,
        "side": "BUY" if side > 0 else "SELL",
        "algoType": "CONDITIONAL",
        "type": kind,
        "clientAlgoId": f"a{now_ms}",
        "workingType": "MARK_PRICE" if mark else "CONTRACT_PRICE",
    }
    if kind == "TRAILING_STOP_MARKET":
        params["callbackRate"] = "0.1"
    else:
        params["triggerPrice"] = symbol.price_text(ticks + away)
    if kind in ("STOP", "TAKE_PROFIT"):
        limit = symbol.price_text(listing.mark_e8 // tick_e8 + offset)
        params.update(price=limit, timeInForce="GTD" if tif == "GTD" else "GTC")
        if tif == "GTD":
            params["goodTillDate"] = str(now_ms + 601_000)
    if kind in ("STOP_MARKET", "TAKE_PROFIT_MARKET") and lots % 3 == 0:
        params["closePosition"] = "true"
    else:
        params["quantity"] = symbol.qty_text(lots)
    if account_id == 2:
        params["positionSide"] = "LONG" if (side > 0) != closes else "SHORT"
    elif closes and "quantity" in params:
        params["reduceOnly"] = "true"
    return params
