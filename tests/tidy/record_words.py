"""What every field and value that a strategy meets means; the docs' tables are written from this.

A field is ``(unit, meaning)``.  A name the code has and this page lacks fails in doc_tables.
"""

from __future__ import annotations

from enum import IntEnum

from hft.events import IntentFlag, MarketFlag, MarketKind, Status, Verdict

Words = dict[str, tuple[str, str]]

EVENT: Words = {
    "seq": ("", "number of the event, +1 each"),
    "venue_ms": ("ms", "the venue's own time"),
    "recv_ns": ("ns", "when it was received: the clock of a strategy"),
    "price": ("quote", "`TRADE` price; `BOOK_TOP` bid; `LIQUIDATION` average; `MARK_PRICE` mark"),
    "qty": ("base", "`TRADE`, `LIQUIDATION` quantity; `BOOK_TOP` at the bid; `MARK_PRICE` funding"),
    "price2": ("quote", "`BOOK_TOP` ask; `LIQUIDATION` limit; `MARK_PRICE` index"),
    "qty2": ("base", "`BOOK_TOP` at the ask; `TRADE` the aggregate trade's id"),
    "decoded_off_ns": ("ns", "from `recv_ns` to its decoding"),
    "symbol": ("", "index into the configured `symbols`"),
    "kind": ("", "a `MarketKind`"),
    "flags": ("", "bits of `MarketFlag`"),
}

POSITION: Words = {
    "qty": ("base", "signed: above 0 is long, below 0 short"),
    "entry": ("quote", "average entry price; 0 while flat"),
    "realised": ("quote", "P&L of closed quantity in this run of the engine, before fees"),
    "tick": ("quote", "smallest step of a price"),
    "lot": ("base", "smallest step of a quantity"),
    "maker_fee": ("fraction", "of the notional: 0.0002 is 0.02 %"),
    "taker_fee": ("fraction", "of the notional"),
    "open_orders": ("orders", "yours on this symbol, in flight or resting"),
    "last_fill_ns": ("ns", "when the last fill was reported, as `recv_ns` counts; 0: none"),
    "fills": ("fills", "in this run of the engine"),
}

OPEN_ORDER: Words = {
    "order_ref": ("", "what `cancel` and `amend` take"),
    "intent_seq": ("", "number of the intent; its reports carry the same"),
    "price": ("quote", "the limit, or a stop's trigger; 0 for a market order"),
    "qty": ("base", "wanted, always above 0"),
    "filled": ("base", "of it, so far"),
    "symbol": ("", "index into the configured `symbols`"),
    "side": ("", "a `Side`: `BUY` 1, `SELL` -1"),
    "order_type": ("", "an `OrderType`"),
    "status": ("", "0: the row is free; 255 (`IN_FLIGHT`): no report yet; else a `Status`"),
    "flags": ("", "bits of `IntentFlag`"),
}

REPORT: Words = {
    "seq": ("", "number of the report"),
    "intent_seq": ("", "of the order's intent; 0: not one of yours"),
    "order_ref": ("", "of the order"),
    "market_seq": ("", "of the event the order answered"),
    "recv_ns": ("ns", "of that event"),
    "local_ns": ("ns", "when execution wrote this report"),
    "venue_ms": ("ms", "the venue's time; 0 when it never saw the order"),
    "venue_order_id": ("", "the venue's number of the order; 0: none yet"),
    "trade_id": ("", "of the fill; 0: this report is no fill"),
    "price_ticks": ("ticks", "the order's limit or trigger; 0 for a market order"),
    "qty_lots": ("lots", "the order's quantity"),
    "last_price_ticks": ("ticks", "price of this fill"),
    "last_qty_lots": ("lots", "quantity of this fill; 0: no fill"),
    "cum_qty_lots": ("lots", "filled of the order so far"),
    "cum_quote_e8": ("1e-8 quote", "paid or received for that"),
    "fee_e8": ("1e-8 `fee_asset`", "fee of this fill"),
    "fee_value_e8": ("1e-8 quote", "the fee in the margin asset, at `fee_price_e8`"),
    "fee_price_e8": ("1e-8 quote", "price of the fee's asset; 0: not known yet"),
    "realised_e8": ("1e-8 quote", "P&L of this fill, before fees"),
    "position_lots": ("lots", "the position after it, signed"),
    "entry_e8": ("1e-8 quote", "average entry price after it"),
    "bid": ("quote", "as the gate saw it"),
    "ask": ("quote", "as the gate saw it"),
    "fee_asset": ("", "text, for people; compiled strategies leave it alone"),
    "hops": ("ns", "stations of the order, counted from `recv_ns`"),
    "venue_code": ("", "the venue's error number of a `REJECTED` order; 0: none"),
    "symbol": ("", "index into the configured `symbols`"),
    "strategy": ("", "which strategy sent the order"),
    "reason": (
        "",
        "`DENIED`: which [refusal](operations.md#refusals-of-the-gate), "
        "counted from 1; else the order's `Verdict`",
    ),
    "status": ("", "a `Status`"),
    "side": ("", "a `Side`"),
    "order_type": ("", "an `OrderType`"),
    "tif": ("", "a `TimeInForce`; 0 for a market order"),
    "flags": ("", "bits of `IntentFlag`"),
    "maker": ("", "1: this fill rested in the book"),
}

KINDS: dict[IntEnum, str] = {
    MarketKind.TRADE: "an aggregate trade",
    MarketKind.BOOK_TOP: "best bid and ask",
    MarketKind.LIQUIDATION: "the venue closed somebody's position",
    MarketKind.MARK_PRICE: "mark price, index price, funding rate",
    MarketKind.CLOCK: "reserved; not sent yet",
}

MARKET_FLAGS: dict[IntEnum, str] = {
    MarketFlag.BUYER_IS_MAKER: "the taker sold; for a `LIQUIDATION`, the position was long",
    MarketFlag.GAP: "events before this one are missing: do not trust what you remember of them",
    MarketFlag.SNAPSHOT: "reserved; not sent yet",
}

INTENT_FLAGS: dict[IntEnum, str] = {
    IntentFlag.REDUCE_ONLY: "may only make the position smaller",
    IntentFlag.POST_ONLY: "a limit order that the venue rejects rather than let it take",
    IntentFlag.CLOSE_POSITION: "a stop or take-profit without a quantity: closes the position",
    IntentFlag.ON_MARK: "a stop or take-profit that watches the mark price",
}

STATUSES: dict[IntEnum, str] = {
    Status.ACCEPTED: "the venue has it",
    Status.PARTIALLY_FILLED: "a part was filled, the rest stays open",
    Status.FILLED: "filled whole; over",
    Status.CANCELLED: "cancelled; over, perhaps filled in part",
    Status.AMENDED: "price or quantity changed",
    Status.EXPIRED: "the venue ended it; over, perhaps filled in part",
    Status.REJECTED: "the venue refused it; over; `venue_code` says why",
    Status.DENIED: "our own gate refused it; over; `reason` is a `Denial`",
    Status.UNKNOWN: "we cannot tell whether the venue has it; wait for the next report",
    Status.POSITION: "no order: the position was read anew from the venue",
}

VERDICT_NUMBERS: dict[IntEnum, tuple[str, str]] = {
    Verdict.NONE: ("", ""),
    Verdict.WARMING_UP: ("seen so far", "count wanted"),
    Verdict.COOLING_DOWN: ("seconds waited", "seconds to wait"),
    Verdict.NO_SIGNAL: ("the signal, any unit", "what it must reach, same unit and sign"),
    Verdict.EDGE_BELOW_FEES: ("the move, in quote", "what would pay the fees, in quote"),
    Verdict.IN_FLIGHT: ("", ""),
    Verdict.PRICE_GATE: ("the price, in quote", "the limit, in quote"),
    Verdict.HOLDING: ("the signal", "where it leaves"),
    Verdict.ENTER: ("the signal", "what it had to reach"),
    Verdict.EXIT: ("the signal", "what it had to reach"),
    Verdict.GAP: ("", ""),
    Verdict.INTENTS_FULL: ("", ""),
}
"""What `distance` and `needed` are, by verdict."""
