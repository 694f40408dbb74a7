"""The breaker: the session's profit and loss against its two limits."""

from __future__ import annotations

from hft.events import LatchReason
from hft.state.decision import Limits


def breach(pnl_e8: int, limits: Limits) -> LatchReason:
    """Say which limit is reached; a limit of 0 is switched off.

    `pnl_e8` is realised less fees plus unrealised.
    """
    if limits.max_loss_e8 and pnl_e8 <= -limits.max_loss_e8:
        return LatchReason.MAX_LOSS
    if limits.target_profit_e8 and pnl_e8 >= limits.target_profit_e8:
        return LatchReason.TARGET_PROFIT
    return LatchReason.NONE
