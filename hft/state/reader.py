"""What an observer sees: the blocks of a house as plain Python values, with ages and names.

Everything is read from a mapping that may be read-only, from writers that may be dead.  A block
that was never written reads as None, a value older than it should be says so by its age; no waits.
Whole numbers keep the unit in their name (``_e8``, ``_ns``, ``_lots``); no reader rounds money.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from hft.clock import Anchor, monotonic_ns
from hft.events import Hop, LatchReason, OrderState, Role, Side, TradingState, Unfit, Verdict
from hft.state.blocks import Leg, Life, Mode, Order
from hft.state.histogram import percentile_ns
from hft.state.values import Records, Values, name_of, plain, read
from hft.units import NS_PER_MS
from ringbuf.layout import GAP, TAIL
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import Ring, ring_report

PERCENTILES = {"p50_ns": 50.0, "p90_ns": 90.0, "p99_ns": 99.0, "p99_9_ns": 99.9}


class ReadableHouse(Protocol):
    """The part of a house an observer looks at; `hft.topology.House` is one."""

    anchor: Anchor
    run: Records
    orders_to: Records
    vitals: Records
    latch_supervisor: Records
    latch_gate: Records
    limits: Snapshot
    top: list[Snapshot]
    feed_link: Records
    verdict: Snapshot
    account: Snapshot
    spec: Records
    position: list[Snapshot]
    orders: Records
    latency: Records
    ledger: Snapshot
    market: Ring
    rings: dict[str, Ring]

    def symbols(self) -> list[str]:
        """The symbols of the run, in the order of their index."""


class HouseReader:
    """Reads one house; every method is one look at one kind of thing."""

    def __init__(self, house: ReadableHouse, now_ns: Callable[[], int] = monotonic_ns) -> None:
        self.house = house
        self._now_ns = now_ns

    def run(self) -> Values:
        """Describe the run: mode, start, session, strategy index, fees, symbols."""
        values = plain(self.house.run[0])
        values["mode"] = name_of(Mode, values["mode"])
        values["started_ms"] = values["started_wall_ns"] // NS_PER_MS
        values["symbols"] = self.house.symbols()
        return values

    def account(self) -> Values | None:
        """Read money, counters and the trading state as execution last wrote them."""
        values = read(self.house.account)
        if values is not None:
            values["age_ns"] = self._age_ns(values["updated_ns"])
            values["trading_state"] = name_of(TradingState, values["trading_state"])
            values["unfit"] = name_of(Unfit, values["unfit"])
            values["latch_reason"] = name_of(LatchReason, values["latch_reason"])
        return values

    def latch(self) -> Values:
        """Say whether a person or a breaker has halted trading, which hand, why and for how long.

        Halted means: a request to halt later than the last resume by a person, whose hand is the
        supervisor's.
        """
        resumed_ns = int(self.house.latch_supervisor[0]["resume_ns"])
        hands = (("supervisor", self.house.latch_supervisor), ("gate", self.house.latch_gate))
        asked_ns, hand, reason = max(
            (int(block[0]["halt_ns"]), hand, int(block[0]["halt_reason"])) for hand, block in hands
        )
        if asked_ns <= resumed_ns:
            return {"latched": False, "hand": None, "reason": "NONE", "age_ns": None}
        return {
            "latched": True,
            "hand": hand,
            "reason": name_of(LatchReason, reason),
            "age_ns": self._age_ns(asked_ns),
        }

    def limits(self) -> Values | None:
        """Read the limits in force."""
        return read(self.house.limits)

    def ledger(self) -> Values | None:
        """Read what the ledger says about its commits."""
        values = read(self.house.ledger)
        if values is not None:
            values["age_ns"] = self._age_ns(values["last_commit_ns"])
        return values

    def markets(self) -> list[Values]:
        """Read the newest prices of every symbol with the age of the newest of them."""
        rows = []
        for symbol, block in zip(self.house.symbols(), self.house.top, strict=False):
            values = read(block) or {}
            newest = max(values.get("book_ns", 0), values.get("trade_ns", 0))
            rows.append(
                {
                    **values,
                    "symbol": symbol,
                    "age_ns": self._age_ns(newest),
                    "newest_wall_ms": self.wall_ms(newest),
                    "trade_age_ns": self._age_ns(values.get("trade_ns", 0)),
                }
            )
        return rows

    def positions(self) -> list[Values]:
        """Read every symbol's position beside its tick and lot; what is unwritten is absent."""
        rows = []
        for index, symbol in enumerate(self.house.symbols()):
            spec = plain(self.house.spec[index])
            values = read(self.house.position[index]) or {}
            told_ns = values.get("venue_told_ns", 0)
            rows.append({**spec, **values, "symbol": symbol, "venue_age_ns": self._age_ns(told_ns)})
        return rows

    def verdict(self) -> Values | None:
        """Read why the strategy last did or did not act."""
        values = read(self.house.verdict)
        if values is not None:
            values["age_ns"] = self._age_ns(values["event_ns"])
            counts = zip(Verdict, values["counts"][: len(Verdict)], strict=True)
            values["counts"] = {verdict.name: count for verdict, count in counts if count}
        return values

    def processes(self) -> list[Values]:
        """Read the vitals of every process that ever lived, with what its parent says of it."""
        rows = []
        for role in Role:
            vitals, parent = plain(self.house.vitals[role]), plain(self.house.orders_to[role])
            if vitals["life"] == Life.ABSENT and not vitals["pid"]:
                continue
            rows.append(
                {
                    **vitals,
                    **parent,
                    "role": role.name,
                    "life": name_of(Life, vitals["life"]),
                    "order": name_of(Order, parent["order"]),
                    "heartbeat_age_ns": self._age_ns(vitals["heartbeat_ns"]),
                    "age_ns": self._age_ns(vitals["started_ns"]),
                }
            )
        return rows

    def rings(self) -> list[Values]:
        """Read depth, deepest, dropped and epochs of every ring."""
        return [
            {"name": name, **ring_report(ring), "gaps": int(ring.words[GAP])}
            for name, ring in self.house.rings.items()
        ]

    def feed_links(self) -> list[Values]:
        """Read the counters of the feed's connections."""
        rows = []
        for route, record in zip(("public", "market"), self.house.feed_link, strict=True):
            values = plain(record)
            rows.append({"route": route, **values, "age_ns": self._age_ns(values["last_recv_ns"])})
        return rows

    def market_events(self) -> int:
        """Count the events the feed has ever published; its growth is the tick rate."""
        return int(self.house.market.words[TAIL])

    def orders(self, limit: int) -> list[Values]:
        """Copy the newest `limit` rows of the order table, leaving out one being written now."""
        before = self.house.orders["version"].copy()
        rows = self.house.orders.copy()
        whole = (before == self.house.orders["version"]) & (before % 2 == 0)
        used = np.flatnonzero(whole & (rows["state"] != OrderState.FREE))
        newest = used[np.argsort(rows["updated_ns"][used], kind="stable")][::-1][:limit]
        return [self._order(rows[index]) for index in newest]

    def _order(self, record: np.void) -> Values:
        symbols = self.house.symbols()
        values = plain(record)
        symbol = values["symbol"]
        hops = zip(Hop, values["hops"], strict=True)
        return {
            **values,
            "symbol": symbols[symbol] if symbol < len(symbols) else str(symbol),
            "tick_e8": int(self.house.spec[symbol]["tick_e8"]) if symbol < len(symbols) else 0,
            "lot_e8": int(self.house.spec[symbol]["lot_e8"]) if symbol < len(symbols) else 0,
            "state": name_of(OrderState, values["state"]),
            "side": name_of(Side, values["side"]),
            "hops": {hop.name: offset for hop, offset in hops if offset},
            "updated_ms": self.wall_ms(values["updated_ns"]),
        }

    def latency(self) -> list[Values]:
        """Read the histogram of every leg that was ever measured."""
        rows = []
        for leg, record in zip(Leg, self.house.latency, strict=True):
            count, bins = int(record["count"]), record["bins"].copy()
            if count:
                rows.append(
                    {
                        "leg": leg.name,
                        "count": count,
                        "mean_ns": int(record["sum_ns"]) // count,
                        "max_ns": int(record["max_ns"]),
                        **{
                            name: round(percentile_ns(bins, percent))
                            for name, percent in PERCENTILES.items()
                        },
                    }
                )
        return rows

    def wall_ms(self, local_ns: int) -> int | None:
        """Turn a local time into wall-clock milliseconds; None for one that was never written."""
        return self.house.anchor.to_wall_ns(local_ns) // NS_PER_MS if local_ns else None

    def _age_ns(self, local_ns: int) -> int | None:
        return max(0, self._now_ns() - local_ns) if local_ns else None
