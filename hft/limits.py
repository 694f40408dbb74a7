"""The risk limits: the words of [risk] as fields for forms, checked like the file's, in whole
units for the gate.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from hft.config import Risk
from hft.config_reading import convert
from hft.events import OnTrip
from hft.strategy.params import ParamField, bounds_of, step_of
from hft.units import NS_PER_MS, nearest_steps

ALIASES = {"max_loss": "max_drawdown"}
"""Names the control socket has for keys of [risk] since before it took all of them."""

_KINDS: dict[type[inspect.Type], str] = {
    inspect.IntType: "int",
    inspect.FloatType: "float",
    inspect.LiteralType: "choice",
}


class _Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only what may be changed live: hints about other tables would mislead."""

    risk: Risk = Risk()


def checked(risk: Risk, given: Mapping[str, object]) -> Risk:
    """Put other values into `risk`, by the rules of the config file.

    Raises:
        ConfigError: an unknown key, a wrong type or a value out of range; one sentence.
    """
    named = {ALIASES.get(key, key): value for key, value in given.items()}
    return convert(None, {"risk": {**values_of(risk), **named}}, _Tree, {}).risk


def values_of(risk: Risk) -> dict[str, Any]:
    """Give the limits as Python values by their names in the config file."""
    return msgspec.structs.asdict(risk)


def in_units(risk: Risk) -> dict[str, int]:
    """Turn the limits into the whole units of the LIMITS block."""
    return {
        "max_loss_e8": _e8_or_off(risk.max_drawdown),
        "target_profit_e8": _e8_or_off(risk.target_profit),
        "max_position_e8": nearest_steps(risk.max_position, 1),
        "max_order_size_e8": nearest_steps(risk.max_order_size, 1),
        "max_orders_per_s": risk.max_orders_per_second,
        "intent_expiry_ns": risk.intent_expiry_ms * NS_PER_MS,
        "feed_stale_ns": risk.feed_stale_ms * NS_PER_MS,
        "max_daily_loss_e8": _e8_or_off(risk.max_daily_loss),
        "max_drawdown_e8": _e8_or_off(risk.max_peak_drawdown),
        "max_notional_e8": _e8_or_off(risk.max_notional),
        "max_leverage_e2": _or_off(round(risk.max_leverage * 100), risk.max_leverage),
        "collar_e8": _e8_or_off(risk.price_collar),
        "max_cancels_per_s": risk.max_cancels_per_second,
        "max_open_orders": risk.max_open_orders,
        "account_stale_ns": risk.account_stale_ms * NS_PER_MS,
        "clock_error_max_ns": risk.clock_error_max_ms * NS_PER_MS,
        "max_errors_per_min": risk.max_errors_per_minute,
        "max_rejects_per_min": risk.max_rejects_per_minute,
        "latency_max_ns": _or_off(round(risk.max_latency_ms * NS_PER_MS), risk.max_latency_ms),
        "ring_depth_max": risk.max_ring_depth,
        "on_trip": OnTrip[risk.on_trip.upper()],
    }


def _e8_or_off(said: float) -> int:
    return _or_off(nearest_steps(said, 1), said)


def _or_off(units: int, said: float) -> int:
    """Keep a limit that is below the gate's unit from becoming the 0 that turns it off."""
    return max(1, units) if said else 0


def _field(field: inspect.Field) -> ParamField:
    kind = field.type
    assert isinstance(kind, inspect.Metadata), f"[risk] {field.name} says nothing for people"
    told, kind = kind.extra_json_schema or {}, kind.type
    choices = kind.values if isinstance(kind, inspect.LiteralType) else ()
    return ParamField(
        field.name,
        _KINDS[type(kind)],
        field.default,
        str(told["title"]),
        str(told["unit"]),
        step_of(kind, told),
        tuple(map(str, choices)),
        **bounds_of(kind),
    )


FIELDS = tuple(
    _field(field) for field in typing.cast(inspect.StructType, inspect.type_info(Risk)).fields
)
"""Every limit, in the order of the config file."""
