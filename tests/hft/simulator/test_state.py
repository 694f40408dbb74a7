"""What a venue keeps on disk is what it was: every reply, every queue, every unit of money."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator import desk as desks
from hft.simulator.account import Account, Holding
from hft.simulator.algo import AlgoOrder, AlgoShelf
from hft.simulator.characters import LIVELY, character_of
from hft.simulator.desk import Desk, Listing
from hft.simulator.market import SyntheticMarket
from hft.simulator.matching import BUY, SELL, Order
from hft.simulator.orders import VenueOrder
from hft.simulator.outcomes import Outcome
from hft.simulator.state_options import end_what_fell_due
from hft.simulator.symbols import BTCUSDT, Symbol

from .state_rig import World
from .state_wishes import Action, action


def differing(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    keys = one.keys() | other.keys()
    return {k: [one.get(k), other.get(k)] for k in keys if one.get(k) != other.get(k)}


@settings(max_examples=60, deadline=None)
@given(st.lists(action, min_size=20, max_size=60), st.integers(0, 60))
def test_a_kill_at_any_moment_loses_nothing_that_anybody_was_told(
    actions: list[Action], moment: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "a", new=True)
        for wish in actions[:moment]:
            world.act(wish)
        world.snapshot(Path(folder) / "b")
        again = World(Path(folder) / "b")
        again.now_ms = world.now_ms
        assert again.kept.restored
        assert not differing(again.shows(), world.shows())
        assert again.venue.account_epoch == world.venue.account_epoch
        assert again.venue.account_alias == world.venue.account_alias
        for name, listing in world.exchange.listings.items():
            restored = again.exchange.listings[name]
            assert restored.next_order_id == listing.next_order_id
            assert restored.next_trade_id >= listing.next_trade_id
        world.keeper.close()
        again.keeper.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(action, min_size=25, max_size=60), st.lists(action, min_size=20, max_size=40))
def test_a_restarted_venue_goes_on_exactly_as_if_it_had_never_stopped(
    before: list[Action], after: list[Action]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "a", new=True)
        for wish in before:
            world.act(wish)
        world.keeper.exact = True
        world.venue.publisher.keep(world.now_ms, every=True)
        world.snapshot(Path(folder) / "b")
        world.drop_house()
        again = World(Path(folder) / "b")
        again.now_ms = world.now_ms
        again.keeper.exact = True
        world.told.clear()
        # Both look at every account when a mark price moves: here the two begin alike.
        for each in (world, again):
            for listing in each.exchange.listings.values():
                listing.mark_e8 += listing.symbol.tick_e8
        for wish in after:
            assert again.act(wish) == world.act(wish)
            assert again.told == world.told
        assert not differing(again.shows(), world.shows())
        world.keeper.close()
        again.keeper.close()


def test_what_the_core_keeps_is_written_down_or_made_anew() -> None:
    """A new word in the core belongs into state_rows.py, or among those that follow from others."""
    listing = Listing(BTCUSDT)
    assert set(vars(listing)) == {
        "house_cost_e16", "house_lots", "next_order_id", "next_trade_id",
        "funding_rate_e8", "index_e8", "last_ticks", "mark_e8", "next_funding_ms",
        "symbol", "book", "_caps",
    }  # fmt: skip
    assert set(vars(Desk(1))) == {
        "account", "orders", "fills", "income", "margin_moves", "countdown_ms", "called",
        "open", "by_symbol", "by_client", "forced", "algos",
    }  # fmt: skip
    assert set(vars(Account(1))) == {
        "account_id", "wallets", "fees", "dust_e16", "hedge", "multi_assets", "fee_burn",
        "maker_ppm", "taker_ppm", "update_ms",
        "holdings",
    }  # fmt: skip
    assert set(Holding.__slots__) == {
        "leverage", "isolated", "legs", "bids_e8", "asks_e8", "open_orders", "reducers"
    }  # fmt: skip
    assert set(AlgoOrder.__slots__) == {
        "account_id", "active", "algo_id", "child", "create_ms", "extreme_e8", "refused", "request",
        "status", "time_in_force", "trigger_ms", "update_ms",
    }  # fmt: skip
    assert set(vars(AlgoShelf())) == {"orders", "waiting", "by_client"}
    assert {*Order.__slots__, *VenueOrder.__slots__} == {
        "order_id", "owner", "request", "status", "limit_ticks", "lots", "self_trade",
        "filled_lots", "quote_e8", "time_ms", "update_ms", "amendments",
        "announced", "client_id", "kind", "left_lots", "price_ticks", "reduces", "side", "symbol",
        "time_in_force",
    }  # fmt: skip


def test_what_is_forgotten_leaves_the_disk_too(tmp_path: Path) -> None:
    world = World(tmp_path, new=True)
    buy: Action = ("limit", 1, "BTCUSDT", BUY, -6, 10, "GTC", False)
    for _ in range(3):
        world.act(buy)
    world.act(("amend", 1, "BTCUSDT", BUY, -5, 12, "GTC", False))
    kept = next(iter(world.exchange.desks[1].open))
    for order in list(world.exchange.desks[1].open.values())[1:]:
        world.exchange.cancel(1, order, world.now_ms)
    world.settle()
    assert len(list(world.file.rows("orders"))) == 3
    world.now_ms += desks.UNFILLED_KEPT_MS + 1
    world.exchange.on_time(world.now_ms)
    world.settle()
    assert [key for key, _ in world.file.rows("orders")] == [kept]
    assert [str(key).split()[0] for key, _ in world.file.rows("amendments")] in ([], [str(kept)])
    world.keeper.close()


def test_old_fills_and_income_leave_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "FILLS_KEPT", 2)
    monkeypatch.setattr(desks, "SLACK", 10.0)
    world = World(tmp_path, new=True)
    for _ in range(4):
        world.act(("house", 1, "BTCUSDT", SELL, 1, 10, "GTC", False))
        world.act(("market", 1, "BTCUSDT", BUY, 0, 10, "GTC", False))
        world.act(("deposit", 1, "BTCUSDT", BUY, 1, 10, "GTC", False))
    assert len(list(world.file.rows("fills"))) == 4
    world.now_ms += 3_600_000
    world.exchange.on_time(world.now_ms)
    world.settle()
    assert len(list(world.file.rows("fills"))) == 2
    shown = world.shows()
    world.snapshot(tmp_path / "b")
    again = World(tmp_path / "b")
    again.now_ms = world.now_ms
    assert not differing(again.shows(), shown)
    world.keeper.close()
    again.keeper.close()


def test_ids_of_the_market_go_on_behind_those_that_were_told(tmp_path: Path) -> None:
    world = World(tmp_path / "a", new=True)
    publisher, listing = world.venue.publisher, world.exchange.listings["BTCUSDT"]
    feed = publisher.feeds["BTCUSDT"]
    for number in range(3):
        for _ in range(1_500):
            world.exchange.house_order(listing, SELL, (600_001, 1), world.now_ms)
            world.exchange.house_take(listing, BUY, (600_001, 1), world.now_ms)
            world.venue.flush(world.now_ms)
        world.snapshot(tmp_path / f"b{number}")
        again = World(tmp_path / f"b{number}")
        restored, told = again.exchange.listings["BTCUSDT"], again.venue.publisher
        assert 0 <= restored.next_trade_id - listing.next_trade_id <= 2_000
        assert told.feeds["BTCUSDT"].history.next_aggregate_id >= feed.history.next_aggregate_id
        assert told.feeds["BTCUSDT"].update_id > publisher.ids.last
        again.keeper.close()
    world.keeper.close()


def test_orders_that_cross_the_restarted_market_trade_with_it_and_money_stays(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "a", new=True)
    for offset in (-2, -2, -400):
        world.act(("limit", 1, "BTCUSDT", BUY, offset, 5, "GTC", False))
    first, second, far = list(world.exchange.desks[1].open)
    totals = world.totals()
    listing = world.exchange.listings["BTCUSDT"]
    listing.last_ticks = 599_900
    world.now_ms += 1_000
    world.settle()
    world.snapshot(tmp_path / "b")
    again = World(tmp_path / "b")
    again.now_ms = world.now_ms
    assert again.totals() == totals
    listing = again.exchange.listings["BTCUSDT"]
    character = character_of(BTCUSDT, LIVELY)
    market = SyntheticMarket(again.exchange, listing, character, 1, now_ms=again.now_ms)
    again.settle()
    assert list(again.exchange.desks[1].open) == [far]
    fills = again.exchange.desks[1].fills
    assert [fill.order_id for fill in fills if fill.order_id != far] == [first, second]
    assert {(fill.time_ms, fill.price_ticks, fill.maker) for fill in fills} == {
        (again.now_ms, 599_998, True)
    }
    assert again.totals() == totals
    bid, _, ask, _ = listing.book.top()
    assert 599_800 < bid < ask < 600_000
    for _ in market.step(again.now_ms):
        again.settle()
    assert again.totals() == totals
    world.keeper.close()
    again.keeper.close()


def test_what_fell_due_while_nothing_ran_goes_before_the_market_comes(tmp_path: Path) -> None:
    world = World(tmp_path / "a", new=True)
    world.act(("limit", 1, "BTCUSDT", BUY, -2, 5, "GTD", False))
    world.act(("limit", 3, "ETHUSDT", BUY, -2, 50, "GTC", False))
    world.act(("countdown", 3, "ETHUSDT", BUY, 0, 3_000, "GTC", False))
    world.act(("limit", 4, "BTCUSDT", BUY, -2, 5, "GTC", False))
    assert [len(world.exchange.desks[number].open) for number in (1, 3, 4)] == [1, 1, 1]
    world.snapshot(tmp_path / "b")
    again = World(tmp_path / "b")
    again.now_ms = world.now_ms + 3_600_000
    end_what_fell_due(again.venue)
    again.settle()
    assert [len(again.exchange.desks[number].open) for number in (1, 3, 4)] == [0, 0, 1]
    assert [o.status for o in again.exchange.desks[1].orders.values()] == ["EXPIRED"]
    assert [o.status for o in again.exchange.desks[3].orders.values()] == ["CANCELED"]
    world.keeper.close()
    again.keeper.close()


def test_nobody_is_liquidated_before_the_market_has_a_price(tmp_path: Path) -> None:
    world = World(tmp_path / "a", new=True)
    listing = world.exchange.listings["BTCUSDT"]
    listing.mark_e8 = 0
    for account_id, leg in ((1, "BTCUSDT"), (3, "BTCUSDT")):
        for side in (SELL, BUY):
            world.exchange.house_order(listing, side, (600_000 - side, 5_000), world.now_ms)
        world.ask(
            account_id, "POST", "v1/order", symbol=leg, side="BUY", type="MARKET", quantity="0.100"
        )
        assert world.exchange.desks[account_id].account.position(leg, "BOTH").lots == 100
    world.snapshot(tmp_path / "b")
    again = World(tmp_path / "b")
    again.now_ms = world.now_ms + 60_000
    for _ in range(2):
        end_what_fell_due(again.venue)
        again.exchange.on_time(again.now_ms)
        again.now_ms += 60_000
    again.settle()
    for account_id in (1, 3):
        assert again.exchange.desks[account_id].account.position("BTCUSDT", "BOTH").lots == 100
    again.exchange.listings["BTCUSDT"].mark_e8 = 50_000 * 10**8
    again.exchange.on_time(again.now_ms)
    assert again.exchange.desks[3].account.position("BTCUSDT", "BOTH").lots == 0
    world.keeper.close()
    again.keeper.close()


class Notes:
    """A room of its own, as conditional orders have one: words by number."""

    name = "notes"

    def __init__(self) -> None:
        self.words: dict[str, bytes] = {}
        self.new: list[tuple[str, bytes | None]] = []

    def changes(
        self, outcomes: Sequence[Outcome], *, every: bool
    ) -> Iterable[tuple[str, bytes | None]]:
        new, self.new = self.new, []
        return new

    def restore(
        self, rows: Iterable[tuple[str, bytes]], symbol_of: Callable[[str], Symbol]
    ) -> None:
        self.words.update(rows)


def test_a_room_of_its_own_finds_its_rows_again(tmp_path: Path) -> None:
    notes = Notes()
    world = World(tmp_path, new=True, rooms=(notes,))
    notes.new = [("1", b"one"), ("2", b"two"), ("3", b"three")]
    world.settle()
    notes.new = [("2", None), ("3", b"drei")]
    world.settle()
    world.keeper.close()
    again = Notes()
    World(tmp_path, rooms=(again,)).keeper.close()
    assert again.words == {"1": b"one", "3": b"drei"}
