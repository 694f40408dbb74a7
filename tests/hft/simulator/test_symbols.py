from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from hft.errors import ConfigError
from hft.simulator.exchange_info import read_contracts
from hft.simulator.symbols import BTCUSDT, KNOWN, describe, exchange_info, symbol_for
from tests.recordings import FOLDER, needs

from .wire import receive, running, until

REFERENCE = """{
  "symbol":"BTCUSDT","pair":"BTCUSDT","contractType":"PERPETUAL","deliveryDate":4133404800000,
  "onboardDate":1567965300000,"status":"TRADING",
  "maintMarginPercent":"2.5000","requiredMarginPercent":"5.0000",
  "baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT",
  "pricePrecision":2,"quantityPrecision":3,"baseAssetPrecision":8,"quotePrecision":8,
  "underlyingType":"COIN","underlyingSubType":["PoW","Crypto"],
  "triggerProtect":"0.0500","liquidationFee":"0.012500","marketTakeBound":"0.05",
  "maxMoveOrderLimit":10000,
  "filters":[
   {"filterType":"PRICE_FILTER","minPrice":"556.80","maxPrice":"4529764","tickSize":"0.10"},
   {"filterType":"LOT_SIZE","minQty":"0.001","maxQty":"1000","stepSize":"0.001"},
   {"filterType":"MARKET_LOT_SIZE","minQty":"0.001","maxQty":"120","stepSize":"0.001"},
   {"filterType":"MAX_NUM_ORDERS","limit":200},
   {"filterType":"MIN_NOTIONAL","notional":"50"},
   {"filterType":"PERCENT_PRICE","multiplierUp":"1.0500","multiplierDown":"0.9500",
    "multiplierDecimal":"4"},
   {"filterType":"POSITION_RISK_CONTROL","positionControlSide":"NONE"}],
  "orderTypes":["LIMIT","MARKET","STOP","STOP_MARKET","TAKE_PROFIT","TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET"],
  "timeInForce":["GTC","IOC","FOK","GTX","GTD"],
  "permissionSets":["GRID","COPY","DCA","PSB"]}"""
NON_ASCII = "币安人生USDT"


def test_the_reply_about_a_contract_is_that_of_the_venue_to_the_byte() -> None:
    assert orjson.dumps(describe(BTCUSDT)) == orjson.dumps(json.loads(REFERENCE))


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_contract_is_sound(name: str) -> None:
    symbol = KNOWN[name]
    assert symbol.unit_e8 >= 1
    assert symbol.quote in ("USDT", "USDC")
    assert symbol.min_ticks <= symbol.start_ticks <= symbol.max_ticks
    assert symbol.market_max_lots <= symbol.max_lots
    assert float(symbol.price_text(symbol.start_ticks)) > 0
    first, *others = symbol.brackets
    assert first.cumulative == 0
    last = first
    for each in others:
        step = last.cap * (each.mmr_e4 - last.mmr_e4)
        assert each.leverage < last.leverage
        assert each.cap > last.cap
        assert step % 10_000 == 0
        assert each.cumulative == last.cumulative + step // 10_000
        last = each
    assert last.leverage == 1


def test_there_are_many_and_their_order_ids_lie_apart() -> None:
    assert len(KNOWN) >= 40
    bases = sorted(symbol.order_id_base for symbol in KNOWN.values())
    assert min(later - base for base, later in itertools.pairwise(bases)) >= 10**9


def test_a_recording_written_finer_than_the_known_contract_is_another_one() -> None:
    assert symbol_for("SOLUSDT", (4, 2), 0, (2, 1)) is KNOWN["SOLUSDT"]
    assert symbol_for("SOLUSDT", (4, 2), 0, (3, 1)).tick_e8 == 10_000


def _own_file(path: Path, change: Any = None) -> Path:
    reply: Any = json.loads(orjson.dumps(exchange_info(list(KNOWN.values()), 1)))
    if change is not None:
        change(reply)
    raw = orjson.dumps(reply)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("name", ["info.json", "info.json.gz"])
def test_what_the_venue_says_of_its_contracts_can_be_listed_again(
    tmp_path: Path, name: str
) -> None:
    contracts = read_contracts(_own_file(tmp_path / name))
    assert contracts.left_out == 0
    assert [describe(each) for each in contracts.symbols.values()] == [
        describe(each) for each in KNOWN.values()
    ]
    assert all(each.brackets == KNOWN[name].brackets for name, each in contracts.symbols.items())


def test_contracts_that_do_not_trade_here_are_left_out(tmp_path: Path) -> None:
    def change(reply: Any) -> None:
        reply["symbols"][0]["status"] = "SETTLING"
        reply["symbols"][1]["contractType"] = "CURRENT_QUARTER"
        reply["symbols"][2]["marginAsset"] = "USDC"

    contracts = read_contracts(_own_file(tmp_path / "info.json", change))
    assert contracts.left_out == 3
    assert "BTCUSDT" not in contracts.symbols


def _drop_filter(reply: Any) -> None:
    del reply["symbols"][5]["filters"][1]


def _zero_tick(reply: Any) -> None:
    reply["symbols"][5]["filters"][0]["tickSize"] = "0"


def _text_limit(reply: Any) -> None:
    reply["symbols"][5]["filters"][5]["multiplierUp"] = "much"


def _no_base(reply: Any) -> None:
    del reply["symbols"][5]["baseAsset"]


def _nothing(reply: Any) -> None:
    reply["symbols"] = []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (_drop_filter, "LOT_SIZE"),
        (_zero_tick, "tick"),
        (_text_limit, "much"),
        (_no_base, "baseAsset"),
        (_nothing, "no perpetual"),
    ],
)
def test_a_bad_list_of_contracts_is_refused_in_one_sentence(
    tmp_path: Path, change: Any, word: str
) -> None:
    with pytest.raises(ConfigError, match=word) as refused:
        read_contracts(_own_file(tmp_path / "info.json", change))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_list_of_contracts_is_refused(tmp_path: Path) -> None:
    for name, raw in (
        ("none.json", None),
        ("a.json", b"{"),
        ("b.json", b"[]"),
        ("c.gz", b"\x1f\x8b"),
    ):
        path = tmp_path / name
        if raw is not None:
            path.write_bytes(raw)
        with pytest.raises(ConfigError, match=name):
            read_contracts(path)


@needs("exchangeinfo")
def test_a_complete_list_of_the_real_venue_keeps_its_filters() -> None:
    path = next((FOLDER / "exchangeinfo").glob("*.gz"))
    real = {row["symbol"]: row for row in json.loads(gzip.decompress(path.read_bytes()))["symbols"]}
    contracts = read_contracts(path)
    assert len(contracts.symbols) > 500
    for name, symbol in contracts.symbols.items():
        told: Any = describe(symbol)
        for one, other in zip(
            sorted(told["filters"], key=lambda each: each["filterType"])[3:5],
            sorted(real[name]["filters"], key=lambda each: each["filterType"])[3:5],
            strict=True,
        ):
            assert {key: value for key, value in one.items() if key.startswith("f")} == {
                key: value for key, value in other.items() if key.startswith("f")
            }
        price = next(each for each in real[name]["filters"] if each["filterType"] == "PRICE_FILTER")
        assert float(told["filters"][0]["tickSize"]) == float(price["tickSize"])
        assert float(told["filters"][0]["minPrice"]) == float(price["minPrice"])
        assert told["liquidationFee"] == real[name]["liquidationFee"]


def test_all_known_contracts_trade_side_by_side_also_one_that_is_not_ascii() -> None:
    with running("--symbols", "all") as simulator:
        assert simulator.line["symbols"] == list(KNOWN)
        rows = simulator.get("/fapi/v1/exchangeInfo")["symbols"]
        assert [row["symbol"] for row in rows] == list(KNOWN)
        book = simulator.get(f"/fapi/v1/depth?symbol={quote(NON_ASCII)}&limit=5")
        assert len(book["bids"]) == 5
        with simulator.socket("/ws") as link:
            stream = f"{NON_ASCII.lower()}@bookTicker"
            link.send(json.dumps({"method": "SUBSCRIBE", "params": [stream], "id": 1}))
            assert receive(link) == {"result": None, "id": 1}
            assert until(link, lambda event: event.get("e") == "bookTicker")["s"] == NON_ASCII
        with simulator.socket(f"/public/ws/{quote(NON_ASCII.lower())}@depth@100ms") as link:
            assert receive(link)["s"] == NON_ASCII
        order = simulator.order(symbol=NON_ASCII, side="BUY", type="MARKET", quantity="100")
        assert order["symbol"] == NON_ASCII
        with simulator.socket("/market/ws/dogeusdt@aggTrade") as link:
            assert receive(link)["s"] == "DOGEUSDT"


def test_contracts_of_a_file_can_be_chosen_and_traded(tmp_path: Path) -> None:
    def change(reply: Any) -> None:
        row = next(row for row in reply["symbols"] if row["symbol"] == "DOGEUSDT")
        row.update(symbol="WOOFUSDT", pair="WOOFUSDT", baseAsset="WOOF")

    path = _own_file(tmp_path / "info.json", change)
    with running("--exchange-info", str(path), "--symbols", "WOOFUSDT") as simulator:
        assert simulator.line["symbols"] == ["WOOFUSDT"]
        row = simulator.get("/fapi/v1/exchangeInfo")["symbols"][0]
        assert row["baseAsset"] == "WOOF"
        order = simulator.order(
            symbol="WOOFUSDT",
            side="BUY",
            type="MARKET",
            quantity="500",
            newOrderRespType="RESULT",
        )
        assert order["status"] == "FILLED"
