"""Markets to measure: recordings of the real one, and the synthetic one alone."""

from __future__ import annotations

from pathlib import Path

from benches.market_measures import Tape
from hft.simulator.aggregate import is_ordinary
from hft.simulator.characters import Temper, character_of
from hft.simulator.exchange import Exchange
from hft.simulator.market import SyntheticMarket
from hft.simulator.matching import BUY, SELL
from hft.simulator.outcomes import Trade
from hft.simulator.recorded_book import Scale
from hft.simulator.recording import lines_of, parse_line, parse_snapshot
from hft.simulator.symbols import KNOWN
from hft.units import E8

START_MS = 1_000
DEPTH_STEPS = 1_000


def recorded(path: Path, name: str) -> Tape:
    """Read trades and tops of a recording, by the times of the venue."""
    symbol = KNOWN[name]
    ticks, lots = Scale(symbol.tick_e8).steps, Scale(symbol.lot_e8).steps
    tape = Tape([], [], symbol.unit_e8 / E8, [])
    for line in lines_of(path):
        message = parse_line(line) or parse_snapshot(line, name)
        if message is None:
            continue
        data = message.data
        if message.kind == "snapshot":
            for rows in (data["b"], data["a"]):
                tape.depths.append([(ticks(price), lots(qty)) for price, qty in rows])
        elif message.kind == "bookTicker":
            tape.tops.append((data["T"], ticks(data["b"]), ticks(data["a"])))
        elif message.kind == "trade" and is_ordinary(data):
            side = SELL if data["m"] else BUY
            _join(tape, (data["T"], ticks(data["p"]), lots(data["q"]), side))
    # A message may come a little late; the venue's own times are what counts.
    tape.tops.sort(key=lambda top: top[0])
    tape.prints.sort(key=lambda each: each[0])
    return tape


def synthetic(name: str, temper: Temper, seed: int, seconds: int) -> Tape:
    """Run a synthetic market with nobody else in it."""
    symbol = KNOWN[name]
    exchange = Exchange([symbol])
    listing = exchange.listings[name]
    market = SyntheticMarket(exchange, listing, character_of(symbol, temper), seed)
    tape = Tape([], [], symbol.unit_e8 / E8, [])
    seen = (0, 0, 0, 0)
    for step in range(seconds * 1_000 // market.step_ms):
        now_ms = START_MS + step * market.step_ms
        if step % DEPTH_STEPS == 0:
            tape.depths += [listing.book.bids.depth(1_000), listing.book.asks.depth(1_000)]
        for _ in market.step(now_ms):
            top = listing.book.top()
            if top != seen:
                seen = top
                tape.tops.append((now_ms, top[0], top[2]))
            for outcome in exchange.drain():
                if isinstance(outcome, Trade):
                    side = SELL if outcome.buyer_is_maker else BUY
                    _join(tape, (now_ms, outcome.price_ticks, outcome.lots, side))
            listing.book.changed = set()
    return tape


def _join(tape: Tape, each: tuple[int, int, int, int]) -> None:
    """Add a print; one of the same time, price and side becomes part of the last."""
    last = tape.prints[-1] if tape.prints else None
    if last is not None and (last[0], last[1], last[3]) == (each[0], each[1], each[3]):
        tape.prints[-1] = (last[0], last[1], last[2] + each[2], last[3])
    else:
        tape.prints.append(each)
