"""What an observer sees: the blocks of a house as plain Python values, with ages and names.

Everything is read from a mapping that may be read-only, from writers that may be dead.  A block
that was never written reads as None, a value older than it should be says so by its age; no waits.
Whole numbers keep the unit in their name (``_e8``, ``_ns``, ``_lots``); no reader rounds money.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hft.clock import Anchor, monotonic_ns
from hft.events import (
    FIRST_TERMINAL_STATE,
    SYMBOLS_MAX,
    Agreement,
    Hop,
    IntentFlag,
    LatchReason,
    OrderState,
    Side,
    TradingState,
    Unfit,
    Verdict,
)
from hft.seats import Seat, numbered, shard_of
from hft.state.blocks import Leg, Life, Mode, Order
from hft.state.histogram import filled_bins, percentile_ns
from hft.state.trips import describe, newest_trip
from hft.state.values import Records, Values, name_of, plain, read
from hft.units import NS_PER_MS, NS_PER_S
from ringbuf.layout import GAP, TAIL
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import Ring, ring_report

_WAYS = ("last_fill", "stream", "rest")
"""Of a position: our fills, the user stream, REST."""
NEVER_ADDS = int(IntentFlag.REDUCE_ONLY | IntentFlag.CLOSE_POSITION)
"""Flags of an order that cannot make a position larger."""
_COUNTED = ("events", "intents", "refused", "gaps_seen")
_NEARER = (
    Verdict.NONE,
    Verdict.GAP,
    Verdict.WARMING_UP,
    Verdict.IN_FLIGHT,
    Verdict.PRICE_GATE,
    Verdict.COOLING_DOWN,
    Verdict.HOLDING,
    Verdict.NO_SIGNAL,
    Verdict.EDGE_BELOW_FEES,
    Verdict.INTENTS_FULL,
    Verdict.ENTER,
    Verdict.EXIT,
)
"""Verdicts in the order in which a strategy comes nearer to an order."""
assert set(_NEARER) == set(Verdict)
_FIRES = (Verdict.ENTER, Verdict.EXIT)
STAY_NS = 5 * NS_PER_S
"""How long one symbol is told as the nearest to firing, though another one came nearer."""
PERCENTILES = {"p50_ns": 50.0, "p90_ns": 90.0, "p99_ns": 99.0, "p99_9_ns": 99.9}


class ReadableShard(Protocol):
    """The part of a shard an observer looks at; `hft.topology.Shard` is one."""

    number: int
    market: Ring
    feed_link: Records
    verdict: Snapshot


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
    account: Snapshot
    spec: Records
    position: list[Snapshot]
    orders: Records
    latency: Records
    ledger: Snapshot
    tape: Records
    rings: dict[str, Ring]
    seats: tuple[Seat, ...]

    @property
    def shards(self) -> Sequence[ReadableShard]:
        """The shards, by number."""

    def symbols(self) -> list[str]:
        """The symbols of the run, in the order of their index."""


class HouseReader:
    """Reads one house; every method is one look at one kind of thing."""

    def __init__(self, house: ReadableHouse, now_ns: Callable[[], int] = monotonic_ns) -> None:
        self.house = house
        self._now_ns = now_ns
        self._verdicts: dict[int, Values] = {}
        self._verdicts_epoch = -1
        self._nearest = (-1, 0)

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
        """Say whether a person or a breaker holds trading back, which hand, why and for how long.

        Held back means: a request to halt or to reduce only, later than the last resume by a
        person, whose hand is the supervisor's.  `trip` says what a breaker measured, if one did.
        """
        supervisor, gate = self.house.latch_supervisor[0], self.house.latch_gate[0]
        tripped = newest_trip(supervisor, gate)
        told = {"trip": None if tripped is None else describe(tripped[0])}
        for word, state in (("halt", TradingState.HALTED), ("reduce", TradingState.REDUCING)):
            asked_ns, hand, reason = max(
                (int(words[f"{word}_ns"]), hand, int(words[f"{word}_reason"]))
                for hand, words in (("supervisor", supervisor), ("gate", gate))
            )
            if asked_ns > int(supervisor["resume_ns"]):
                return {
                    **told,
                    "latched": True,
                    "state": state.name,
                    "hand": hand,
                    "reason": name_of(LatchReason, reason),
                    "age_ns": self._age_ns(asked_ns),
                }
        nobody = {"latched": False, "state": TradingState.ACTIVE.name, "hand": None}
        return {**told, **nobody, "reason": "NONE", "age_ns": None}

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
        """Read the newest prices of every symbol with the age of the newest of them.

        `fed_age_ns` counts from the newest word of any kind, a mark price among them.
        """
        rows = []
        for symbol, block in zip(self.house.symbols(), self.house.top, strict=False):
            values = read(block) or {}
            newest = max(values.get("book_ns", 0), values.get("trade_ns", 0))
            rows.append(
                {
                    **values,
                    "symbol": symbol,
                    "age_ns": self._age_ns(newest),
                    "fed_age_ns": self._age_ns(max(newest, values.get("mark_ns", 0))),
                    "newest_wall_ms": self.wall_ms(newest),
                    "trade_age_ns": self._age_ns(values.get("trade_ns", 0)),
                }
            )
        return rows

    def positions(self) -> list[Values]:
        """Read every symbol's position beside its tick and lot; what is unwritten is absent.

        `open_buy_lots` and `open_sell_lots` are what may be added to it: unfilled of open orders.
        """
        rows, adding = [], self._adding_lots()
        for index, symbol in enumerate(self.house.symbols()):
            spec = plain(self.house.spec[index])
            values = read(self.house.position[index]) or {}
            ages = {f"{way}_age_ns": self._age_ns(values.get(f"{way}_ns", 0)) for way in _WAYS}
            values["agreement"] = name_of(Agreement, values.get("agreement", Agreement.UNKNOWN))
            buys, sells = (int(adding[way][index]) for way in (Side.BUY, Side.SELL))
            opened = {"open_buy_lots": buys, "open_sell_lots": sells}
            rows.append({**spec, **values, **opened, "symbol": symbol, **ages})
        return rows

    def _adding_lots(self) -> dict[Side, npt.NDArray[np.int64]]:
        """Sum by side and symbol what is unfilled of open orders that may add to a position."""
        states = self.house.orders["state"]
        is_open = (states != OrderState.FREE) & (states < FIRST_TERMINAL_STATE)
        sums = {side: np.zeros(SYMBOLS_MAX, np.int64) for side in Side}
        if not is_open.any():
            return sums
        rows = self.house.orders[is_open]
        rows = rows[(rows["version"] % 2 == 0) & (rows["flags"] & NEVER_ADDS == 0)]
        sizes = np.maximum(rows["qty_lots"], rows["amend_lots"]) - rows["cum_qty_lots"]
        for side, added in sums.items():
            mine = (rows["side"] == side) & (rows["symbol"] < SYMBOLS_MAX)
            np.add.at(added, rows["symbol"][mine], np.maximum(sizes[mine], 0))
        return sums

    def verdict(self) -> Values | None:
        """Read why the strategy last did or did not act on the symbol nearest to firing.

        Counts are of all shards.  The same symbol is told for `STAY_NS`, that its words can be
        read, unless another one fires.
        """
        told = self.verdicts()
        if not told:
            return None
        symbol, since_ns = self._nearest
        nearest = max(told, key=nearness)
        if symbol not in {each["symbol"] for each in told}:
            symbol = int(nearest["symbol"])
            self._nearest = symbol, self._now_ns()
        elif nearest["symbol"] != symbol:
            overdue = self._now_ns() - since_ns >= STAY_NS
            if overdue or nearest["verdict"] in _FIRES:
                symbol = int(nearest["symbol"])
                self._nearest = symbol, self._now_ns()
        return next(each for each in told if each["symbol"] == symbol)

    def verdicts(self) -> list[Values]:
        """Read the newest verdict of every symbol, as far as this reader has seen them.

        A strategy tells one verdict at a time, of whichever symbol it last decided on; what it was
        seen to tell of its others is remembered.
        """
        epoch = int(self.house.run[0]["strategy_epoch"])
        if epoch != self._verdicts_epoch:
            self._verdicts_epoch = epoch
            self._verdicts.clear()
        shards = [values for each in self.house.shards if (values := read(each.verdict))]
        if not shards:
            return []
        self._verdicts |= {values["symbol"]: values for values in shards}
        counts = [sum(column) for column in zip(*(each["counts"] for each in shards), strict=True)]
        sums = {
            **{name: sum(each[name] for each in shards) for name in _COUNTED},
            "counts": {verdict.name: counts[verdict] for verdict in Verdict if counts[verdict]},
        }
        return [
            {**values, **sums, "age_ns": self._age_ns(values["event_ns"])}
            for _, values in sorted(self._verdicts.items())
        ]

    def processes(self) -> list[Values]:
        """Read the vitals of every process that ever lived, with what its parent says of it."""
        rows = []
        for seat in self.house.seats:
            vitals, parent = plain(self.house.vitals[seat]), plain(self.house.orders_to[seat])
            if vitals["life"] == Life.ABSENT and not vitals["pid"]:
                continue
            rows.append(
                {
                    **vitals,
                    **parent,
                    "role": seat.name,
                    "life": name_of(Life, vitals["life"]),
                    "order": name_of(Order, parent["order"]),
                    "heartbeat_age_ns": self._age_ns(vitals["heartbeat_ns"]),
                    "age_ns": self._age_ns(vitals["started_ns"]),
                    "started_ms": self.wall_ms(vitals["started_ns"]),
                    "died_ms": self.wall_ms(parent["died_ns"]),
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
        """Read the counters of every feed's connections."""
        rows = []
        for shard in self.house.shards:
            for route, record in zip(("public", "market"), shard.feed_link, strict=True):
                values, name = plain(record), f"{route}{numbered(shard.number)}"
                age_ns = self._age_ns(values["last_recv_ns"])
                rows.append({"route": name, **values, "age_ns": age_ns})
        return rows

    def market_events(self) -> int:
        """Count the events the feeds have ever published; its growth is the tick rate."""
        return sum(int(shard.market.words[TAIL]) for shard in self.house.shards)

    def orders(self, limit: int) -> list[Values]:
        """Copy the newest `limit` rows of the order table, leaving out one being written now."""
        return [self._order(row) for row in self._orders()[:limit]]

    def orders_of(self, symbol: int, limit: int) -> list[Values]:
        """Copy a symbol's newest `limit` rows, and its open ones behind them however old."""
        rows = self._orders()
        rows = rows[rows["symbol"] == symbol]
        shown = (rows["state"] < FIRST_TERMINAL_STATE) | (np.arange(len(rows)) < limit)
        return [self._order(row) for row in rows[shown]]

    def _orders(self) -> Records:
        """Copy what is whole of the order table, newest first."""
        before = self.house.orders["version"].copy()
        rows = self.house.orders.copy()
        whole = (before == self.house.orders["version"]) & (before % 2 == 0)
        used: Records = rows[whole & (rows["state"] != OrderState.FREE)]
        return used[np.argsort(used["updated_ns"], kind="stable")[::-1]]

    def order(self, intent_seq: int) -> Values | None:
        """Copy the row of one order; None when it left the table, or is being written."""
        rows = self.house.orders
        for index in np.flatnonzero(rows["intent_seq"] == intent_seq):
            version = int(rows[index]["version"])
            copy = rows[index].copy()
            whole = version % 2 == 0 and version == int(rows[index]["version"])
            if whole and copy["state"] != OrderState.FREE and copy["intent_seq"] == intent_seq:
                return self._order(copy)
        return None

    def market_event(self, symbol: int, seq: int, recv_ns: int) -> Values | None:
        """Find the market event of that number in its ring, else on the tape.

        None when both have overwritten it, or when no event caused what is asked about.
        """
        if not seq or not recv_ns:
            return None
        market = self.house.shards[shard_of(symbol, len(self.house.shards))].market
        for slots in (market.slots, self.house.tape):
            for index in np.flatnonzero(slots["seq"] == seq):
                event = slots[index].copy()
                # Looked at again: its slot may be used anew while it is copied.
                whole = int(event["seq"]) == int(slots[index]["seq"]) == seq
                if whole and event["recv_ns"] == recv_ns and event["symbol"] == symbol:
                    return plain(event)
        return None

    def _order(self, record: np.void) -> Values:
        symbols = self.house.symbols()
        values = plain(record)
        symbol, recv_ns = values["symbol"], values["recv_ns"]
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
            "recv_ms": self.wall_ms(values["recv_ns"]),
            "recv_wall_ns": self.house.anchor.to_wall_ns(recv_ns) if recv_ns else 0,
        }

    def latency(self) -> list[Values]:
        """Read the histogram of every leg that was ever measured."""
        rows = []
        for leg, record in zip(Leg, self.house.latency, strict=True):
            count, bins = int(record["count"]), record["bins"].copy()
            if count:
                longest_ns = int(record["max_ns"])
                rows.append(
                    {
                        "leg": leg.name,
                        "count": count,
                        "mean_ns": int(record["sum_ns"]) // count,
                        "max_ns": longest_ns,
                        **{
                            name: round(percentile_ns(bins, percent, longest_ns))
                            for name, percent in PERCENTILES.items()
                        },
                        "bins": filled_bins(bins),
                    }
                )
        return rows

    def leg_ns(self, leg: Leg, percent: float) -> int | None:
        """Read one percentile of a leg's durations; None until one was measured."""
        record = self.house.latency[leg]
        if not record["count"]:
            return None
        bins = record["bins"].copy()
        return round(percentile_ns(bins, percent, int(record["max_ns"])))

    def wall_ms(self, local_ns: int) -> int | None:
        """Turn a local time into wall-clock milliseconds; None for one that was never written."""
        return self.house.anchor.to_wall_ns(local_ns) // NS_PER_MS if local_ns else None

    def _age_ns(self, local_ns: int) -> int | None:
        return max(0, self._now_ns() - local_ns) if local_ns else None


def nearness(verdict: Values) -> tuple[int, float]:
    """Give a number that grows as a verdict comes nearer to firing."""
    code, needed = verdict["verdict"], abs(verdict["needed"])
    step = _NEARER.index(code) if code in _NEARER else -1
    return step, abs(verdict["distance"]) / needed if needed else 0.0
