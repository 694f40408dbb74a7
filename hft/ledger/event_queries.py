"""What the dashboard asks of the table `events`."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import Engine, select

from hft.ledger.schema import events


class EventRow(msgspec.Struct, frozen=True):
    """One event: when (wall clock UTC), in which run of the house, and its sentence."""

    ts_ms: int
    session_epoch: int
    text: str


def list_events(engine: Engine, kinds: Collection[str], limit: int) -> list[EventRow]:
    """List events of some kinds (names of `Notice`), newest first, at most `limit`."""
    query = (
        select(events.c.ts_ms, events.c.session_epoch, events.c.text)
        .where(events.c.kind.in_(sorted(kinds)))
        .order_by(events.c.ts_ms.desc(), events.c.id.desc())
        .limit(limit)
    )
    with engine.connect() as connection:
        return [EventRow(*row) for row in connection.execute(query)]
