"""From a report in the ring to a row in the database."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from hft.binance.order_frames import client_order_id
from hft.clock import monotonic_ns
from hft.errors import BootError
from hft.events import Role, Status
from hft.topology import RINGS
from ringbuf.spsc import ring_report
from tests.hft.ledger.databases import locked, run
from tests.hft.ledger.world import ACCOUNT_EPOCH, SESSION_EPOCH, World, drain, has_news, turn_until


def depth(world: World) -> int:
    return ring_report(world.house.reports_ledger)["depth"]


def test_a_fill_is_kept_exactly_and_shown_as_floats(world: World) -> None:
    world.report(7, hops=[1, 2, 3, 4, 5, 6, 7, 8, 9], symbol=1, side=-1, maker=1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
    (row,) = world.rows()
    assert (row["price_e8"], row["qty_e8"]) == (6_173_420_000_000, 1_000_000)
    assert (row["pnl_e8"], row["fee_e8"]) == (-123_456_789, 24_693_680)
    assert (row["price"], row["quantity"], row["pnl"], row["fee"]) == (
        61734.2,
        0.01,
        -1.23456789,
        0.2469368,
    )
    assert (row["symbol"], row["side"], row["strategy"]) == ("ETHUSDT", "SELL", "MOMENTUM")
    assert (row["trade_id"], row["exec_id"], row["order_id"]) == (7, "7", "9007199254741000")
    assert row["client_order_id"] == client_order_id(SESSION_EPOCH, 7)
    assert (row["account_epoch"], row["fee_currency"], row["maker"]) == (ACCOUNT_EPOCH, "USDT", 1)
    assert row["source"] == "report"
    raw = json.loads(row["raw"])
    assert raw["hops"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert raw["fee_asset"] == "USDT"


def test_a_report_without_a_fill_books_nothing(world: World) -> None:
    world.report(0, intent_seq=5, status=Status.ACCEPTED, last_price_ticks=0, last_qty_lots=0)
    world.report(0, intent_seq=6, status=Status.REJECTED, venue_code=-2019)
    world.report(3)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
    assert [row["trade_id"] for row in world.rows()] == [3]


def test_an_order_that_is_not_ours_has_no_strategy_and_no_name(world: World) -> None:
    world.report(3, intent_seq=0)
    world.report(4, strategy=65535)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
    first, second = world.rows()
    assert (first["strategy"], first["client_order_id"], first["intent_seq"]) == ("", None, None)
    assert second["strategy"] == ""


def test_two_fills_of_one_trade_against_ourselves_are_both_kept(world: World) -> None:
    world.report(3, venue_order_id=10)
    world.report(3, venue_order_id=11, side=-1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
    assert [row["order_id"] for row in world.rows()] == ["10", "11"]


def test_a_report_read_twice_is_stored_once(world: World) -> None:
    for trade_id in (1, 2, 2, 3, 1):
        world.report(trade_id)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
        world.report(3)
        turn_until(ledger, lambda: depth(world) == 0)
        assert ledger.status.trades == 3
        assert ledger.status.committed == 6
    assert [row["trade_id"] for row in world.rows()] == [1, 2, 3]


def test_the_next_account_may_use_the_same_trade_ids(world: World) -> None:
    world.report(1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
    world.know_account("demo-2")
    world.report(1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
    assert [row["account_epoch"] for row in world.rows()] == ["demo-1", "demo-2"]


def test_more_reports_than_one_batch_arrive_in_order(world: World) -> None:
    with world.ledger() as ledger:
        for trade_id in range(1, 2101):
            assert world.report(trade_id)
        turn_until(ledger, lambda: depth(world) == 0)
    assert [row["trade_id"] for row in world.rows()] == list(range(1, 2101))


def test_slots_are_given_back_only_after_the_commit(world: World) -> None:
    with world.ledger() as ledger:
        with locked(world.place):
            world.report(1)
            assert ledger.do_work(monotonic_ns()) > 0
            assert ledger.do_work(monotonic_ns()) == 0
            assert depth(world) == 1
        turn_until(ledger, lambda: depth(world) == 0)
    assert len(world.rows()) == 1


def test_a_locked_database_is_said_once_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hft.ledger.database.BUSY_TIMEOUT_MS", 10)
    with world.ledger() as ledger:
        with locked(world.place):
            for trade_id in range(1, 11):
                world.report(trade_id)
            turn_until(ledger, lambda: ledger.status.errors >= 3)
        turn_until(ledger, lambda: depth(world) == 0)
        drain(ledger)
    assert len(world.rows()) == 10
    texts = [line["text"] for line in world.log_lines()]
    assert sum("trade database fails" in text for text in texts) == 1
    assert sum("trade database works again" in text for text in texts) == 1


def test_the_block_tells_what_was_done_and_survives_a_restart(world: World) -> None:
    world.report(1)
    world.report(2)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: depth(world) == 0)
    with world.ledger() as ledger:
        world.report(3)
        turn_until(ledger, lambda: depth(world) == 0)
        ledger.do_work(monotonic_ns())
    told = world.house.ledger.read()
    assert told is not None
    assert (told[0]["committed"], told[0]["trades"], told[0]["errors"]) == (3, 3, 0)
    assert told[0]["last_commit_ns"] > 0


def test_draining_empties_the_rings_and_commits(world: World) -> None:
    with world.ledger() as ledger:
        for trade_id in range(1, 1201):
            world.report(trade_id)
        world.log(Role.EXECUTION).info("last words")
        drain(ledger)
        assert all(world.house.rings[ring.name].depth() == 0 for ring in RINGS)
    assert len(world.rows()) == 1200
    assert "last words" in [line["text"] for line in world.log_lines()]


def test_the_ledger_has_news_exactly_while_something_waits(world: World) -> None:
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not has_news(ledger))
        world.report(1)
        assert has_news(ledger)
        turn_until(ledger, lambda: depth(world) == 0)
        turn_until(ledger, lambda: not has_news(ledger))


def test_a_database_of_a_newer_release_is_left_alone(world: World) -> None:
    with world.ledger():
        pass
    run(world.place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BootError, match="its schema is not known to this release"), world.ledger():
        pass


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:secret@127.0.0.1:1/trades",
        "postgresql+psycopg://me@127.0.0.1:1/trades?password=secret",
        "postgresql+psycopg2://me:secret@127.0.0.1/trades",
        "postgresql+nodriver://me:secret@127.0.0.1/trades",
        "sqlite:////nowhere/secret/../x.db",
        "http:x://me:secret@y",
    ],
)
def test_a_wrong_database_address_is_refused_without_its_password(world: World, url: str) -> None:
    storage = msgspec.structs.replace(world.settings.storage, database_url=url)
    world.settings = msgspec.structs.replace(world.settings, storage=storage)
    with (
        pytest.raises(BootError, match=r"trade database .* cannot be opened") as refusal,
        world.ledger(),
    ):
        pass
    assert not re.search(r"secret(?!/)", str(refusal.value))


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_database_that_cannot_be_opened_refuses_to_start_in_one_sentence(world: World) -> None:
    (world.folder / "trades.db").write_bytes(b"this is no database at all, " * 100)
    with pytest.raises(BootError, match="cannot be opened: file is not a database"), world.ledger():
        pass
