"""The state of the house as the page shows it: one dictionary, built from one look at the segment.

Codes become names and sentences here, and `rows` turns whole numbers into numbers for people.
Nothing on the page is computed elsewhere, so what it says can be tested without a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import sentences
from dashboard.allowance import clock_line, countdown_line, limits_line
from dashboard.rows import (
    amount,
    microseconds,
    milliseconds,
    money_of,
    order_row,
    process_row,
    symbol_row,
)
from hft.clock import monotonic_ns, wall_ns
from hft.events import Agreement, Denial, Verdict
from hft.seats import Seat
from hft.state.log_tail import log_lines
from hft.state.reader import HouseReader
from hft.state.values import Values, name_of
from hft.strategy.explain import explain_verdict
from hft.strategy.load import StrategySpec
from hft.topology import House, rings_of
from hft.units import NS_PER_MS, NS_PER_S

STATUS_LOG_LINES = 40
FEED_STALE_DEFAULT_NS = 3 * NS_PER_S


class View:
    """Builds what the page shows; the run's strategy index counts in `strategies`."""

    def __init__(self, house: House, strategies: Sequence[StrategySpec]) -> None:
        self.house = house
        self.reader = HouseReader(house)
        self._specs = list(strategies)
        self.strategies = [spec.name for spec in strategies]
        self.enabled: bool | None = None
        """Whether the config file lets the house trade; None while the supervisor is silent."""

    def status(
        self,
        ticks_per_second: float,
        machinery: tuple[list[dict[str, Any]], list[dict[str, Any]]] | None = None,
        logs_max: int = STATUS_LOG_LINES,
    ) -> dict[str, Any]:
        """Tell everything the page shows live.

        `machinery` gives processes and rings from a look just before: they cost half the time.
        """
        run, account = self.reader.run(), self.reader.account() or {}
        processes, rings = machinery or (self.processes(), self.rings())
        markets = self.markets()
        return {
            **self._safety(account, processes),
            **money_of(account),
            **self.limits(),
            **self._first_symbol(markets, processes),
            "mode": run["mode"],
            "started_ms": run["started_ms"],
            "active_strategy": self.active_strategy(),
            "ticks_per_second": round(ticks_per_second, 1),
            "order_rtt_us": microseconds(account.get("order_rtt_ns")),
            "symbols": markets,
            "verdict": self._verdict(),
            "feed": self.feed(markets),
            "processes": processes,
            "rings": rings,
            "ledger": self._ledger(),
            "logs": log_lines(self.house, logs_max),
        }

    def active_strategy(self) -> str:
        """Name the strategy of the run; its number when the list does not know it."""
        spec = self._active()
        return spec.name if spec else str(int(self.house.run[0]["strategy_index"]))

    def pnl_now(self) -> tuple[float, float] | None:
        """Read total and realised P&L of the session; None until execution has written them."""
        account = self.reader.account()
        if account is None:
            return None
        money = money_of(account)
        return money["total_pnl"], money["realized_pnl"]

    def processes(self) -> list[dict[str, Any]]:
        """List every process with its health in a word."""
        return [process_row(row) for row in self.reader.processes()]

    def rings(self) -> list[dict[str, Any]]:
        """List every ring with who writes, who reads, and what a full one does."""
        specs = {spec.name: spec for spec in rings_of(len(self.house.shards))}
        return [
            {
                **row,
                "producer": specs[row["name"]].producer.label,
                "consumer": specs[row["name"]].consumer.label,
                "when_full": specs[row["name"]].when_full,
            }
            for row in self.reader.rings()
        ]

    def markets(self) -> list[dict[str, Any]]:
        """List every symbol with its prices, its position, and the three ways to it."""
        pairs = zip(self.reader.markets(), self.reader.positions(), strict=True)
        return [symbol_row(market, position) for market, position in pairs]

    def feed(self, markets: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Say how fresh the market data is, and what its connections count."""
        ages = [row["tick_age_ms"] for row in markets if row["tick_age_ms"] is not None]
        stale_ms = self._feed_stale_ns() / NS_PER_MS
        age_ms = min(ages, default=None)
        return {
            "age_ms": age_ms,
            "fresh": age_ms is not None and age_ms <= stale_ms,
            "stale_after_ms": stale_ms,
            "links": [
                {**link, "age_ms": milliseconds(link.pop("age_ns"))}
                for link in self.reader.feed_links()
            ],
        }

    def orders(self, limit: int) -> list[dict[str, Any]]:
        """List the newest orders, their prices and quantities as numbers."""
        return [order_row(order) for order in self.reader.orders(limit)]

    def limits(self) -> dict[str, Any]:
        """Tell the limits in force; None before the supervisor has written them."""
        limits = self.reader.limits() or {}
        return {
            "max_loss": amount(limits.get("max_loss_e8")),
            "target_profit": amount(limits.get("target_profit_e8")),
            "max_position": amount(limits.get("max_position_e8")),
            "max_order_size": amount(limits.get("max_order_size_e8")),
        }

    def system(self) -> dict[str, Any]:
        """Tell everything about the machinery: processes, rings, connections, ledger, run."""
        run = self.reader.run()
        return {
            "mode": run["mode"],
            "started_ms": run["started_ms"],
            "session_epoch": run["session_epoch"],
            "strategy_epoch": run["strategy_epoch"],
            "processes": self.processes(),
            "rings": self.rings(),
            "feed": self.feed(self.markets()),
            "ledger": self._ledger(),
        }

    def not_ready(self) -> list[str]:
        """Name, in a few words each, the parts that are not fit; empty when all are."""
        processes = self.processes()
        known = {row["role"] for row in processes}
        missing = [
            f"{row['role']} is {row['health']}" for row in processes if row["health"] != "ok"
        ]
        missing += [
            f"{seat.label} was never started"
            for seat in self.house.seats
            if seat is not Seat.SUPERVISOR and seat.label not in known
        ]
        if not self.feed(self.markets())["fresh"]:
            missing.append("market data is not fresh")
        if not (self.reader.account() or {}).get("reconciled"):
            missing.append("the account is not reconciled")
        return missing

    def halted(self) -> bool:
        """Say whether the latch halts trading, however fit the parts are."""
        return bool(self.reader.latch()["latched"])

    def latency(self) -> list[dict[str, Any]]:
        """List every leg of the way from tick to trade that was measured."""
        return self.reader.latency()

    def _active(self) -> StrategySpec | None:
        index = int(self.house.run[0]["strategy_index"])
        return self._specs[index] if 0 <= index < len(self._specs) else None

    def _feed_stale_ns(self) -> int:
        limits = self.reader.limits() or {}
        return int(limits.get("feed_stale_ns") or FEED_STALE_DEFAULT_NS)

    def _safety(self, account: Values, processes: list[dict[str, Any]]) -> dict[str, Any]:
        latch = self.reader.latch()
        answers = _answers(processes)
        # What a dead process wrote last is no statement about now: without execution nothing is
        # sent.
        state = account.get("trading_state", "HALTED") if answers else "HALTED"
        if latch["state"] == "HALTED" or (latch["latched"] and state == "ACTIVE"):
            state = latch["state"]
        denied = account.get("denied", ())
        return {
            "running": not latch["latched"],
            "enabled": self.enabled,
            "trading_state": state,
            "trading_sentence": sentences.trading(
                state, latch, account, answers=answers, enabled=self.enabled is not False
            ),
            "latch": {
                "latched": latch["latched"],
                "hand": latch["hand"],
                "reason": latch["reason"],
                "trip": latch["trip"],
                "age_ms": milliseconds(latch["age_ns"]),
            },
            "unfit": account.get("unfit", "STARTING"),
            "reconciled": bool(account.get("reconciled")),
            "unknown_orders": account.get("unknown_orders", 0),
            "open_orders": account.get("open_orders", 0),
            "foreign_orders": account.get("foreign_orders", 0),
            "orders_sent": account.get("orders_sent", 0),
            "trade_count": account.get("fills", 0),
            "rejected": account.get("rejected", 0),
            "last_reject_code": account.get("last_reject_code", 0),
            "denied": {
                reason.name: denied[reason]
                for reason in Denial
                if reason < len(denied) and denied[reason]
            },
            "account_age_ms": milliseconds(account.get("age_ns")),
            "clock_offset_ms": milliseconds(account.get("clock_offset_ns")),
            "venue_limits": limits_line(account, monotonic_ns(), wall_ns()),
            "venue_clock": clock_line(account),
            "countdown": countdown_line(account, monotonic_ns()),
        }

    def _first_symbol(
        self, markets: list[dict[str, Any]], processes: list[dict[str, Any]]
    ) -> dict[str, Any]:
        first = markets[0] if markets else {}
        # What a dead process found is no statement about now.
        found = {row["agreement"] for row in markets} if _answers(processes) else set()
        agreement = None if found <= {Agreement.UNKNOWN.name} else True
        return {
            "symbol": first.get("symbol"),
            "position": first.get("position"),
            "average_entry": first.get("average_entry"),
            "last_price": first.get("last"),
            "last_tick_ms": first.get("last_tick_ms"),
            "last_tick_age_ms": first.get("tick_age_ms"),
            "agreement": False if Agreement.DISAGREED.name in found else agreement,
        }

    def _verdict(self) -> dict[str, Any] | None:
        verdict = self.reader.verdict()
        if verdict is None:
            return None
        return {
            "name": name_of(Verdict, verdict["verdict"]),
            "sentence": sentences.sentence(explain_verdict(verdict, self._active())),
            "distance": verdict["distance"],
            "needed": verdict["needed"],
            "age_ms": milliseconds(verdict["age_ns"]),
            "events": verdict["events"],
            "intents": verdict["intents"],
            "refused": verdict["refused"],
            "gaps_seen": verdict["gaps_seen"],
            "counts": verdict["counts"],
        }

    def _ledger(self) -> dict[str, Any] | None:
        ledger = self.reader.ledger()
        if ledger is None:
            return None
        return {
            "trades": ledger["trades"],
            "committed": ledger["committed"],
            "gap_filled": ledger["gap_filled"],
            "errors": ledger["errors"],
            "age_ms": milliseconds(ledger["age_ns"]),
        }


def _answers(processes: list[dict[str, Any]]) -> bool:
    """Say whether execution lives: only then is what it wrote about now."""
    return any(row["role"] == Seat.EXECUTION.label and row["health"] == "ok" for row in processes)
