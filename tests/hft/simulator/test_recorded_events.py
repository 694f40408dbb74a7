"""What the user stream says, beside frames the real venue sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import OrderRequest
from hft.simulator.outcomes import UserOutcome
from hft.simulator.symbols import symbol_for
from hft.simulator.user_events import user_event
from tests.recordings import FOLDER, needs

MARKET_BUY = Path("account") / "2026-02-23_SOLUSDT_market_buy_mainnet.jsonl"
RECORDED_MS = 1_771_856_732_584
PRICE_TICKS = 801_900


def _recorded() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / MARKET_BUY).read_text().splitlines() if line]


def _ours() -> list[dict[str, Any]]:
    """The same purchase here: 0.1 SOL at 80.19, bought at market."""
    symbol = symbol_for("SOLTEST", (4, 2), 1)
    exchange = Exchange([symbol])
    exchange.open_desk(1)
    listing: Listing = exchange.listings["SOLTEST"]
    listing.mark_e8 = PRICE_TICKS * symbol.tick_e8
    exchange.house_order(listing, SELL, (PRICE_TICKS, 10_000), RECORDED_MS)
    request = OrderRequest(
        symbol=symbol,
        side=BUY,
        kind="MARKET",
        time_in_force="GTC",
        price_ticks=0,
        lots=10,
        client_id="SOLUSDT_BOTH_1771856732181_1",
        reduce_only=False,
    )
    exchange.treasury.deposit(1, "USDT", 1, RECORDED_MS)
    exchange.drain()
    # The contract's least notional is 5; the real order was worth more.
    exchange.place(1, request, RECORDED_MS)
    said = [outcome for outcome in exchange.drain() if isinstance(outcome, UserOutcome)]
    return [json.loads(json.dumps(user_event(outcome, RECORDED_MS))) for outcome in said]


def _shape(value: Any) -> Any:
    """Keys in their order and the types of the values."""
    if isinstance(value, dict):
        return [(key, _shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return type(value).__name__


@needs("account")
def test_a_market_order_is_told_in_the_order_and_shape_of_the_live_venue() -> None:
    ours = {(event["e"], event.get("o", {}).get("x")): event for event in _ours()}
    names = list(ours)
    recorded = [(event["e"], event.get("o", {}).get("x")) for event in _recorded()]
    assert names[: len(recorded)] == recorded
    for event, name in zip(_recorded(), recorded, strict=True):
        assert _shape(ours[name]) == _shape(event), name


@needs("account")
@pytest.mark.parametrize("field", ["q", "p", "ap", "sp", "b", "a", "er", "V", "f", "o", "n", "N"])
def test_the_first_word_of_an_order_has_the_live_venues_text(field: str) -> None:
    (ours,) = [e for e in _ours() if e.get("o", {}).get("x") == "NEW"]
    (real,) = [e for e in _recorded() if e.get("o", {}).get("x") == "NEW"]
    assert ours["o"][field] == real["o"][field]


@needs("account")
def test_a_position_is_told_with_the_live_venues_text() -> None:
    (ours,) = [e["a"]["P"][0] for e in _ours() if e["e"] == "ACCOUNT_UPDATE"]
    (real,) = [e["a"]["P"][0] for e in _recorded() if e["e"] == "ACCOUNT_UPDATE"]
    fields = ("pa", "ep", "up", "mt", "iw", "ps", "ma", "bep")
    assert {name: ours[name] for name in fields} == {name: real[name] for name in fields}
