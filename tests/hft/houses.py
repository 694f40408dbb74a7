"""A house in a segment of its own, for tests; nothing of it stays behind."""

from __future__ import annotations

import gc
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from hft.agent.contract import Context
from hft.agent.log import Log
from hft.clock import anchor_now
from hft.events import Role
from hft.seats import Seat
from hft.topology import House
from ringbuf.doorbell import Doorbell
from ringbuf.memory import unlink


@contextmanager
def new_house(*symbols: str, shards: int = 1) -> Iterator[House]:
    """Lay a house, with `symbols` and this process as its supervisor."""
    name = f"hft-test-{os.getpid()}-{secrets.token_hex(4)}"
    house = House.create(name, anchor_now(), shards)
    house.run[0]["supervisor_pid"] = os.getppid()
    house.run[0]["symbol_count"] = len(symbols)
    for index, symbol in enumerate(symbols):
        house.run[0]["symbols"][index] = symbol.encode()
    try:
        yield house
    finally:
        unlink(name)
        gc.collect()


@contextmanager
def new_context(house: House, seat: Seat | Role) -> Iterator[Context]:
    """What the process of `seat` would be handed, doorbells and all."""
    bells = {each: Doorbell(house.parked_words(each)) for each in house.seats}
    try:
        log = Log(Seat(seat), house.log_ring(seat), bells[Seat.LEDGER])
        yield Context(Seat(seat), house, bells, log)
    finally:
        for bell in bells.values():
            bell.close()
