"""The records of the state segment, each with the one process that writes it.

Snapshots (two slots and a generation) are marked *snapshot*; plain counters are single aligned
words that a reader may catch between two related updates, never torn.
"""

from __future__ import annotations

from enum import IntEnum

from hft.events import SYMBOLS_MAX, Denial, Hop, Verdict, record
from hft.seats import SHARDS_MAX

STRATEGY_NAME_MAX = 32
SYMBOL_NAME_MAX = 20
ACCOUNT_EPOCH_MAX = 40
ASSET_NAME_MAX = 8
PARAMS_BYTES_MAX = 1024
STATE_BYTES_MAX = 262144
OUT_DETAIL = 8
ORDERS_MAX = 1024
LOG_LINES_MAX = 512
TAPE_RECORDS = 65536
TAPE_BATCH_MAX = 4096
"""Most records the ledger lays into the tape before it says so in the head."""
MINUTES_KEPT = 8
"""Newest one-minute candles of a symbol that lie in the segment."""
VENUE_NAME_MAX = 64


class Life(IntEnum):
    """Where a process stands; written by the process itself, never by its parent."""

    ABSENT = 0
    STARTING = 1
    READY = 2
    RUNNING = 3
    DRAINING = 4
    STOPPED = 5


class Order(IntEnum):
    """What the supervisor asks of a process, in a word of its own."""

    NONE = 0
    RUN = 1
    DRAIN = 2


class Mode(IntEnum):
    """What kind of venue the run talks to, for the colour of the page; nothing decides by it."""

    DEMO = 0
    TESTNET = 1
    LIVE = 2
    CUSTOM = 3
    DRY_RUN = 4


# Supervisor writes, before READY only, except where noted.
RUN = record(
    512,
    ("session_epoch", "<u8"),  # Of client order ids; new with every run of the house.
    ("started_mono_ns", "<i8"),
    ("started_wall_ns", "<i8"),  # The pair is the wall-clock anchor.
    ("supervisor_pid", "<i8"),
    ("symbol_count", "<i8"),
    ("mode", "<i8"),
    ("strategy_index", "<i8"),  # Changes when the strategy is switched.
    ("strategy_epoch", "<i8"),  # +1 with every switch.
    ("symbols", f"S{SYMBOL_NAME_MAX}", SYMBOLS_MAX),
    ("maker_fee", "<f8"),
    ("taker_fee", "<f8"),
    # What earlier sessions of the UTC day leave to this one, of the account they were on.
    ("day", "<i8"),  # Days since 1970; 0: nothing was left.
    ("day_base_e8", "<i8"),  # P&L of this session at which that day's P&L is 0.
    ("day_account", f"S{ACCOUNT_EPOCH_MAX}"),
)

# One per seat; the process itself writes it.
VITALS = record(
    256,
    ("pid", "<i8"),
    ("life", "<i8"),
    ("heartbeat_ns", "<i8"),
    ("cycles", "<i8"),
    ("longest_cycle_ns", "<i8"),
    ("stalls", "<i8"),
    ("events_in", "<i8"),
    ("events_out", "<i8"),
    ("late_compilations", "<i8"),
    ("core", "<i8"),  # -1: not pinned.
    ("idle", "<i8"),  # IdleKind.
    ("started_ns", "<i8"),
    ("exit_code", "<i8"),
    ("log_dropped", "<i8"),
)

# One per seat; the supervisor writes it.
ORDERS_TO = record(
    64,
    ("order", "<i8"),
    ("restarts", "<i8"),
    ("died_ns", "<i8"),  # When the last death was seen; 0: never.
    ("last_exit", "<i8"),  # Exit code, or minus the signal.
)

# The latch: the supervisor's words and the gate's, each in its own block, and what tripped last.
LATCH = record(
    128,
    ("halt_ns", "<i8"),
    ("resume_ns", "<i8"),
    ("halt_reason", "<i8"),  # LatchReason.
    ("reduce_ns", "<i8"),  # When this hand last asked to reduce only.
    ("reduce_reason", "<i8"),
    ("trip_ns", "<i8"),  # When the newest breaker tripped; forgotten with the next resume.
    ("trip_reason", "<i8"),
    ("measured", "<i8"),  # Money in 1e-8, a count or nanoseconds, as the rule has it; limit too.
    ("limit", "<i8"),
    ("measured_from", "<i8"),  # MeasuredFrom.
    ("since_wall_ms", "<i8"),
    ("tripped_wall_ms", "<i8"),
    ("on_trip", "<i8"),  # OnTrip: what was done about it.
)

# Snapshot; supervisor writes.
LIMITS = record(
    256,
    ("max_loss_e8", "<i8"),  # 0: no limit.
    ("target_profit_e8", "<i8"),  # 0: none.
    ("max_position_e8", "<i8"),  # Base units.
    ("max_order_size_e8", "<i8"),  # Base units.
    ("max_orders_per_s", "<i8"),
    ("intent_expiry_ns", "<i8"),
    ("feed_stale_ns", "<i8"),
    ("max_daily_loss_e8", "<i8"),  # 0: no limit, like every one below.
    ("max_drawdown_e8", "<i8"),  # From the session's peak.
    ("max_notional_e8", "<i8"),  # Of one symbol's position, everything open filled.
    ("max_leverage_e2", "<i8"),  # Hundredths; notional of all positions against the equity.
    ("collar_e8", "<i8"),  # Fraction of the mark price and of the touch, in 1e-8.
    ("max_cancels_per_s", "<i8"),
    ("max_open_orders", "<i8"),
    ("account_stale_ns", "<i8"),
    ("clock_error_max_ns", "<i8"),
    ("max_errors_per_min", "<i8"),
    ("max_rejects_per_min", "<i8"),
    ("latency_max_ns", "<i8"),  # 99th percentile of the last minute's tick-to-trade.
    ("ring_depth_max", "<i8"),  # Events waiting in a market ring.
    ("on_trip", "<i8"),  # OnTrip.
)

# Snapshot; supervisor writes: the parameters of the running strategy, a record of its own dtype.
PARAMS = record(
    64 + PARAMS_BYTES_MAX,
    ("size", "<i8"),
    ("strategy_index", "<i8"),
    ("value", f"V{PARAMS_BYTES_MAX}"),
)

# Snapshot, one per symbol; feed writes.
TOP = record(
    128,
    ("bid", "<f8"),
    ("bid_qty", "<f8"),
    ("ask", "<f8"),
    ("ask_qty", "<f8"),
    ("last", "<f8"),
    ("mark", "<f8"),
    ("index", "<f8"),
    ("funding_rate", "<f8"),
    ("book_ns", "<i8"),  # recv_ns of the newest value of each kind; 0: none yet.
    ("trade_ns", "<i8"),
    ("mark_ns", "<i8"),
    ("book_venue_ms", "<i8"),
    ("trade_venue_ms", "<i8"),
)

# One per feed connection (0: public, 1: market) of each shard; its feed writes.
FEED_LINK = record(
    128,
    ("connected", "<i8"),
    ("connects", "<i8"),
    ("last_recv_ns", "<i8"),
    ("frames", "<i8"),
    ("slow_frames", "<i8"),  # Decoded by msgspec because the scanner did not know the shape.
    ("bad_frames", "<i8"),  # Neither could read them.
    ("gaps", "<i8"),
    ("duplicates", "<i8"),
    ("mute_streams", "<i8"),  # Subscribed, acknowledged, and nothing came within the deadline.
    ("bytes_in", "<i8"),
    ("dropped", "<i8"),  # Events that found the market ring full.
)

# Snapshot; strategy writes once per burst.
VERDICT = record(
    384,
    ("event_ns", "<i8"),
    ("events", "<i8"),  # Market events decided on since the process started.
    ("intents", "<i8"),
    ("refused", "<i8"),  # Intents that found the ring full.
    ("verdict", "<i8"),
    ("distance", "<f8"),
    ("needed", "<f8"),
    ("symbol", "<i8"),
    ("detail", "<f8", OUT_DETAIL),
    ("counts", "<i8", 16),  # By Verdict.
    ("gaps_seen", "<i8"),
)
assert len(Verdict) <= 16

# Strategy writes, two slots of STATE_BYTES_MAX behind it (a snapshot of raw bytes).
STATE_HEAD = record(
    128,
    ("dtype_digest", "<u8"),
    ("size", "<i8"),
    ("name", f"S{STRATEGY_NAME_MAX}"),
)

# Snapshot; execution writes.
ACCOUNT = record(
    1024,
    ("updated_ns", "<i8"),
    ("trading_state", "<i8"),
    ("unfit", "<i8"),  # Unfit.
    ("latch_reason", "<i8"),  # LatchReason; NONE while not latched.
    ("reconciled", "<i8"),
    ("session_up", "<i8"),
    ("user_stream_up", "<i8"),
    ("unknown_orders", "<i8"),
    ("open_orders", "<i8"),
    ("wallet_e8", "<i8"),
    ("initial_wallet_e8", "<i8"),
    ("available_e8", "<i8"),
    ("realised_e8", "<i8"),  # Of this session, before fees.
    ("fees_e8", "<i8"),
    ("unrealised_e8", "<i8"),
    ("funding_e8", "<i8"),  # Received; negative: paid.
    ("pnl_e8", "<i8"),  # realised - fees + funding + unrealised.
    ("peak_pnl_e8", "<i8"),  # Highest of the session, at least 0.
    ("peak_wall_ms", "<i8"),  # When that was; 0: at the start.
    ("day_pnl_e8", "<i8"),  # Since midnight UTC, or since the day's first session began.
    ("day", "<i8"),  # Which day that is: days since 1970.
    ("day_base_e8", "<i8"),  # P&L of the session at which the day's is 0.
    ("day_wall_ms", "<i8"),  # Since when that counts.
    ("equity_e8", "<i8"),  # Wallet and unrealised profit, other assets valued.
    ("agreement", "<i8"),  # Agreement of all symbols: the worst.
    ("checked_ns", "<i8"),  # When REST last told balances and positions.
    ("clock_offset_ns", "<i8"),  # Venue minus ours.
    ("clock_error_ns", "<i8"),  # Half the round trip of the best sample; -1: unknown.
    ("order_rtt_ns", "<i8"),  # Of the last order.
    ("intents", "<i8"),
    ("orders_sent", "<i8"),
    ("fills", "<i8"),
    ("rejected", "<i8"),
    ("last_reject_code", "<i8"),
    ("cancels_sent", "<i8"),
    ("amends_sent", "<i8"),
    ("errors", "<i8"),  # Requests that failed or whose answer never came.
    ("weight_used", "<i8"),  # Of the venue's limits, as it last told and we count since.
    ("weight_limit", "<i8"),
    ("orders_10s_used", "<i8"),
    ("orders_10s_limit", "<i8"),
    ("orders_1m_used", "<i8"),
    ("orders_1m_limit", "<i8"),
    ("limited_until_ns", "<i8"),  # HTTP 429: nothing but cancels and flatten before then.
    ("banned_until_ns", "<i8"),  # HTTP 418: nothing at all before then.
    ("countdown_armed", "<i8"),  # 1: the venue cancels everything unless we keep saying we live.
    ("countdown_ns", "<i8"),  # When that was last said.
    ("foreign_orders", "<i8"),  # Open at the venue on our symbols, and not ours.
    ("connected", "<i8"),  # 1: some road to the venue is open to orders.
    ("may_order", "<i8"),  # 0: what is left of the venue's limits is kept for cancels.
    ("orders_until_ns", "<i8"),  # The venue takes no order that adds before then.
    # Of the limits on our own rate: used in the last second, and until when nothing is left.
    ("orders_last_s", "<i8"),  # Amends are among them.
    ("orders_full_until_ns", "<i8"),
    ("changes_last_s", "<i8"),  # Cancels and amends that strategies asked for.
    ("changes_full_until_ns", "<i8"),
    ("denied", "<i8", 64),  # By Denial.
)
assert len(Denial) <= 64

# Execution writes at start-up, before READY.
ACCOUNT_IDENTITY = record(
    64,
    ("account_epoch", f"S{ACCOUNT_EPOCH_MAX}"),
    ("margin_asset", f"S{ASSET_NAME_MAX}"),
)

# One per symbol; execution writes at start-up, before READY.
SPEC = record(
    128,
    ("tick_e8", "<i8"),
    ("lot_e8", "<i8"),
    ("min_lots", "<i8"),
    ("max_lots", "<i8"),
    ("market_max_lots", "<i8"),
    ("min_ticks", "<i8"),
    ("max_ticks", "<i8"),
    ("min_notional_e8", "<i8"),
    ("unit_e8", "<i8"),  # Money in 1e-8 of one tick times one lot: tick_e8 * lot_e8 / 1e8, exact.
)

# Snapshot, one per symbol; execution writes.
POSITION_BLOCK = record(
    192,
    ("position_lots", "<i8"),
    ("entry_e8", "<i8"),
    ("realised_e8", "<i8"),
    ("fees_e8", "<i8"),
    ("unrealised_e8", "<i8"),
    ("fills", "<i8"),
    ("last_trade_id", "<i8"),
    ("last_fill_ns", "<i8"),
    ("venue_position_lots", "<i8"),  # As the venue last told it, for the agreement light.
    ("venue_told_ns", "<i8"),
    ("stream_lots", "<i8"),  # The three ways of the truth: ours above, the user stream, REST.
    ("stream_ns", "<i8"),
    ("rest_lots", "<i8"),
    ("rest_ns", "<i8"),
    ("agreement", "<i8"),  # Agreement.
    ("funding_e8", "<i8"),  # Received; negative: paid.
    ("clearance_e8", "<i8"),  # The same of liquidations, beside their fills.
)

# The order table: ORDERS_MAX rows; execution writes.  A row is whole when `version` is even.
ORDER = record(
    256,
    ("version", "<u8"),
    ("intent_seq", "<u8"),
    ("order_ref", "<u8"),
    ("market_seq", "<u8"),
    ("recv_ns", "<i8"),
    ("sent_venue_ms", "<i8"),  # The timestamp we signed.
    ("updated_ns", "<i8"),
    ("venue_order_id", "<i8"),
    ("price_ticks", "<i8"),
    ("qty_lots", "<i8"),
    ("cum_qty_lots", "<i8"),
    ("cum_quote_e8", "<i8"),
    ("fee_e8", "<i8"),
    ("realised_e8", "<i8"),
    ("amend_ticks", "<i8"),  # What was asked for and not yet answered; 0: nothing.
    ("amend_lots", "<i8"),
    ("bid", "<f8"),
    ("ask", "<f8"),
    ("hops", "<u4", len(Hop)),
    ("venue_code", "<i4"),
    ("symbol", "<u2"),
    ("strategy", "<u2"),
    ("reason", "<u2"),
    ("state", "u1"),  # OrderState.
    ("side", "i1"),
    ("order_type", "u1"),
    ("tif", "u1"),
    ("flags", "u1"),
    ("cancel_sent", "u1"),
)

# Execution writes: what survives its own death beside the order table.
EXECUTION_MEMORY = record(
    128,
    # By shard: denied or in the table; a consumed intent above it is UNKNOWN.
    ("handled_intent_seq", "<u8", SHARDS_MAX),
    ("next_report_seq", "<u8"),
    ("rows_used", "<i8"),  # Rows ever used; new orders take the oldest terminal row.
)

LATENCY_BINS = 512
# One per leg; execution writes.  Bin edges: `hft.state.histogram`.
LATENCY = record(
    64 + 8 * LATENCY_BINS,
    ("count", "<i8"),
    ("max_ns", "<i8"),
    ("sum_ns", "<i8"),
    ("bins", "<i8", LATENCY_BINS),
)


class Leg(IntEnum):
    """A stretch of the tick-to-trade path with a histogram of its own."""

    DECODE = 0
    TO_STRATEGY = 1
    DECIDE = 2
    TO_EXECUTION = 3
    GATE = 4
    SIGN = 5
    SEND = 6
    TICK_TO_TRADE = 7
    ORDER_ROUND_TRIP = 8
    ORDER_TO_FILL = 9


# Ledger writes: the newest LOG_LINES_MAX log records, overwriting, for the page.
LOG_TAIL_HEAD = record(64, ("written", "<i8"))

# Snapshot; ledger writes.
LEDGER_STATUS = record(
    128,
    ("committed", "<i8"),  # Reports behind the last commit.
    ("trades", "<i8"),
    ("gap_filled", "<i8"),  # Trades that came from userTrades instead of a report.
    ("last_commit_ns", "<i8"),
    ("errors", "<i8"),
    ("limited_until_ns", "<i8"),  # What the venue told the ledger, as in ACCOUNT.
    ("banned_until_ns", "<i8"),
    ("markouts", "<i8"),
    ("no_markouts", "<i8"),  # Not to be had: a hole in the data, or before the tape begins.
)

# Snapshot; ledger writes after every batch of records it laid into the tape.
TAPE_HEAD = record(
    128,
    ("written", "<u8"),  # Records ever; record i lies in slot i % TAPE_RECORDS.
    ("missed", "<u8"),  # Events that were overwritten in a market ring before they were copied.
    ("taken", "<u8", SHARDS_MAX),  # By shard: position in its market ring up to which was copied.
    # Bit s: the next trade, or book top, of symbol s carries GAP because some were missed.
    ("trade_gap", "<u8"),
    ("book_gap", "<u8"),
)

# Snapshot; ledger writes: the newest one-minute candles, symbol by symbol, oldest first.
CANDLES = record(
    64 + VENUE_NAME_MAX + 10 * 8 * SYMBOLS_MAX * MINUTES_KEPT,
    ("through", "<u8"),  # Records of the tape that are in them.
    ("late", "<i8"),  # Trades of minutes that were not kept any more.
    ("venue", f"S{VENUE_NAME_MAX}"),  # Whose prices they are, as in table `candles`.
    *(
        (name, "<i8", SYMBOLS_MAX * MINUTES_KEPT)
        for name in (
            "minute_ms",  # 0: no candle.
            "open_ticks",
            "high_ticks",
            "low_ticks",
            "close_ticks",
            "volume_lots",
            "quote_ticks_lots",  # Sum of price in ticks times quantity in lots.
            "buy_lots",  # Of the volume, what takers bought.
            "trades",  # Aggregate trades.
            "whole",  # 1: nothing of this minute is known to be missing.
        )
    ),
)
