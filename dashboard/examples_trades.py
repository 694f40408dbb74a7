"""What answers about trades and prices look like, for `/docs`: shortened."""

from __future__ import annotations

HISTORY = {
    "trades": [
        {
            "id": 399,
            "exchange_ts_ms": 1795857059164,
            "symbol": "ETHUSDT",
            "side": "BUY",
            "price": 2446.47,
            "quantity": 0.018,
            "pnl": 0.0502,
            "fee": 0.0088,
            "fee_currency": "USDT",
            "strategy": "PING_PONG",
            "order_id": "244",
            "exec_id": "399",
            "client_order_id": "hft-touhsh-6s",
            "trade_id": 399,
            "price_e8": 244647000000,
            "qty_e8": 1800000,
            "pnl_e8": 5022000,
            "fee_e8": 880728,
            "maker": 1,
            "source": "report",
        }
    ],
    "count": 400,
    "next_before_id": 399,
    "totals": {
        "all_time": {
            "count": 400,
            "pnl": 36.4859,
            "fees": 43.4812,
            "funding": 0.07,
            "net": -6.9253,
            "other_fees": {},
        },
        "today": {
            "count": 32,
            "pnl": 0.1483,
            "fees": 1.4725,
            "funding": 0.0,
            "net": -1.3242,
            "other_fees": {},
        },
    },
}
CALENDAR = {
    "days": [
        {
            "day": "2026-11-27",
            "from_ms": 1795737600000,
            "to_ms": 1795824000000,
            "count": 30,
            "net": 1.8227,
            "fees": 3.3193,
            "wins": 6,
            "losses": 4,
        }
    ]
}
_SHARE = {
    "strategy": "MOMENTUM",
    "symbol": "BTCUSDT",
    "count": 108,
    "pnl": 25.611,
    "fees": 30.4964,
    "funding": 0.0,
    "net": -4.8854,
}
PNL = {"session": [_SHARE], "all_time": [_SHARE]}
PNL_SERIES = {
    "mode": "historical",
    "points": [{"ts_ms": 1795332031960, "pnl": 2.5385}, {"ts_ms": 1795691877761, "pnl": -14.8187}],
}
_FIGURES = {
    "fills": 400,
    "orders": 245,
    "volume": 139180.496,
    "pnl": 36.4859,
    "fees": 43.4812,
    "funding": 0.07,
    "net": -6.9253,
    "fee_share": 1.1917,
    "funding_share": 0.0019,
    "trips": 122,
    "wins": 70,
    "losses": 52,
    "win_rate": 0.5738,
    "profit_factor": 0.8268,
    "average_win": 0.4758,
    "average_loss": -0.7747,
    "expectancy": -0.0572,
    "largest_win": 3.387,
    "largest_loss": -6.0539,
    "average_hold_ms": 3579701.3033,
    "maker_share": 0.525,
}
_GROUP = {
    **_FIGURES,
    "max_drawdown": {"amount": 17.3572, "from_ms": 1795332031960, "to_ms": 1795691877761},
    "exposure": {
        "share": 0.7243,
        "in_position_ms": 436729103,
        "average_notional": 404.8258,
        "largest_notional": 1851.162,
    },
}
STATS = {
    "from_ms": 1795254474989,
    "to_ms": 1795857429618,
    "totals": _GROUP,
    "by_strategy": [{"strategy": "MOMENTUM", **_GROUP}],
    "by_symbol": [{"symbol": "BTCUSDT", **_GROUP}],
    "by_hour": [{"hour": 14, **_FIGURES}],
}
_HORIZONS = [
    {
        "horizon_ms": 100,
        "count": 400,
        "mean": -0.0239,
        "mean_bps": 0.0035,
        "median": 0.0,
        "median_bps": 0.0,
        "weighted_mean": -0.0198,
        "weighted_mean_bps": 0.018,
        "favourable": 0.4375,
    }
]
MARKOUTS = {
    "horizons": _HORIZONS,
    "by_strategy": [{"strategy": "MOMENTUM", "horizons": _HORIZONS}],
    "by_symbol": [{"symbol": "BTCUSDT", "horizons": _HORIZONS}],
    "by_side": [{"side": "BUY", "horizons": _HORIZONS}],
    "by_role": [{"role": "taker", "horizons": _HORIZONS}],
}
ORDER_MARKS = {
    "fills": [
        {
            "ms": 1795285611647,
            "price": 61695.1,
            "qty": 0.006,
            "side": "BUY",
            "key": "1795252625-11",
            "trade_id": 16,
            "pnl": 0.0,
            "fee": 0.074,
            "fee_currency": "USDT",
            "strategy": "PING_PONG",
            "maker": True,
        }
    ],
    "orders": [
        {
            "key": "1795252625-11",
            "ms": 1795285611646,
            "end_ms": 1795285611647,
            "price": 61695.1,
            "qty": 0.006,
            "filled": 0.006,
            "side": "BUY",
            "type": "LIMIT",
            "state": "FILLED",
            "strategy": "PING_PONG",
        }
    ],
    "cut": False,
}
VENUE_PNL = {
    "compared_to_ms": 1795857300000,
    "fills": 398,
    "agrees": True,
    "sentence": "Both agree to the last digit, over 398 fills.",
    "rows": [
        {
            "symbol": "BTCUSDT",
            "kind": "commission",
            "asset": "USDT",
            "ours": -42.0466,
            "venue": -42.0466,
            "difference": 0.0,
        }
    ],
}
TICKS = {
    "newest": 3,
    "trades": [[1, 1764000000010, 60000.1, 0.5, 1], [3, 1764000060020, 60000.0, 0.25, 1]],
    "tops": [[2, 1764000000000, 60000.0, 60000.1]],
    "gaps": [],
}
CANDLES = {
    "interval_ms": 60000,
    "candles": [
        [1764000000000, 60000.1, 60000.1, 60000.1, 60000.1, 0.5, 1],
        [1764000060000, 60000.0, 60000.0, 60000.0, 60000.0, 0.25, 1],
    ],
}
EXPORT = (
    "id,exchange_ts_utc,symbol,side,strategy,price,qty,pnl,fee\n"
    "1,2026-11-28T14:54:24.507Z,BTCUSDT,BUY,MOMENTUM,61734.20000000,0.03000000,0.00000000,"
    "0.74100000\n"
)
