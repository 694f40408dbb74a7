"""What answers about parameters and limits look like, for `/docs`: shortened."""

from __future__ import annotations

_OF_PARAMS = {
    "change": 1,
    "ms": 1795857429456,
    "who": "page 127.0.0.1 (ann)",
    "changes": [{"name": "window", "from": 40, "to": 60}],
    "message": "takes back window 40 → 60, by page 127.0.0.1 (ann)",
}
_OF_LIMITS = {
    "change": 1,
    "ms": 1795857429466,
    "who": "page 127.0.0.1 (ann)",
    "changes": [{"name": "max_position", "from": 0.5, "to": 0.25}],
    "message": "takes back max_position 0.5 → 0.25, by page 127.0.0.1 (ann)",
}
PARAMS = {
    "ok": True,
    "strategy": "MOMENTUM",
    "fields": [
        {
            "name": "window",
            "kind": "int",
            "default": 50,
            "description": "trades that velocity looks back over",
            "unit": "trades",
            "step": 1.0,
            "choices": [],
            "at_least": 2,
            "at_most": 1024,
            "above": None,
            "below": None,
            "value": 60,
            "file_value": 40,
        }
    ],
    "undo": _OF_PARAMS,
}
LIMITS = {
    "ok": True,
    "fields": [
        {
            "name": "max_position",
            "kind": "float",
            "default": 1.0,
            "description": "largest position, per symbol",
            "unit": "base",
            "step": None,
            "choices": [],
            "at_least": None,
            "at_most": 1000000000.0,
            "above": 0,
            "below": None,
            "value": 0.25,
            "file_value": 0.5,
        }
    ],
    "undo": _OF_LIMITS,
}
PARAMS_SET = {
    "ok": True,
    "message": "MOMENTUM.window 40 → 60 is in force; "
    "a restart of the house brings back what the config file has: window 40",
    "changed": [{"name": "window", "from": 40, "to": 60}],
    "undo": _OF_PARAMS,
}
LIMITS_SET = {
    "ok": True,
    "message": "risk.max_position 0.5 → 0.25 is in force; "
    "a restart of the house brings back what the config file has: max_position 0.5",
    "changed": [{"name": "max_position", "from": 0.5, "to": 0.25}],
    "undo": _OF_LIMITS,
}
PARAMS_UNDONE = {
    "ok": True,
    "message": "MOMENTUM.window 60 → 40 is in force, as after a restart of the house",
    "changed": [{"name": "window", "from": 60, "to": 40}],
    "undo": None,
}
LIMITS_UNDONE = {
    "ok": True,
    "message": "risk.max_position 0.25 → 0.5 is in force, as after a restart of the house",
    "changed": [{"name": "max_position", "from": 0.25, "to": 0.5}],
    "undo": None,
}
PREVIEW = {
    "ok": True,
    "events": 500,
    "from_ms": 1000009,
    "to_ms": 1005124,
    "before": 1,
    "after": 44,
    "added": [
        {
            "ms": 1000129,
            "symbol": "BTCUSDT",
            "side": "SELL",
            "type": "MARKET",
            "price": None,
            "qty": 0.01,
            "reason": "ENTER",
        }
    ],
    "removed": [],
    "added_count": 43,
    "removed_count": 0,
    "kept": 1,
    "changed": 0,
    "counts_before": {"COOLING_DOWN": 261, "ENTER": 1},
    "counts_after": {"COOLING_DOWN": 204, "IN_FLIGHT": 14, "ENTER": 44},
    "denied_before": 0,
    "denied_after": 0,
    "net_before": -0.8119945,
    "net_after": -13.8408985,
    "assumes": "both runs begin flat and from nothing; market orders fill at the touch 10 ms "
    "later (since none was measured yet), limit orders when the market trades through"
    " them, whole, with fees of 0.02 % and 0.05 %; of the limits only the sizes of "
    "orders and positions count; orders up to 100 ms apart are the same",
    "took_ms": 212.4,
}
CHANGES = {
    "changes": [
        {
            "ms": 1795857429456,
            "who": "page 127.0.0.1 (ann)",
            "what": "MOMENTUM",
            "name": "window",
            "from": 40,
            "to": 60,
        }
    ]
}
