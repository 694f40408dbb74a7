"""The ledger asks the venue last, and never while somebody at this address is told to wait."""

from __future__ import annotations

from typing import Any

from hft.clock import monotonic_ns
from hft.ledger.agent import LedgerAgent
from hft.state.blocks import ACCOUNT
from hft.units import NS_PER_S
from ringbuf.spsc import packer_of

from .local_venue import LocalVenue
from .test_gaps_are_filled import turn_until
from .world import World

_ACCOUNT = packer_of(ACCOUNT)


def execution_tells(world: World, **words: int) -> None:
    """Write the account block as execution does."""
    flat: list[Any] = []
    for name in ACCOUNT.names or ():
        flat += [0] * 64 if name == "denied" else [words.get(name, 0)]
    world.house.account.write_values(_ACCOUNT, flat)


def turn(ledger: LedgerAgent, count: int = 50) -> None:
    for _ in range(count):
        ledger.do_work(monotonic_ns())


def test_while_execution_is_banned_the_ledger_asks_nothing(world: World, venue: LocalVenue) -> None:
    until_ns = monotonic_ns() + NS_PER_S
    execution_tells(world, banned_until_ns=until_ns)
    venue.fill(7)
    with world.ledger() as ledger:
        turn(ledger)
        assert venue.asked == []
        turn_until(ledger, lambda: ledger.status.trades == 1)
        assert monotonic_ns() >= until_ns


def test_while_the_address_has_used_half_of_its_weight_the_ledger_waits(
    world: World, venue: LocalVenue
) -> None:
    execution_tells(world, weight_used=1_300, weight_limit=2_400)
    with world.ledger() as ledger:
        turn(ledger)
        assert venue.asked == []
        execution_tells(world, weight_used=3, weight_limit=2_400)
        ledger.reconciler.ask_now()
        turn_until(ledger, lambda: len(venue.asked) > 0)


def test_what_the_ledger_is_told_stands_in_its_block(world: World, venue: LocalVenue) -> None:
    venue.banned_for_s = 30
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.banned_until_ns > 0)
        value = world.house.ledger.read()
        assert value is not None
        left_s = (int(value[0]["banned_until_ns"]) - monotonic_ns()) / NS_PER_S
        assert 20 < left_s <= 30
        # Both readers may have begun before either was told.
        turn_until(ledger, lambda: not (ledger.reconciler.busy() or ledger.incomes.busy()))
        asked = len(venue.asked)
        ledger.reconciler.ask_now()
        turn_until(ledger, lambda: not ledger.reconciler.busy())
        assert len(venue.asked) == asked, "it obeys, too"
