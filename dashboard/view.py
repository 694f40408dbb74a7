"""The state of the house as the page shows it: one dictionary, built from one look at the segment.

Codes become names and sentences here, and `rows` turns whole numbers into numbers for people.
Nothing on the page is computed elsewhere, so what it says can be tested without a browser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dashboard import sentences
from dashboard.allowance import allowance_of
from dashboard.latency import leg_rows, recent_rows
from dashboard.look import Look, Machinery, free_order_rows, fullest_report_ring
from dashboard.order_rows import order_row
from dashboard.rows import (
    amount,
    cores_of,
    microseconds,
    milliseconds,
    money_of,
    process_row,
    symbol_row,
)
from dashboard.safety import first_symbol, safety_of
from dashboard.watch import Watch
from dashboard.why import counts, summary
from dashboard.why_strategy import shard_rows
from hft.clock import monotonic_ns
from hft.events import Verdict
from hft.seats import Seat
from hft.state.blocks import Leg
from hft.state.log_tail import log_lines
from hft.state.reader import HouseReader
from hft.state.values import Values, name_of
from hft.strategy.explain import explain_verdict
from hft.strategy.load import StrategySpec
from hft.topology import House, rings_of
from hft.units import NS_PER_MS, NS_PER_S

STATUS_LOG_LINES = 40
RECENT_ORDERS = 100
FEED_STALE_DEFAULT_NS = 3 * NS_PER_S


class View:
    """Builds what the page shows; the run's strategy index counts in `strategies`.

    `now_ns` is the local clock every age is measured by; of a dead run, the time of its last beat.
    """

    def __init__(
        self,
        house: House,
        strategies: Sequence[StrategySpec],
        *,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self.house = house
        self.reader = HouseReader(house, now_ns)
        self.watch = Watch(house)
        self.now_ns = now_ns
        self.dead = False
        """Whether nobody lives in the house any more, whatever its last words say."""
        self._specs = list(strategies)
        self.strategies = [spec.name for spec in strategies]
        self.enabled: bool | None = None
        """Whether the config file lets the house trade; None while the supervisor is silent."""

    def status(
        self,
        ticks_per_second: float,
        machinery: Machinery | None = None,
        logs_max: int = STATUS_LOG_LINES,
    ) -> dict[str, Any]:
        """Tell everything the page shows live.

        `machinery` is from a look just before: it costs half the time.
        """
        run, account = self.reader.run(), self.reader.account() or {}
        processes, rings, p99_us = machinery or self.machinery()
        markets = self.markets()
        safety = self._safety(account, processes)
        return {
            **safety,
            **money_of(account),
            **self.limits(),
            **first_symbol(markets, processes),
            "mode": run["mode"],
            "started_ms": run["started_ms"],
            "active_strategy": self.active_strategy(),
            "ticks_per_second": round(ticks_per_second, 1),
            "order_rtt_us": microseconds(account.get("order_rtt_ns")),
            "tick_to_trade_p99_us": p99_us,
            "symbols": markets,
            "verdict": self._verdict(),
            "explain": summary(self._look(account, processes, markets, safety)),
            "feed": self.feed(markets),
            "processes": processes,
            "rings": rings,
            "ledger": self._ledger(),
            "logs": log_lines(self.house, logs_max),
        }

    def explain(self, strip_after_ms: int = 0) -> dict[str, Any]:
        """Tell why it does not trade: sentence, gates, counts, and the way to firing over time."""
        account, processes = self.reader.account() or {}, self.processes()
        safety = self._safety(account, processes)
        return {
            **summary(self._look(account, processes, self.markets(), safety)),
            "verdict": self._verdict(),
            "shards": shard_rows(self.house, self.reader, self._active()),
            **counts(self.watch),
            "strip": self.watch.strip.told(strip_after_ms),
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

    def machinery(self) -> Machinery:
        """Look at the processes, the rings, and the slow end of the way from tick to trade."""
        p99_ns = self.reader.leg_ns(Leg.TICK_TO_TRADE, 99.0)
        return Machinery(self.processes(), self.rings(), microseconds(p99_ns))

    def processes(self) -> list[dict[str, Any]]:
        """List every process with its health in a word."""
        rows = [process_row(row) for row in self.reader.processes()]
        if self.dead:
            rows = [{**row, "health": "dead"} for row in rows]
        return rows

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
        """Say how fresh the market data is, and what its connections count.

        As execution has it: of several symbols the slowest counts, and any kind of data is some.
        """
        ages = [row["fed_age_ms"] for row in markets]
        stale_ms = self._feed_stale_ns() / NS_PER_MS
        age_ms = None if None in ages else max(ages, default=None)
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
        epoch = int(self.house.run[0]["session_epoch"])
        return [order_row(order, epoch, self.strategies) for order in self.reader.orders(limit)]

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
        run, processes = self.reader.run(), self.processes()
        return {
            "mode": run["mode"],
            "started_ms": run["started_ms"],
            "session_epoch": run["session_epoch"],
            "strategy_epoch": run["strategy_epoch"],
            "processes": processes,
            "cores": cores_of(processes),
            "rings": self.rings(),
            "feed": self.feed(self.markets()),
            "ledger": self._ledger(),
            "allowance": allowance_of(self.reader.account() or {}, *self._now()),
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

    def latency(self) -> dict[str, Any]:
        """Tell every leg of the way from tick to trade that was measured, and the last orders'."""
        return {
            "legs": leg_rows(self.reader.latency()),
            "recent": recent_rows(self.orders(RECENT_ORDERS)),
        }

    def _active(self) -> StrategySpec | None:
        index = int(self.house.run[0]["strategy_index"])
        return self._specs[index] if 0 <= index < len(self._specs) else None

    def _feed_stale_ns(self) -> int:
        limits = self.reader.limits() or {}
        return int(limits.get("feed_stale_ns") or FEED_STALE_DEFAULT_NS)

    def _safety(self, account: Values, processes: list[dict[str, Any]]) -> dict[str, Any]:
        latch = self.reader.latch()
        return safety_of(latch, account, processes, self.enabled, self._now())

    def _now(self) -> tuple[int, int]:
        """The local time and the wall clock's, in nanoseconds."""
        now_ns = self.now_ns()
        return now_ns, self.house.anchor.to_wall_ns(now_ns)

    def _look(
        self,
        account: Values,
        processes: list[dict[str, Any]],
        markets: list[dict[str, Any]],
        safety: dict[str, Any],
    ) -> Look:
        return Look(
            now_ns=self.now_ns(),
            account=account,
            limits=self.reader.limits() or {},
            processes={row["role"]: row for row in processes},
            markets=markets,
            feed=self.feed(markets),
            reports_room=fullest_report_ring(self.reader.rings()),
            free_rows=free_order_rows(self.house.orders["state"]),
            verdict=self.reader.verdict(),
            spec=self._active(),
            minute=self.watch.minute(),
            safety=safety,
        )

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
