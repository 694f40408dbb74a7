"""A venue of four accounts and two symbols that keeps its state, asked through its own calls."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from hft.errors import BootError
from hft.simulator.algo_state import AlgoRoom
from hft.simulator.calls import Call
from hft.simulator.keeper import Keeper
from hft.simulator.kept import Room
from hft.simulator.matching import Order
from hft.simulator.orders import VenueOrder
from hft.simulator.outcomes import ForcedOrder, Trade
from hft.simulator.refusals import Refusal
from hft.simulator.rest import ROUTES
from hft.simulator.restore import restore
from hft.simulator.state_file import open_state
from hft.simulator.symbols import BTCUSDT, ETHUSDT
from hft.simulator.treasury import FUND_ID
from hft.simulator.user_events import user_event
from hft.simulator.venue import Credentials, Venue
from hft.units import E8

from .state_wishes import ACCOUNTS, SYMBOLS, Action, condition_of

START_MS = 1_790_000_040_000
STEP_MS = 1_000
"""A second passes between two actions, so that prices are written with each."""
LATER_MS = 610_000
"""Longer than a good-till-date order of these tests lives."""
QUERIES = (
    "v2/account", "v3/account", "v2/balance", "v2/positionRisk", "v3/positionRisk",
    "v1/openOrders", "v1/income", "v1/forceOrders", "v1/positionSide/dual",
    "v1/multiAssetsMargin", "v1/feeBurn", "v1/symbolConfig", "v1/accountConfig",
    "v1/openAlgoOrders",
)  # fmt: skip
OF_A_SYMBOL = (
    "v1/allOrders", "v1/userTrades", "v1/positionMargin/history", "v1/adlQuantile",
    "v1/commissionRate", "v1/allAlgoOrders",
)  # fmt: skip


class World:
    """A venue, the state directory it keeps, and the house orders that a test put into it."""

    def __init__(self, folder: Path, *, new: bool = False, rooms: Sequence[Room] = ()) -> None:
        self.now_ms = START_MS
        self.venue = Venue([BTCUSDT, ETHUSDT], Credentials("k", "s"), clock=lambda: self.now_ms)
        self.exchange = self.venue.exchange
        self.house: list[tuple[str, Order]] = []
        self.told: list[object] = []
        self.file = open_state(folder)
        rooms = [AlgoRoom(self.exchange), *rooms]
        try:
            self.kept = restore(self.file, self.venue, rooms)
        except BootError:
            self.file.close()
            raise
        self.keeper = self.venue.publisher.keeper = Keeper(self.file, self.venue, self.kept, rooms)
        if new:
            self._furnish()
        self.venue.publisher.keep(self.now_ms, every=True)

    def _furnish(self) -> None:
        for account_id in ACCOUNTS:
            self.exchange.open_desk(account_id)
        for name, price in (("BTCUSDT", 60_000), ("ETHUSDT", 3_000)):
            listing = self.exchange.listings[name]
            listing.mark_e8 = price * E8
            listing.last_ticks = listing.mark_e8 // listing.symbol.tick_e8
        self.exchange.treasury.fund.account.wallets["USDT"] = 100 * E8
        self.exchange.treasury.deposit(4, "USDT", 10**6 * E8, self.now_ms)
        self.exchange.treasury.deposit(3, "BNB", 5 * E8, self.now_ms)
        self.ask(2, "POST", "v1/positionSide/dual", dualSidePosition="true")
        self.ask(3, "POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
        for account_id in (1, 3):
            self.ask(account_id, "POST", "v1/leverage", symbol="BTCUSDT", leverage="100")

    def ask(self, account_id: int, method: str, path: str, **params: str) -> Any:
        """Carry out one call as the REST door does; gives the reply, a refusal's too."""
        route = ROUTES[method, f"/fapi/{path}"]
        try:
            if method != "GET" and not route.orders:
                self.exchange.touched.add(account_id)
            result = route.handler(Call(self.venue, params, self.now_ms, account_id))
        except Refusal as refused:
            result = refused.body()
        finally:
            self.settle()
        return orjson.loads(orjson.dumps(result))

    def settle(self) -> None:
        """Keep what happened, and note what would be told."""
        self.exchange.algos.on_prices(self.now_ms)
        outcomes = self.exchange.drain()
        self.keeper.note(outcomes, self.now_ms)
        for outcome in outcomes:
            if isinstance(outcome, Trade | ForcedOrder):
                self.told.append(outcome)
            else:
                self.told.append(user_event(outcome, self.now_ms))

    def snapshot(self, folder: Path) -> None:
        """Copy what is on disk now: what a kill at this moment would leave."""
        shutil.copytree(self.file.folder / "current", folder / "current")

    def drop_house(self) -> None:
        """Take the house's orders out of the books, as a restart does."""
        for name, order in self.house:
            if order.left_lots:
                self.exchange.listings[name].book.cancel(order)
        self.house.clear()

    def act(self, wish: Action) -> object:
        """Let a second pass and something happen; gives the reply."""
        self.now_ms += STEP_MS
        kind, account_id, name, side, offset, lots, _, other = wish
        listing, reply = self.exchange.listings[name], None
        if kind == "house":
            ticks = listing.mark_e8 // listing.symbol.tick_e8 - side * offset
            order = self.exchange.house_order(listing, side, (ticks, lots), self.now_ms)
            self.house.append((name, order))
        elif kind in ("mark", "crash"):
            share = 5_000 if kind == "mark" else 60
            listing.mark_e8 += offset * listing.mark_e8 // share
        elif kind == "later":
            self.now_ms += LATER_MS
        elif kind == "algo":
            params = condition_of(listing, wish, self.now_ms)
            reply = self.ask(account_id, "POST", "v1/algoOrder", **params)
        elif kind == "funding":
            self.exchange.treasury.settle_funding(listing, offset * 10_000, self.now_ms)
        elif kind == "deposit":
            try:
                amount_e8 = offset * lots * E8 // 10
                self.exchange.treasury.deposit(account_id, "USDT", amount_e8, self.now_ms)
            except Refusal as refused:
                reply = refused.body()
        elif kind in ("limit", "market", "batch"):
            reply = self._trade(wish)
        elif kind in ("cancel", "amend"):
            reply = self._change(wish)
        else:
            reply = self._set(kind, account_id, name, (side, offset, lots), other)
        self.settle()
        self.exchange.on_time(self.now_ms)
        self.settle()
        return reply

    def _trade(self, wish: Action) -> object:
        kind, account_id, name, side, offset, lots, tif, closes = wish
        params = self._order(name, side, offset, lots)
        params["newClientOrderId"] = f"c{self.now_ms}"
        if account_id == 2:
            params["positionSide"] = "LONG" if (side > 0) != closes else "SHORT"
        elif closes:
            params["reduceOnly"] = "true"
        if kind == "market":
            del params["price"]
            return self.ask(account_id, "POST", "v1/order", **params, type="MARKET")
        params.update(type="LIMIT", timeInForce=tif)
        if tif == "GTD":
            params["goodTillDate"] = str(self.now_ms + 601_000)
        if kind == "limit":
            return self.ask(account_id, "POST", "v1/order", **params)
        orders = [{**params, "newClientOrderId": f"b{n}.{self.now_ms}"} for n in range(3)]
        listed = orjson.dumps(orders).decode()
        return self.ask(account_id, "POST", "v1/batchOrders", batchOrders=listed)

    def _change(self, wish: Action) -> object:
        kind, account_id, _, _, offset, lots, _, _ = wish
        orders = list(self.exchange.desks[account_id].open.values())
        if not orders:
            return None
        order = orders[lots % len(orders)]
        name = order.symbol.name
        if kind == "cancel":
            order_id = str(order.order_id)
            return self.ask(account_id, "DELETE", "v1/order", symbol=name, orderId=order_id)
        params = self._order(name, order.side, offset, lots)
        return self.ask(account_id, "PUT", "v1/order", **params, orderId=str(order.order_id))

    def _order(self, name: str, side: int, offset: int, lots: int) -> dict[str, str]:
        listing = self.exchange.listings[name]
        ticks = listing.mark_e8 // listing.symbol.tick_e8 + offset
        return {
            "symbol": name,
            "side": "BUY" if side > 0 else "SELL",
            "price": listing.symbol.price_text(ticks),
            "quantity": listing.symbol.qty_text(lots),
        }

    def _set(
        self, kind: str, account_id: int, name: str, terms: tuple[int, int, int], other: bool
    ) -> object:
        side, offset, lots = terms
        if kind == "leverage":
            word = str(1 + lots % 150)
            return self.ask(account_id, "POST", "v1/leverage", symbol=name, leverage=word)
        if kind == "countdown":
            wait = str(lots * 10)
            return self.ask(
                account_id, "POST", "v1/countdownCancelAll", symbol=name, countdownTime=wait
            )
        if kind == "margin":
            params = {"symbol": name, "amount": str(abs(offset)), "type": "1" if other else "2"}
            if account_id == 2:
                params["positionSide"] = "LONG" if side > 0 else "SHORT"
            return self.ask(account_id, "POST", "v1/positionMargin", **params)
        on = "true" if other else "false"
        margin_type = {"symbol": name, "marginType": "ISOLATED" if other else "CROSSED"}
        kinds = {
            0: ("v1/feeBurn", {"feeBurn": on}),
            1: ("v1/multiAssetsMargin", {"multiAssetsMargin": on}),
            2: ("v1/positionSide/dual", {"dualSidePosition": on}),
            3: ("v1/marginType", margin_type),
        }
        path, params = kinds[lots % 4]
        return self.ask(account_id, "POST", path, **params)

    def shows(self) -> dict[str, object]:
        """Say everything that anybody could ask, and what nobody can."""
        shown: dict[str, object] = {}
        for account_id in (FUND_ID, *ACCOUNTS):
            # The fund is never deleveraged, and nobody can ask for that in its name.
            ranked = account_id != FUND_ID
            for path in QUERIES:
                if ranked or "positionRisk" not in path:
                    shown[f"{account_id} {path}"] = self._asked(account_id, path)
            for name in SYMBOLS:
                for path in OF_A_SYMBOL if ranked else OF_A_SYMBOL[:2]:
                    key = f"{account_id} {path} {name}"
                    shown[key] = self._asked(account_id, path, symbol=name)
            desk = self.exchange.desks[account_id]
            shown[f"{account_id} waits"] = [desk.countdown_ms, sorted(desk.called)]
            for order in desk.orders.values():
                if order.amendments:
                    path, name = "v1/orderAmendment", order.symbol.name
                    key = f"{account_id} {path} {order.order_id}"
                    named = {"symbol": name, "orderId": str(order.order_id)}
                    shown[key] = self._asked(account_id, path, **named)
        shown["queues"] = self._queues()
        shown["totals"] = self.totals()
        return shown

    def _asked(self, account_id: int, path: str, **params: str) -> object:
        if path in ("v1/allOrders", "v1/userTrades", "v1/income", "v1/allAlgoOrders"):
            params["limit"] = "1000"
        return self.ask(account_id, "GET", path, **params)

    def totals(self) -> dict[str, int]:
        """Add up all money there is."""
        return {asset: self.exchange.treasury.total_e16(asset) for asset in ("USDT", "USDC", "BNB")}

    def _queues(self) -> list[object]:
        """List the users' orders in each queue of the books."""
        found: list[object] = []
        for name, listing in self.exchange.listings.items():
            for ladder in (listing.book.bids, listing.book.asks):
                for ticks in ladder.prices():
                    level = ladder.level(ticks)
                    assert level is not None
                    own = [o.order_id for o in level.orders.values() if isinstance(o, VenueOrder)]
                    if own:
                        found.append([name, ticks, own])
        return found
