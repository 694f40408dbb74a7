"""Reads public dumps of trades: the venue's own trades and aggTrades, and Tardis-like files.

The layout is told by the header, or by the columns where there is none.  Files may be plain, gzip
or zip and of any size: lines are read one at a time, and what is no trade is counted.
"""

from __future__ import annotations

import gzip
import heapq
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import msgspec

from hft.errors import ConfigError
from hft.simulator.contract import Symbol
from hft.simulator.matching import BUY, SELL
from hft.simulator.recorded_book import Scale
from hft.simulator.symbols import symbol_for
from hft.units import E8, NS_PER_MS, NS_PER_S, parse_e8

HEAD_LINES = 100_000
BAD_HEAD_MAX = 20
DAY_S = 86_400
_NAMES = {
    "price": ("price",),
    "lots": ("qty", "quantity", "amount", "size"),
    "time": ("time", "transact_time", "timestamp"),
    "maker": ("is_buyer_maker", "isbuyermaker", "buyer_maker"),
    "side": ("side",),
    "symbol": ("symbol",),
}
_TRUE, _FALSE = ("true", "1"), ("false", "0")
_SIDES = {"buy": BUY, "sell": SELL}
_FILE_NAME = re.compile(r"^([A-Z0-9_]{2,30})-(?:aggTrades|trades)-", re.IGNORECASE)
_SYMBOL = re.compile(r"\w{2,30}")


class Layout(msgspec.Struct, frozen=True):
    """Which column holds what; -1 where a file has none."""

    price: int
    lots: int
    time: int
    maker: int = -1
    side: int = -1
    symbol: int = -1


TRADES = Layout(price=1, lots=2, time=4, maker=5)
AGGREGATES = Layout(price=1, lots=2, time=5, maker=6)
TARDIS = Layout(price=6, lots=7, time=2, side=5, symbol=1)


class Row(msgspec.Struct, frozen=True):
    """One line as it stands, but for its time and the taker's side."""

    stamp_ns: int
    price: str
    quantity: str
    side: int


class Print(msgspec.Struct):
    """Trades of one time, price and taker's side; `parts` are the lots of each."""

    stamp_ns: int
    symbol: str
    ticks: int
    side: int
    parts: list[int]

    @property
    def time_ms(self) -> int:
        """When it happened."""
        return self.stamp_ns // NS_PER_MS


class TradeFile(msgspec.Struct):
    """One file: whose trades it holds, how to read them, when and at what price they begin."""

    path: Path
    layout: Layout
    symbol: Symbol
    first_ns: int
    first_e8: int
    day_worth: int
    bad_lines: int = 0


def open_files(paths: list[Path], name: str) -> list[TradeFile]:
    """Look at the beginning of every file; `name` is whose trades they are, empty: as they say.

    Raises:
        ConfigError: one cannot be read, is no dump of trades, or does not say of what.
    """
    files: list[TradeFile] = []
    symbols: dict[str, Symbol] = {}
    for path in paths:
        file = _open_file(path, name, len(symbols))
        known = symbols.setdefault(file.symbol.name, file.symbol)
        # A later file of the same contract may be written finer.
        if (file.symbol.tick_e8, file.symbol.lot_e8) < (known.tick_e8, known.lot_e8):
            symbols[known.name] = file.symbol
        files.append(file)
    for file in files:
        file.symbol = symbols[file.symbol.name]
    return sorted(files, key=lambda file: file.first_ns)


def prints_of(files: list[TradeFile]) -> Iterator[Print]:
    """Read all files: one after the other for a contract, by time between contracts."""
    names = dict.fromkeys(file.symbol.name for file in files)
    queues = [_one_by_one([file for file in files if file.symbol.name == name]) for name in names]
    return heapq.merge(*queues, key=lambda each: each.stamp_ns)


def _one_by_one(files: list[TradeFile]) -> Iterator[Print]:
    """Read the files of one contract; time never goes back, and equal prints become one."""
    symbol = files[0].symbol
    ticks_of, lots_of = Scale(symbol.tick_e8), Scale(symbol.lot_e8)
    waiting: Print | None = None
    for file in files:
        file.bad_lines = 0
        for row in _rows(file):
            ticks, lots = ticks_of.whole_steps(row.price), lots_of.whole_steps(row.quantity)
            if ticks <= 0 or lots <= 0:
                file.bad_lines += 1
                continue
            stamp_ns = row.stamp_ns if waiting is None else max(row.stamp_ns, waiting.stamp_ns)
            if waiting is not None:
                here = (waiting.stamp_ns, waiting.ticks, waiting.side)
                if here == (stamp_ns, ticks, row.side):
                    waiting.parts.append(lots)
                    continue
                yield waiting
            waiting = Print(stamp_ns, symbol.name, ticks, row.side, [lots])
    if waiting is not None:
        yield waiting


def _rows(file: TradeFile) -> Iterator[Row]:
    for number, cells in enumerate(_cells_of(file.path)):
        row = _row(cells, file.layout)
        if row is not None:
            yield row
        elif number:
            file.bad_lines += 1


def _open_file(path: Path, name: str, number: int) -> TradeFile:
    lines = _cells_of(path)
    first = next(lines, [])
    layout = _layout(first)
    if layout is None:
        raise ConfigError(
            f"{path} is no dump of trades: its columns are not those of trades, aggTrades or a "
            "Tardis-like file"
        )
    rows: list[Row] = []
    for read, cells in enumerate(chain([first], lines)):
        row = _row(cells, layout)
        if row is not None:
            rows.append(row)
            name = name or (cells[layout.symbol] if layout.symbol >= 0 else _named(path))
        if read >= HEAD_LINES or read - len(rows) > BAD_HEAD_MAX:
            break
    if not rows:
        raise ConfigError(f"{path} holds no trade that can be read")
    if not _SYMBOL.fullmatch(name):
        raise ConfigError(f"{path} does not say whose trades it holds: name it with --csv-symbol")
    return TradeFile(
        path=path,
        layout=layout,
        symbol=_symbol(name.upper(), rows, number),
        first_ns=rows[0].stamp_ns,
        first_e8=parse_e8(rows[0].price),
        day_worth=_worth(rows),
    )


def _symbol(name: str, rows: list[Row], number: int) -> Symbol:
    digits = [
        max(len(text.partition(".")[2].rstrip("0")) for text in texts)
        for texts in ((row.price for row in rows), (row.quantity for row in rows))
    ]
    return symbol_for(name, (digits[0], digits[1]), number, (digits[0], digits[1]))


def _worth(rows: list[Row]) -> int:
    """Estimate what is traded in a day, in whole units of the quote asset."""
    span_s = max(1, (rows[-1].stamp_ns - rows[0].stamp_ns) // NS_PER_S)
    worth = sum(parse_e8(row.price) * parse_e8(row.quantity) for row in rows) // E8 // E8
    return worth * DAY_S // span_s


def _named(path: Path) -> str:
    found = _FILE_NAME.match(path.name)
    return found.group(1) if found else ""


def _layout(cells: list[str]) -> Layout | None:
    """Tell the layout by the first line: a header, or a line of one of the known kinds."""
    lower = [cell.lower() for cell in cells]
    found = {
        what: next((lower.index(name) for name in names if name in lower), -1)
        for what, names in _NAMES.items()
    }
    if min(found["price"], found["lots"], found["time"]) >= 0:
        sided = found["maker"] >= 0 or found["side"] >= 0
        return Layout(**found) if sided else None
    return next((each for each in (AGGREGATES, TRADES, TARDIS) if _row(cells, each)), None)


def _row(cells: list[str], layout: Layout) -> Row | None:
    try:
        stamp, price, quantity = cells[layout.time], cells[layout.price], cells[layout.lots]
        if layout.maker >= 0:
            word = cells[layout.maker].lower()
            side = SELL if word in _TRUE else BUY if word in _FALSE else 0
        else:
            side = _SIDES.get(cells[layout.side].lower(), 0)
        if not side or parse_e8(price) <= 0 or parse_e8(quantity) <= 0:
            return None
        return Row(_to_ns(stamp), price, quantity, side)
    except (IndexError, ValueError):
        return None


def _to_ns(stamp: str) -> int:
    """Bring a stamp in milli-, micro- or nanoseconds (told by its digits) to nanoseconds."""
    if not (stamp.isascii() and stamp.isdigit()) or not 12 <= len(stamp) <= 19:
        raise ValueError(f"no time: {stamp!r}")
    digits = len(stamp)
    return int(stamp) * (1 if digits >= 18 else 1_000 if digits >= 15 else 1_000_000)


def _cells_of(path: Path) -> Iterator[list[str]]:
    try:
        with ExitStack() as files:
            raw = files.enter_context(path.open("rb"))
            magic = raw.read(4)
            raw.seek(0)
            if magic.startswith(b"\x1f\x8b"):
                binary: io.IOBase = files.enter_context(gzip.GzipFile(fileobj=raw))
            elif magic == b"PK\x03\x04":
                binary = files.enter_context(
                    _member(path, files.enter_context(zipfile.ZipFile(raw)))
                )
            else:
                binary = raw
            for line in binary:
                text = line.decode("utf-8", "replace").strip().lstrip("\ufeff")
                if text:
                    yield [cell.strip().strip('"') for cell in text.split(",")]
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ConfigError(f"cannot read the trades in {path}: {error}") from error


def _member(path: Path, archive: zipfile.ZipFile) -> io.IOBase:
    name = next((name for name in archive.namelist() if name.lower().endswith(".csv")), "")
    if not name:
        raise ConfigError(f"cannot read the trades in {path}: there is no .csv file in it")
    return archive.open(name)  # type: ignore[return-value]
