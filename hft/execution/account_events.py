"""What the user stream tells of balances, positions and settings, taken into the books."""

from __future__ import annotations

from hft.binance.income import CLEARANCE, FUNDING
from hft.binance.user_events import (
    BalanceChange,
    PositionChange,
    UserEvent,
    decode_account_update,
    decode_called,
)
from hft.events import Notice
from hft.execution.books import Books
from hft.execution.incomes import Incomes
from hft.units import parse_e8, trim_e8

_NOTICES = {
    "DEPOSIT": Notice.DEPOSIT,
    "ADMIN_DEPOSIT": Notice.DEPOSIT,
    "COIN_SWAP_DEPOSIT": Notice.DEPOSIT,
    "WITHDRAW_REJECT": Notice.DEPOSIT,
    "WITHDRAW": Notice.WITHDRAWAL,
    "ADMIN_WITHDRAW": Notice.WITHDRAWAL,
    "COIN_SWAP_WITHDRAW": Notice.WITHDRAWAL,
}
"""By the venue's reason; any other that moves money is BALANCE_ADJUSTED, but for funding."""


class AccountEvents:
    """The venue's word on the account: the second of three ways to the truth."""

    def __init__(self, books: Books, incomes: Incomes) -> None:
        self._books = books
        self._incomes = incomes
        self._log = books.log

    def take_update(self, event: UserEvent, now_ns: int) -> None:
        """Take in ACCOUNT_UPDATE: balances and positions as they are after what happened."""
        update = decode_account_update(event.a)
        self._books.account_updates += 1
        for balance in update.B:
            self._take_balance(update.m, balance)
            change_e8 = parse_e8(balance.bc)
            if update.m == FUNDING and change_e8:
                self._incomes.take_funding(update.S, change_e8, event.T, now_ns)
            elif update.m == CLEARANCE and change_e8:
                self._incomes.take_unnamed(change_e8, now_ns)
        for change in update.P:
            self._take_position(change, now_ns)
        if update.m == "MARGIN_TYPE_CHANGE":
            names = ", ".join(change.s for change in update.P) or "a symbol"
            self._tell_setting(f"the margin type of {names} was changed at the venue")

    def _take_balance(self, reason: str, balance: BalanceChange) -> None:
        books = self._books
        balance_e8, change_e8 = parse_e8(balance.wb), parse_e8(balance.bc)
        if balance.a.encode() == books.margin_asset:
            books.account.wallet_e8 = balance_e8
            if change_e8:
                books.wallet.transfer(change_e8, balance_e8)
        else:
            books.assets.told(balance.a, balance_e8)
        if change_e8 and reason != FUNDING:
            sign = "+" if change_e8 > 0 else ""
            self._log.warning(
                f"{reason}: {sign}{trim_e8(change_e8)} {balance.a}, {trim_e8(balance_e8)} now",
                _NOTICES.get(reason, Notice.BALANCE_ADJUSTED),
            )

    def _take_position(self, change: PositionChange, now_ns: int) -> None:
        books = self._books
        symbol = books.index.get(change.s)
        if symbol is None:
            return
        lots = books.specs[symbol].lots(change.pa)
        if change.ps == "BOTH":
            books.views[symbol].stream_told(lots, now_ns)
        elif lots:
            self._tell_setting(
                f"{change.s} is held as {change.ps} now: the account is in hedge mode, which one "
                "net position cannot express"
            )

    def take_config(self, event: UserEvent) -> None:
        """Take in ACCOUNT_CONFIG_UPDATE."""
        if event.ac is not None and event.ac.s in self._books.index:
            self._books.margin.leverage[self._books.index[event.ac.s]] = event.ac.l
            self._tell_setting(f"the leverage of {event.ac.s} is {event.ac.l} at the venue now")
        if event.ai is not None:
            how = "on" if event.ai.j else "off"
            self._tell_setting(f"multi-assets mode is {how} at the venue now")

    def take_margin_call(self, event: UserEvent) -> None:
        """Take in MARGIN_CALL."""
        called = "; ".join(
            f"{row.s} {row.pa} at mark {row.mp}, unrealised {row.up}, must keep {row.mm}"
            for row in decode_called(event.p)
        )
        self._log.error(
            f"MARGIN_CALL: the venue is about to close positions: {called}", Notice.MARGIN_CALL
        )

    def _tell_setting(self, sentence: str) -> None:
        self._log.warning(sentence, Notice.CONFIG_CHANGED_AT_VENUE)
