"""The account as the page and the strategy see it: one snapshot of money, counters and standing."""

from __future__ import annotations

import msgspec

from hft.binance.clock_offset import ClockOffset
from hft.events import Denial, LatchReason, TradingState, Unfit
from hft.state.blocks import ACCOUNT
from hft.state.latch import Latch
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import packer_of

_ACCOUNT = packer_of(ACCOUNT)
_DENIED_ROOM = 64


class Standing(msgspec.Struct):
    """What may be sent now, and what is up."""

    fitness: TradingState = TradingState.HALTED
    unfit: Unfit = Unfit.STARTING
    latch: Latch = Latch(halted=False, reduce=False, reason=LatchReason.NONE)
    reconciled: bool = False
    session_up: bool = False
    user_stream_up: bool = False
    connected: bool = False

    def trading_state(self) -> TradingState:
        """The tighter of fitness and latch."""
        return max(self.fitness, self.latch.state())


class Account(msgspec.Struct):
    """Money in units of 1e-8 of the margin asset, and counters since the session began."""

    wallet_e8: int = 0
    initial_wallet_e8: int = 0
    available_e8: int = 0
    realised_e8: int = 0
    fees_e8: int = 0
    unrealised_e8: int = 0
    funding_e8: int = 0
    peak_pnl_e8: int = 0
    peak_wall_ms: int = 0
    day_pnl_e8: int = 0
    day: int = 0
    day_base_e8: int = 0
    day_wall_ms: int = 0
    equity_e8: int = 0
    agreement: int = 0
    checked_ns: int = 0
    order_rtt_ns: int = 0
    intents: int = 0
    orders_sent: int = 0
    fills: int = 0
    rejected: int = 0
    last_reject_code: int = 0
    cancels_sent: int = 0
    amends_sent: int = 0
    errors: int = 0
    weight_used: int = 0
    weight_limit: int = 0
    orders_10s_used: int = 0
    orders_10s_limit: int = 0
    orders_1m_used: int = 0
    orders_1m_limit: int = 0
    limited_until_ns: int = 0
    banned_until_ns: int = 0
    countdown_armed: int = 0
    countdown_ns: int = 0
    foreign_orders: int = 0
    may_order: int = 0
    orders_until_ns: int = 0
    orders_last_s: int = 0
    orders_full_until_ns: int = 0
    changes_last_s: int = 0
    changes_full_until_ns: int = 0
    denied: list[int] = msgspec.field(default_factory=lambda: [0] * _DENIED_ROOM)

    @property
    def pnl_e8(self) -> int:
        """Profit and loss of the session: realised less fees, with funding and unrealised."""
        return self.realised_e8 - self.fees_e8 + self.funding_e8 + self.unrealised_e8

    def count_denial(self, denial: Denial) -> None:
        """Count one refusal of the gate."""
        self.denied[denial] += 1

    def resume_from(self, snapshot: Snapshot) -> bool:
        """Go on from what an earlier life of this process published; False when there is none."""
        before = snapshot.read()
        if before is None:
            return False
        row = before[0]
        for name in self.__struct_fields__:
            if name != "denied":
                setattr(self, name, int(row[name]))
        self.denied = [int(count) for count in row["denied"]]
        return True

    def publish(
        self,
        snapshot: Snapshot,
        standing: Standing,
        clock: ClockOffset,
        moment: tuple[int, int, int],
    ) -> None:
        """Publish the snapshot; `moment` is local time, orders unknown and orders open."""
        now_ns, unknown, still_open = moment
        values = (
            now_ns, standing.trading_state(), standing.unfit, standing.latch.reason,
            standing.reconciled, standing.session_up, standing.user_stream_up, unknown, still_open,
            self.wallet_e8, self.initial_wallet_e8, self.available_e8, self.realised_e8,
            self.fees_e8, self.unrealised_e8, self.funding_e8, self.pnl_e8, self.peak_pnl_e8,
            self.peak_wall_ms, self.day_pnl_e8, self.day, self.day_base_e8, self.day_wall_ms,
            self.equity_e8, self.agreement, self.checked_ns, clock.offset_ns,
            clock.error_ns, self.order_rtt_ns, self.intents, self.orders_sent, self.fills,
            self.rejected, self.last_reject_code, self.cancels_sent, self.amends_sent,
            self.errors, self.weight_used, self.weight_limit, self.orders_10s_used,
            self.orders_10s_limit, self.orders_1m_used, self.orders_1m_limit,
            self.limited_until_ns, self.banned_until_ns, self.countdown_armed, self.countdown_ns,
            self.foreign_orders, standing.connected, self.may_order, self.orders_until_ns,
            self.orders_last_s, self.orders_full_until_ns, self.changes_last_s,
            self.changes_full_until_ns, *self.denied,
        )  # fmt: skip
        snapshot.write_values(_ACCOUNT, values)
