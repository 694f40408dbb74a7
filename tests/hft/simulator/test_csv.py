from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hft.clock import Deadline, wall_ms
from hft.errors import ConfigError
from hft.simulator.csv_trades import Print, open_files, prints_of
from hft.simulator.matching import BUY, SELL
from tests.recordings import FOLDER, needs

from .test_replay import Listener, _wait_for_the_end, listening
from .wire import Simulator, eventually, running, until

START_MS = 1_700_000_000_000
CASCADE = "cascade/binance-delivery_trades_2025-10-10_AVAXUSD_PERP.csv.gz"
TRADES_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker"
AGGREGATES_HEADER = (
    "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
)
TARDIS_HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"

# (milliseconds after the start, price, quantity, the taker buys)
ROWS = [
    (0, "100.50", "3", True),
    (0, "100.50", "2", True),
    (0, "100.60", "1", True),
    (250, "100.40", "4", False),
    (900, "100.50", "1.5", True),
]


def trades(rows: list[tuple[int, str, str, bool]]) -> list[str]:
    return [
        f"{number},{price},{qty},1.0,{START_MS + ms},{str(not buys).lower()}"
        for number, (ms, price, qty, buys) in enumerate(rows)
    ]


def aggregates(rows: list[tuple[int, str, str, bool]]) -> list[str]:
    return [
        f"{number},{price},{qty},{number},{number},{START_MS + ms},{not buys}"
        for number, (ms, price, qty, buys) in enumerate(rows)
    ]


def tardis(rows: list[tuple[int, str, str, bool]]) -> list[str]:
    return [
        f"binance,ABCUSDT,{START_MS + ms}000,{START_MS + ms}123,{number},"
        f"{'buy' if buys else 'sell'},{price},{qty}"
        for number, (ms, price, qty, buys) in enumerate(rows)
    ]


def write(path: Path, lines: list[str]) -> Path:
    raw = ("\n".join(lines) + "\n").encode()
    if path.suffix == ".gz":
        raw = gzip.compress(raw)
    elif path.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(path.stem + ".csv", raw)
        raw = packed.getvalue()
    path.write_bytes(raw)
    return path


def read(*paths: Path, name: str = "ABCUSDT") -> list[Print]:
    return list(prints_of(open_files(list(paths), name)))


def plain(prints: list[Print]) -> list[tuple[int, int, int, list[int]]]:
    return [(each.time_ms - START_MS, each.ticks, each.side, each.parts) for each in prints]


EXPECTED = [
    (0, 1005, BUY, [30, 20]),
    (0, 1006, BUY, [10]),
    (250, 1004, SELL, [40]),
    (900, 1005, BUY, [15]),
]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".zip"])
@pytest.mark.parametrize(
    ("header", "body"),
    [
        (TRADES_HEADER, trades),
        (AGGREGATES_HEADER, aggregates),
        (TARDIS_HEADER, tardis),
        ("", trades),
        ("", aggregates),
        ("", tardis),
    ],
)
def test_every_public_layout_is_told_by_itself(
    tmp_path: Path,
    suffix: str,
    header: str,
    body: Callable[[list[tuple[int, str, str, bool]]], list[str]],
) -> None:
    lines = [header] * bool(header) + body(ROWS)
    assert plain(read(write(tmp_path / f"own{suffix}", lines))) == EXPECTED


def test_columns_may_stand_in_any_order_under_a_header(tmp_path: Path) -> None:
    lines = ["Side,Time,Price,Size", f"SELL,{START_MS},5,2"]
    assert plain(read(write(tmp_path / "own.csv", lines))) == [(0, 5, SELL, [2])]


def test_whose_trades_they_are_is_said_by_the_option_the_column_or_the_name(tmp_path: Path) -> None:
    lines = trades(ROWS)
    named = write(tmp_path / "DOGEUSDT-trades-2024-01-01.csv", lines)
    (file,) = open_files([write(tmp_path / "own.csv", lines)], "XYZUSDT")
    assert file.symbol.name == "XYZUSDT"
    (file,) = open_files([named], "")
    assert file.symbol.name == "DOGEUSDT"
    (file,) = open_files([write(tmp_path / "t.csv", tardis(ROWS))], "")
    assert file.symbol.name == "ABCUSDT"
    with pytest.raises(ConfigError, match="--csv-symbol"):
        open_files([write(tmp_path / "own.csv", lines)], "")


def test_files_of_one_contract_follow_each_other_and_contracts_go_side_by_side(
    tmp_path: Path,
) -> None:
    later = [(ms + 5_000, price, qty, buys) for ms, price, qty, buys in ROWS]
    one = write(tmp_path / "ABCUSDT-trades-2.csv", trades(later))
    two = write(tmp_path / "ABCUSDT-trades-1.csv", trades(ROWS))
    other = write(tmp_path / "XYZUSDT-aggTrades-1.csv", aggregates([(300, "7", "1", True)]))
    prints = read(one, two, other, name="")
    assert [each.symbol for each in prints].index("XYZUSDT") == 3
    times = [each.stamp_ns for each in prints]
    assert times == sorted(times)
    assert len(prints) == 9


def test_bad_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    lines = [TRADES_HEADER, *trades(ROWS)]
    lines[3:3] = [
        "garbage",
        "7,NaN,1,1,1700000000000,true",
        "7,-1,1,1,1700000000000,true",
        "8,1,0,",
    ]
    lines.append("9,1.005,1,1,17000,true")
    (file,) = open_files([write(tmp_path / "own.csv", lines)], "ABCUSDT")
    assert plain(list(prints_of([file]))) == EXPECTED
    assert file.bad_lines == 5


def test_time_never_goes_back(tmp_path: Path) -> None:
    rows = [(500, "1", "1", True), (100, "2", "1", True), (600, "3", "1", True)]
    prints = plain(read(write(tmp_path / "own.csv", trades(rows))))
    assert [each[0] for each in prints] == [500, 500, 600]


@pytest.mark.parametrize(
    ("name", "raw", "word"),
    [
        ("none.csv", None, "cannot read"),
        ("empty.csv", b"", "no dump"),
        ("text.csv", b"hello,world\n" * 50, "no dump"),
        ("header.csv", TRADES_HEADER.encode() + b"\n", "no trade"),
        ("broken.csv.gz", gzip.compress(b"1,2,3\n" * 9999, mtime=0)[:30], "cannot read"),
        ("broken.zip", b"PK\x03\x04 nothing", "cannot read"),
        ("binary.csv", bytes(range(256)) * 100, "no dump"),
    ],
)
def test_a_file_that_cannot_be_played_is_refused_in_one_sentence(
    tmp_path: Path, name: str, raw: bytes | None, word: str
) -> None:
    path = tmp_path / name
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(ConfigError, match=word) as refused:
        open_files([path], "ABCUSDT")
    assert "\n" not in str(refused.value)
    assert name in str(refused.value)


def a_day(count: int = 400) -> list[tuple[int, str, str, bool]]:
    """Trades 10 ms apart that wander between 100.00 and 101.00."""
    return [
        (10 * number, f"{100 + (number * 7 % 100) / 100:.2f}", f"{1 + number % 5}", number % 3 > 0)
        for number in range(count)
    ]


@contextlib.contextmanager
def playing(path: Path, *arguments: str) -> Iterator[tuple[Simulator, Listener, Listener]]:
    """A simulator that plays the file, with somebody on aggTrade and on bookTicker."""
    with (
        running("--csv", str(path), "--csv-symbol", "ABCUSDT", *arguments) as simulator,
        listening(simulator, "/market/ws/abcusdt@aggTrade") as market,
        listening(simulator, "/public/ws/abcusdt@bookTicker") as public,
    ):
        yield simulator, market, public


def test_every_trade_happens_in_a_book_that_is_never_crossed(tmp_path: Path) -> None:
    rows = a_day()
    path = write(tmp_path / "own.csv", trades(rows))
    with playing(path, "--speed", "5") as (simulator, market, public):
        _wait_for_the_end(simulator)
        state = simulator.get("/sim/state")["market"]
        assert (state["kind"], state["skipped"], state["error"]) == ("csv", 0, None)
        assert state["recorded_time_ms"] == START_MS + rows[-1][0]
    told = [(row["p"], Decimal(row["q"]), not row["m"]) for row in market.messages]
    assert told == [(price, Decimal(qty), buys) for _, price, qty, buys in rows]
    assert all(float(row["b"]) < float(row["a"]) for row in public.messages)
    assert abs(market.messages[-1]["T"] - wall_ms()) < 60_000


def test_users_trade_in_it_and_wait_in_its_queue(tmp_path: Path) -> None:
    rows = [(20 * number, "100.00", "2", number % 2 > 0) for number in range(500)]
    path = write(tmp_path / "own.csv", trades(rows))
    with playing(path) as (simulator, market, _), simulator.user_stream() as user:
        eventually(lambda: len(market.messages) > 3)
        bought = simulator.order(
            symbol="ABCUSDT", side="BUY", type="MARKET", quantity="3", newOrderRespType="RESULT"
        )
        assert bought["status"] == "FILLED"
        simulator.order(
            symbol="ABCUSDT",
            side="SELL",
            type="LIMIT",
            timeInForce="GTC",
            price="100",
            quantity="3",
        )
        fill = until(user, lambda event: event.get("o", {}).get("m") is True)
        assert fill["o"]["S"] == "SELL"


def test_a_start_in_the_middle_skips_what_lies_before(tmp_path: Path) -> None:
    rows = a_day(200)
    path = write(tmp_path / "own.csv", trades(rows))
    start = START_MS + rows[150][0]
    with playing(path, "--speed", "max", "--start", str(start)) as (simulator, market, _):
        _wait_for_the_end(simulator)
    assert [row["p"] for row in market.messages] == [row[1] for row in rows[150:]]


def test_it_can_be_played_again_and_again_with_ids_that_grow(tmp_path: Path) -> None:
    rows = a_day(50)
    path = write(tmp_path / "own.csv", trades(rows))
    with playing(path, "--speed", "10", "--loop") as (simulator, market, _):
        eventually(lambda: len(market.messages) > 120)
        assert simulator.get("/sim/state")["market"]["round"] >= 3
        ids = [row["a"] for row in market.messages]
    assert all(later == earlier + 1 for earlier, later in itertools.pairwise(ids))


def cut(path: Path, span_ms: tuple[int, int], target: Path) -> Path:
    """Write the trades of a span anew."""
    head, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    place = head.split(",").index("timestamp")
    first_us, last_us = (time_ms * 1_000 for time_ms in span_ms)
    kept = [line for line in lines if first_us <= int(line.split(",")[place]) < last_us]
    return write(target, [head, *kept])


@needs("cascade")
@pytest.mark.parametrize(
    "minutes", [20, pytest.param(170, marks=pytest.mark.long, id="to the end of the day")]
)
def test_the_great_cascade_is_played_whole(tmp_path: Path, minutes: int) -> None:
    """A minute spans 96 %: mark, forced orders and every lot must survive it."""
    begin_ms = 1_760_130_600_000
    span_ms = (begin_ms - 60_000, begin_ms + minutes * 60_000)
    path = cut(FOLDER / CASCADE, span_ms, tmp_path / "cascade.csv.gz")
    start = "2025-10-10T21:10:00"
    with (
        running(
            *("--csv", str(path), "--csv-symbol", "AVAXUSDT", "--start", start),
            *("--simulated-clock", "--speed", "max"),
        ) as simulator,
        listening(simulator, "/market/ws/avaxusdt@aggTrade") as market,
        listening(simulator, "/market/ws/avaxusdt@markPrice@1s") as marks,
        listening(simulator, "/market/ws/avaxusdt@forceOrder") as forced,
    ):
        deadline = Deadline(60)
        while not simulator.get("/sim/state")["market"]["finished"]:
            assert not deadline.passed()
    expected = [each for each in read(path, name="AVAXUSDT") if each.time_ms >= begin_ms]
    assert sum(Decimal(row["q"]) for row in market.messages) == sum(
        sum(each.parts) for each in expected
    )
    times = [row["T"] for row in market.messages]
    assert times[0] == expected[0].time_ms
    assert times[-1] == expected[-1].time_ms
    prices = [float(row["p"]) for row in marks.messages]
    assert min(prices) < 10
    assert max(prices) > 20
    orders: list[Any] = [row["o"] for row in forced.messages]
    assert len(orders) > minutes // 10
    assert orders[0]["S"] == "SELL"
