"""Every record that crosses a process boundary, declared once, and the words written in it.

Clocks: fields ending in ``_ns`` are CLOCK_MONOTONIC of this machine, ``venue_ms`` is the venue's
own time.  Numbers: market data and intents carry float64 prices and quantities, correctly rounded
from the decimal text; from the risk gate onward prices are whole ticks, quantities whole lots and
money is int64 in units of 1e-8.  A hop is a u32 offset in nanoseconds from the receipt of the frame
that caused the order, saturating at about 4.29 s.

The dtypes are given by names, formats and ``itemsize`` because numba refuses padding fields.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

import numpy as np

SYMBOLS_MAX = 16
HOP_MAX_NS = (1 << 32) - 1


class MarketKind(IntEnum):
    """What a MARKET event tells."""

    TRADE = 1
    BOOK_TOP = 2
    LIQUIDATION = 3
    MARK_PRICE = 4
    CLOCK = 5


class MarketFlag(IntEnum):
    """Bits of MARKET.flags."""

    BUYER_IS_MAKER = 1
    """The taker sold (aggTrade ``m``); for a LIQUIDATION: the liquidated position was long."""
    GAP = 2
    """Events before this one are missing; what was remembered of them is not to be trusted."""
    SNAPSHOT = 4
    """A value re-read from a block rather than received from the venue."""


class Action(IntEnum):
    """What an intent asks for."""

    PLACE = 1
    CANCEL = 2
    AMEND = 3
    CANCEL_ALL = 4


class Side(IntEnum):
    """Direction of an order or fill; its sign is the sign of the position change."""

    BUY = 1
    SELL = -1


class OrderType(IntEnum):
    """How an order is priced."""

    MARKET = 1
    LIMIT = 2
    STOP_MARKET = 3
    """Becomes a market order once the price has moved against the position: it waits at the venue's
    algo endpoint; the intent's price is the trigger."""
    TAKE_PROFIT_MARKET = 4
    """The same for a price that has moved in favour of the position."""


class TimeInForce(IntEnum):
    """How long a limit order may rest."""

    GTC = 1
    IOC = 2
    FOK = 3
    GTX = 4
    """Post-only: the venue rejects it when it would take."""


class IntentFlag(IntEnum):
    """Bits of INTENT.flags, carried on into the order and its reports."""

    REDUCE_ONLY = 1
    POST_ONLY = 2
    CLOSE_POSITION = 4
    """A stop or take-profit without a quantity: it closes whatever the position is then."""
    ON_MARK = 8
    """A stop or take-profit watches the mark price instead of the last price."""


class Status(IntEnum):
    """What a REPORT says happened to an order."""

    ACCEPTED = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELLED = 4
    AMENDED = 5
    EXPIRED = 6
    REJECTED = 7
    """Refused by the venue; `venue_code` says why."""
    DENIED = 8
    """Refused by our own gate; the venue never saw it; `reason` is a Denial."""
    UNKNOWN = 9
    """We cannot tell whether the venue has it; reconciliation decides."""
    POSITION = 10
    """No order: the venue's position was read anew or differs; carries position and entry."""


class Denial(IntEnum):
    """Why the gate refused an intent; `hft.denials` has the sentence of each."""

    NONE = 0
    TRADING_HALTED = 1
    REDUCING_ONLY = 2
    INTENT_EXPIRED = 3
    MALFORMED = 4
    QUANTITY_NOT_POSITIVE = 5
    PRICE_NOT_POSITIVE = 6
    UNKNOWN_SYMBOL = 7
    QUANTITY_BELOW_STEP = 8
    QUANTITY_ABOVE_FILTER = 9
    PRICE_OUTSIDE_FILTER = 10
    NOTIONAL_BELOW_FILTER = 11
    ORDER_SIZE_ABOVE_LIMIT = 12
    POSITION_ABOVE_LIMIT = 13
    ORDER_RATE_ABOVE_LIMIT = 14
    ORDER_TABLE_FULL = 15
    NO_PRICE = 16
    FEED_STALE = 17
    REPORTS_BACKED_UP = 18
    NOT_CONNECTED = 19
    UNKNOWN_ORDER = 20
    NOT_SUPPORTED = 21
    LOSS_LIMIT_REACHED = 22
    DUPLICATE_INTENT = 23
    NOTIONAL_ABOVE_LIMIT = 24
    LEVERAGE_ABOVE_LIMIT = 25
    PRICE_OUTSIDE_COLLAR = 26
    CANCEL_RATE_ABOVE_LIMIT = 27
    OPEN_ORDERS_ABOVE_LIMIT = 28
    ACCOUNT_STALE = 29
    CLOCK_UNCERTAIN = 30
    DAILY_LOSS_REACHED = 31
    DRAWDOWN_REACHED = 32
    TARGET_REACHED = 33
    MARGIN_INSUFFICIENT = 34
    """The venue would answer -2019."""
    RATE_BUDGET_SPENT = 35
    """What is left of the venue's limits is kept for cancels and for flatten."""
    AMEND_PENDING = 36
    TRIGGER_PASSED = 37
    """The venue would answer -2021: the order would trigger at once."""


class TradingState(IntEnum):
    """The kill switch: the tighter of fitness (heals) and latch (a person resumes)."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2


class Unfit(IntEnum):
    """Why fitness is below ACTIVE."""

    NONE = 0
    STARTING = 1
    FEED_STALE = 2
    FEED_DOWN = 3
    STRATEGY_DOWN = 4
    ORDER_SESSION_DOWN = 5
    USER_STREAM_DOWN = 6
    NOT_RECONCILED = 7
    ORDERS_UNKNOWN = 8
    REPORTS_BACKED_UP = 9
    LEDGER_DOWN = 10
    CLOCK_UNKNOWN = 11
    POSITIONS_DISAGREE = 12
    ACCOUNT_STALE = 13
    CLOCK_UNCERTAIN = 14
    RATE_LIMITED = 15
    BANNED = 16


class LatchReason(IntEnum):
    """Who or what ordered a halt, or lifted it."""

    NONE = 0
    START_UP = 1
    PERSON = 2
    MAX_LOSS = 3
    TARGET_PROFIT = 4
    DEATHS = 5
    FLATTEN = 6
    EXECUTION_LOST = 7
    DAILY_LOSS = 8
    DRAWDOWN = 9
    ERROR_RATE = 10
    REJECT_RATE = 11
    LATENCY = 12
    RING_DEPTH = 13


class OnTrip(IntEnum):
    """What a breaker does when it trips."""

    HALT = 0
    REDUCE = 1
    FLATTEN = 2


class MeasuredFrom(IntEnum):
    """Since when what tripped a breaker was measured."""

    NOTHING = 0
    SESSION_START = 1
    PEAK = 2
    DAY_START = 3
    LAST_MINUTE = 4
    NOW = 5


class Agreement(IntEnum):
    """Whether our fills, the user stream and REST tell one position."""

    UNKNOWN = 0
    AGREED = 1
    DISAGREED = 2


class Notice(IntEnum):
    """What a log record is about, where it is an event worth a row in the database."""

    NONE = 0
    SESSION_STARTED = 1
    SESSION_ENDED = 2
    HALTED = 3
    RESUMED = 4
    BREAKER_TRIPPED = 5
    FLATTEN = 6
    LIMITS_CHANGED = 7
    STRATEGY_SWITCHED = 8
    PROCESS_DIED = 9
    POSITION_CORRECTED = 10
    ORDER_RESOLVED = 11
    LIQUIDATION = 12
    ADL = 13
    MARGIN_CALL = 14
    FUNDING = 15
    DEPOSIT = 16
    WITHDRAWAL = 17
    BALANCE_ADJUSTED = 18
    FOREIGN_TRADE = 19
    STREAM_ROTATED = 20
    STREAM_MUTE = 21
    RATE_LIMITED = 22
    BANNED = 23
    CLOCK_DOUBTED = 24
    COUNTDOWN = 25
    LEDGER_GAP = 26
    CONFIG_CHANGED_AT_VENUE = 27
    PARAMS_CHANGED = 28
    CONFIG_READ = 29


class Verdict(IntEnum):
    """Why a strategy did or did not act on an event."""

    NONE = 0
    WARMING_UP = 1
    COOLING_DOWN = 2
    NO_SIGNAL = 3
    EDGE_BELOW_FEES = 4
    IN_FLIGHT = 5
    PRICE_GATE = 6
    HOLDING = 7
    ENTER = 8
    EXIT = 9
    GAP = 10
    INTENTS_FULL = 11


class OrderState(IntEnum):
    """Where an order stands in the order table; everything from FILLED on is terminal."""

    FREE = 0
    SENT = 1
    UNKNOWN = 2
    ACCEPTED = 3
    PARTIALLY_FILLED = 4
    CANCEL_PENDING = 5
    """It rests; a cancel of it is on its way."""
    AMEND_PENDING = 6
    """It rests; another price or quantity for it is on its way."""
    FILLED = 7
    CANCELLED = 8
    EXPIRED = 9
    REJECTED = 10
    DENIED = 11
    """Its row was written and not one byte of it left."""


FIRST_TERMINAL_STATE = OrderState.FILLED


class Level(IntEnum):
    """Severity of a LOG record."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class Role(IntEnum):
    """What a process of the house does; `hft.seats` says which of them is which."""

    SUPERVISOR = 0
    FEED = 1
    STRATEGY = 2
    EXECUTION = 3
    LEDGER = 4
    DASHBOARD = 5


class Hop(IntEnum):
    """Stations of an order, in order; index into the `hops` of REPORT and ORDER."""

    DECODED = 0
    STRATEGY = 1
    DECIDED = 2
    EXECUTION = 3
    GATED = 4
    SIGNED = 5
    SENT = 6
    ACKED = 7
    FILLED = 8


def record(size: int, *fields: tuple[str, str] | tuple[str, str, int]) -> np.dtype[np.void]:
    """Lay fields one after another without holes; a third element counts a nested array."""
    names, formats, offsets, at = [], [], [], 0
    for field in fields:
        kind = np.dtype(field[1]) if len(field) == 2 else np.dtype((field[1], (field[2],)))
        names.append(field[0])
        formats.append(kind)
        offsets.append(at)
        at += kind.itemsize
    assert at <= size, f"{at} bytes do not fit into {size}"
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


MARKET = record(
    64,
    ("seq", "<u8"),  # Local, +1 per event; dropped events consume numbers.
    ("venue_ms", "<i8"),
    ("recv_ns", "<i8"),
    ("price", "<f8"),  # TRADE: price; BOOK_TOP: bid; LIQUIDATION: average; MARK_PRICE: mark.
    (
        "qty",
        "<f8",
    ),  # TRADE, LIQUIDATION: quantity; BOOK_TOP: bid quantity; MARK_PRICE: funding rate.
    ("price2", "<f8"),  # BOOK_TOP: ask; LIQUIDATION: limit price; MARK_PRICE: index price.
    ("qty2", "<f8"),  # BOOK_TOP: ask quantity; TRADE: the aggregate trade id, exact below 2**53.
    ("decoded_off_ns", "<u4"),  # From recv_ns to the moment the decoder began on this buffer.
    ("symbol", "<u2"),
    ("kind", "u1"),
    ("flags", "u1"),
)

INTENT = record(
    128,
    ("seq", "<u8"),
    ("market_seq", "<u8"),
    ("recv_ns", "<i8"),
    ("strategy_ns", "<i8"),
    ("decide_ns", "<i8"),
    ("order_ref", "<u8"),
    ("target_ref", "<u8"),  # CANCEL, AMEND: order_ref of the order meant.
    ("price", "<f8"),
    ("qty", "<f8"),
    ("decoded_off_ns", "<u4"),
    ("symbol", "<u2"),
    ("strategy", "<u2"),
    ("reason", "<u2"),
    ("action", "u1"),
    ("side", "i1"),
    ("order_type", "u1"),
    ("tif", "u1"),
    ("flags", "u1"),
)

REPORT = record(
    256,
    ("seq", "<u8"),
    ("intent_seq", "<u8"),  # 0: not one of our orders of this session.
    ("order_ref", "<u8"),
    ("market_seq", "<u8"),
    ("recv_ns", "<i8"),
    ("local_ns", "<i8"),  # When execution wrote this report.
    ("venue_ms", "<i8"),
    ("venue_order_id", "<i8"),
    ("trade_id", "<i8"),  # 0: no fill in this report.
    ("price_ticks", "<i8"),
    ("qty_lots", "<i8"),
    ("last_price_ticks", "<i8"),
    ("last_qty_lots", "<i8"),
    ("cum_qty_lots", "<i8"),
    ("cum_quote_e8", "<i8"),
    ("fee_e8", "<i8"),
    ("realised_e8", "<i8"),  # Of this fill, before fees, as the venue booked it.
    ("position_lots", "<i8"),
    ("entry_e8", "<i8"),
    ("bid", "<f8"),  # TOP as the gate saw it.
    ("ask", "<f8"),
    ("fee_value_e8", "<i8"),  # The fee in the margin asset, at fee_price_e8.
    ("fee_price_e8", "<i8"),  # Of the fee's asset in the margin asset; 0: not known yet.
    ("fee_asset", "S8"),
    ("hops", "<u4", len(Hop)),
    ("venue_code", "<i4"),
    ("symbol", "<u2"),
    ("strategy", "<u2"),
    ("reason", "<u2"),
    ("status", "u1"),
    ("side", "i1"),
    ("order_type", "u1"),
    ("tif", "u1"),
    ("flags", "u1"),
    ("maker", "u1"),
)

LOG_TEXT_MAX = 230
LOG = record(
    256,
    ("ns", "<i8"),
    ("count", "<u4"),  # How many records were dropped before this one.
    ("level", "u1"),
    ("role", "u1"),  # A Seat: which of the processes said it.
    ("size", "<u2"),  # Bytes of text.
    ("notice", "<u2"),  # Notice.
    ("text", f"S{LOG_TEXT_MAX}"),
)

POSITION = record(
    128,
    ("qty", "<f8"),  # Signed: positive is long.
    ("entry", "<f8"),  # Average entry price, 0 while flat.
    ("realised", "<f8"),  # Of this session, before fees.
    ("tick", "<f8"),
    ("lot", "<f8"),
    ("maker_fee", "<f8"),  # Fraction of notional.
    ("taker_fee", "<f8"),
    ("open_orders", "<i8"),  # Ours, in flight or resting, on this symbol.
    ("last_fill_ns", "<i8"),
    ("fills", "<i8"),
)

OPEN_ORDER = record(
    64,
    ("order_ref", "<u8"),
    ("intent_seq", "<u8"),
    ("price", "<f8"),
    ("qty", "<f8"),
    ("filled", "<f8"),
    ("symbol", "<u2"),
    ("side", "i1"),
    ("order_type", "u1"),
    ("status", "u1"),  # A Status; 0: the row is free.
    ("flags", "u1"),
)

for _dtype, _size in ((MARKET, 64), (INTENT, 128), (REPORT, 256), (LOG, 256), (OPEN_ORDER, 64)):
    assert _dtype.itemsize == _size, "events fill whole cache lines"


def schema_digest(*dtypes: np.dtype[np.void]) -> int:
    """Digest the layout of records into 63 bits; builds that differ refuse each other's memory."""
    text = ";".join(
        ",".join(f"{name}:{kind.fields[name][0].str}@{kind.fields[name][1]}" for name in kind.names)
        + f"/{kind.itemsize}"
        for kind in dtypes
        if kind.names is not None and kind.fields is not None
    )
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
