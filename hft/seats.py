"""Seats and shards: which process of the house is which, and whose the symbols are.

A house of one shard has one process per role.  Every further shard adds a feed and a strategy with
rings of their own, for a part of the symbols; the other roles serve all shards.  Symbol `i` belongs
to shard ``i % shards``, and intent `n` (from 1 on) was written by shard ``(n - 1) % shards``, so
that no two strategies ever use the same number.
"""

from __future__ import annotations

from enum import IntEnum

from hft.events import Role

SHARDS_MAX = 4
_SHARDED = (Role.FEED, Role.STRATEGY)


class Seat(IntEnum):
    """The place of one process: index of its vitals, its order word, its parked word, its bell.

    The seats of shard 0 are the roles themselves, by number and by name.
    """

    SUPERVISOR = Role.SUPERVISOR
    FEED = Role.FEED
    STRATEGY = Role.STRATEGY
    EXECUTION = Role.EXECUTION
    LEDGER = Role.LEDGER
    DASHBOARD = Role.DASHBOARD
    FEED2 = 6
    STRATEGY2 = 7
    FEED3 = 8
    STRATEGY3 = 9
    FEED4 = 10
    STRATEGY4 = 11

    @property
    def role(self) -> Role:
        """What the process does."""
        later = self - len(Role)
        return Role(self) if later < 0 else _SHARDED[later % len(_SHARDED)]

    @property
    def shard(self) -> int:
        """The shard it works for; 0 for those that work for all."""
        return max(0, 1 + (self - len(Role)) // len(_SHARDED))

    @property
    def label(self) -> str:
        """Its name as people read it, like "feed" or "strategy2"."""
        return self.name.lower()


assert len(Seat) == len(Role) + len(_SHARDED) * (SHARDS_MAX - 1)


def seats_of(shards: int) -> tuple[Seat, ...]:
    """Every seat of a house of so many shards."""
    return tuple(seat for seat in Seat if seat.shard < shards)


def seat_of(role: Role, shard: int) -> Seat:
    """The seat of a role in a shard; a role that serves all shards has one."""
    return Seat[f"{role.name}{numbered(shard)}"] if role in _SHARDED else Seat(role)


def numbered(shard: int) -> str:
    """What the names of a shard's own things end in: nothing, "2", "3", ..."""
    return str(shard + 1) if shard else ""


def seats_in(role: Role, shards: int) -> tuple[Seat, ...]:
    """The seats of one role, by shard; a role that serves all shards has one."""
    return tuple(seat for seat in seats_of(shards) if seat.role is role)


def shard_of(symbol: int, shards: int) -> int:
    """The shard a symbol belongs to."""
    return symbol % shards


def symbols_of(shard: int, shards: int, count: int) -> range:
    """The symbols of a shard, out of `count`, by their index in the house."""
    return range(shard, count, shards)


def next_intent(last: int, shard: int, shards: int) -> int:
    """The number of a shard's next intent after `last`; 0 means there was none."""
    return last + shards if last else shard + 1
