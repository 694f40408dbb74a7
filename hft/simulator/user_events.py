"""Which user data event tells of which outcome."""

from __future__ import annotations

from hft.simulator.algo import AlgoUpdate
from hft.simulator.algo_messages import algo_update
from hft.simulator.messages import (
    Json,
    account_update,
    leverage_update,
    margin_call,
    multi_assets_update,
    order_trade_update,
    trade_lite,
)
from hft.simulator.outcomes import (
    AccountUpdate,
    LeverageChanged,
    MultiAssetsChanged,
    OrderUpdate,
    TradeLite,
    UserOutcome,
)


def user_event(outcome: UserOutcome, event_ms: int) -> Json:
    """Give the user data event of an outcome."""
    if isinstance(outcome, TradeLite):
        return trade_lite(outcome, event_ms)
    if isinstance(outcome, OrderUpdate):
        return order_trade_update(outcome, event_ms)
    if isinstance(outcome, AccountUpdate):
        return account_update(outcome, event_ms)
    if isinstance(outcome, LeverageChanged):
        return leverage_update(outcome, event_ms)
    if isinstance(outcome, MultiAssetsChanged):
        return multi_assets_update(outcome, event_ms)
    if isinstance(outcome, AlgoUpdate):
        return algo_update(outcome, event_ms)
    return margin_call(outcome, event_ms)
