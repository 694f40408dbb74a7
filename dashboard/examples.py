"""What answers look like, for `/docs`: shortened, of a demo that is 42.5 ahead."""

from __future__ import annotations

LINE = {
    "number": 118,
    "ts_ms": 1795854864507,
    "level": "INFO",
    "role": "strategy",
    "text": "MOMENTUM: warm",
    "dropped_before": 0,
}
POINT = {"ts_ms": 1795854864507, "pnl": 42.5, "realized_pnl": 41.25}
SYSTEM = {
    "mode": "DEMO",
    "started_ms": 1795854804507,
    "processes": [{"role": "feed", "pid": 4711, "health": "ok", "heartbeat_age_ms": 0.3}],
    "rings": [{"name": "market", "slots": 16384, "depth": 0, "deepest": 61, "dropped": 0}],
    "feed": {"age_ms": 3.1, "fresh": True, "stale_after_ms": 3000.0, "links": []},
    "ledger": {"trades": 7, "committed": 31, "gap_filled": 0, "errors": 0, "age_ms": 420.0},
}
STATUS = {
    **SYSTEM,
    "trading_state": "ACTIVE",
    "trading_sentence": "Trading: everything the house needs is there.",
    "total_pnl": 42.5,
    "realized_pnl": 41.25,
    "unrealized_pnl": 1.25,
    "tick_to_trade_p99_us": 240.0,
    "symbol": "BTCUSDT",
    "position": 0.03,
    "average_entry": 61702.0,
    "verdict": {"name": "NO_SIGNAL", "sentence": "Waiting: velocity +3.1 of +50.8 needed."},
    "pnl_history": [POINT],
}
STREAM = """retry: 500

event: status
data: {"mode":"DEMO","total_pnl":42.5,"symbols":{"BTCUSDT":{"last":61734.2}}}

id: 1795854804507-1
event: logs
data: {"lines":[]}

id: 1795854804507-2
event: patch
data: {"total_pnl":42.6,"symbols":{"BTCUSDT":{"last":61734.3}}}

"""
DONE = {"ok": True, "message": "STOP accepted."}
STRATEGIES = {"strategies": ["LIQUIDATION", "MOMENTUM", "PING_PONG"], "active": "MOMENTUM"}
FLATTEN = {"ok": True, "state": "running", "message": "closing BTCUSDT"}
