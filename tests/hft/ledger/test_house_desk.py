"""Events, sessions and what the account is worth."""

from __future__ import annotations

from typing import Any

import pytest

from hft.clock import monotonic_ns
from hft.events import Notice, Role
from hft.ledger import house_desk
from hft.state.blocks import ACCOUNT
from ringbuf.spsc import packer_of
from tests.hft.ledger.databases import locked, run
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import SESSION_EPOCH, World, drain, has_news, turn_until

_ACCOUNT = packer_of(ACCOUNT)


def events(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM events ORDER BY ns")


def texts(world: World) -> list[str]:
    return [row["text"] for row in events(world)]


def be_worth(world: World, wallet_e8: int, **fields: int) -> None:
    """Write the account's block, as execution does."""
    values = dict.fromkeys(ACCOUNT.names or (), 0) | {"wallet_e8": wallet_e8, "reconciled": 1}
    values |= {"updated_ns": monotonic_ns()} | fields
    flat: list[int] = []
    for name, value in values.items():
        flat += [0] * 64 if name == "denied" else [value]
    world.house.account.write_values(_ACCOUNT, tuple(flat))


def test_a_log_record_with_a_notice_is_an_event_and_any_other_is_not(world: World) -> None:
    log = world.log(Role.EXECUTION)
    with world.ledger() as ledger:
        log.info("a word")
        log.warning("ours is 1, the venue's 2", notice=Notice.POSITION_CORRECTED)
        log.info("funding of -0.5 USDT \0 é", notice=Notice.FUNDING)
        turn_until(ledger, lambda: len(events(world)) == 2)
    first, second = events(world)
    assert (first["kind"], first["level"], first["seat"]) == (
        "POSITION_CORRECTED",
        "WARNING",
        "execution",
    )
    assert first["session_epoch"] == SESSION_EPOCH
    assert first["ts_ms"] == world.house.anchor.to_wall_ns(first["ns"]) // 1_000_000
    assert second["text"] == "funding of -0.5 USDT \ufffd é"


def test_events_wait_for_the_database_and_the_log_file_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hft.ledger.database.BUSY_TIMEOUT_MS", 10)
    log = world.log(Role.FEED)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not has_news(ledger))
        with locked(world.place):
            world.report(1)
            for at in range(20):
                log.info(f"event {at}", notice=Notice.STREAM_ROTATED)
            turn_until(ledger, lambda: ledger.status.errors >= 2)
            turn_until(ledger, lambda: world.house.log_ring(Role.FEED).depth() == 0)
            assert len(world.log_lines()) >= 20
        turn_until(ledger, lambda: len(events(world)) == 20)
    assert texts(world) == [f"event {at}" for at in range(20)]


def test_events_of_a_run_that_died_are_read_from_its_log_files(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house_desk.HouseDesk, "tell_events", lambda *_: None)
    with world.ledger() as ledger:
        world.log(Role.FEED).info("never committed", notice=Notice.STREAM_MUTE)
        turn_until(ledger, lambda: len(world.log_lines()) >= 1)
    assert texts(world) == []
    monkeypatch.undo()
    for _ in range(2):
        with world.ledger():
            pass
        assert texts(world) == ["never committed"]


def test_the_last_words_of_a_house_are_events_too(world: World) -> None:
    with world.ledger() as ledger:
        ledger.do_work(monotonic_ns())
        world.log(Role.SUPERVISOR).info("the session has ended", notice=Notice.SESSION_ENDED)
    assert texts(world) == ["the session has ended"]


def test_the_equity_is_sampled_every_minute_once_the_account_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house_desk, "EQUITY_EVERY_NS", 20_000_000)

    def samples() -> list[dict[str, Any]]:
        return world.rows("SELECT * FROM equity ORDER BY ts_ms")

    world.know_account("")
    be_worth(world, 10**12, equity_e8=10**12 + 5, unrealised_e8=5, fees_e8=-3, funding_e8=7)
    with world.ledger() as ledger:
        for _ in range(5):
            ledger.do_work(monotonic_ns())
        assert samples() == []
        world.know_account()
        turn_until(ledger, lambda: len(samples()) == 1)
        # Nothing new was written, so nothing new is kept.
        turn_until(ledger, lambda: not has_news(ledger))
        be_worth(world, 10**12 + 1)
        turn_until(ledger, lambda: len(samples()) == 2)
    first, second = samples()
    assert (first["wallet_e8"], first["equity_e8"]) == (10**12, 10**12 + 5)
    assert (first["unrealised_e8"], first["fees_e8"], first["funding_e8"]) == (5, -3, 7)
    assert (second["wallet_e8"], second["session_epoch"]) == (10**12 + 1, SESSION_EPOCH)


def test_a_session_ends_with_its_counts(world: World, venue: LocalVenue) -> None:
    be_worth(world, 10**12)
    for trade_id in (1, 2):
        world.report(trade_id)
    world.report(3, intent_seq=0)
    with world.ledger() as ledger:
        drain(ledger)
    (row,) = world.rows("SELECT * FROM sessions")
    assert (row["session_epoch"], row["account_epoch"]) == (SESSION_EPOCH, "demo-1")
    assert (row["ended"], row["fills"], row["orders"]) == ("stopped as asked", 2, 2)
    assert row["ended_ms"] >= row["started_ms"]
    assert len(world.rows("SELECT * FROM equity")) >= 1


def test_a_run_that_was_killed_is_given_its_end_by_the_next(world: World) -> None:
    world.report(1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: world.house.reports_ledger.depth() == 0)
        turn_until(ledger, lambda: not has_news(ledger))
    (row,) = world.rows("SELECT * FROM sessions")
    assert row["ended"] is None
    run(world.place, "UPDATE sessions SET session_epoch = session_epoch - 1",
        "UPDATE orders SET session_epoch = session_epoch - 1")  # fmt: skip
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not has_news(ledger))
    first, second = world.rows("SELECT * FROM sessions ORDER BY session_epoch")
    assert (first["ended"], first["fills"], first["orders"]) == ("ended without a word", 1, 1)
    assert first["ended_ms"] == second["started_ms"]
    assert second["ended"] is None
