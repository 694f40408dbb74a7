"""What an account held of a symbol before its first kept fill, as execution told with that fill.

A house may meet an account that holds something already, and a database may begin in the middle.
A fill that only the venue's list told says nothing of the position: then the account was flat, as
far as anybody here knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, select

from hft.ledger.fills import Fills
from hft.ledger.schema import FROM_REPORT, trades

Opening = dict[int, int]
"""Positions in units of 1e-8, by `Fills.holding`."""

IDS_AT_ONCE = 500


def read_opening(connection: Connection, fills: Fills) -> Opening:
    """Find what was held before the first of `fills`, which are in order."""
    first = fills.pick(np.unique(fills.holding, return_index=True)[1])
    rows = zip(first.row_id.tolist(), first.holding.tolist(), first.qty_e8.tolist(), strict=True)
    about = {row_id: (holding, qty_e8) for row_id, holding, qty_e8 in rows}
    ids = list(about)
    found: Opening = {}
    for at in range(0, len(ids), IDS_AT_ONCE):
        for row_id, raw in _told(connection, ids[at : at + IDS_AT_ONCE]):
            holding, qty_e8 = about[row_id]
            found[holding] = _held_before(raw, qty_e8)
    return {holding: held_e8 for holding, held_e8 in found.items() if held_e8}


def _told(connection: Connection, ids: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
    query = select(trades.c.id, trades.c.raw).where(
        trades.c.id.in_(ids), trades.c.source == FROM_REPORT
    )
    return [(row_id, orjson.loads(raw or "{}")) for row_id, raw in connection.execute(query)]


def _held_before(raw: dict[str, Any], qty_e8: int) -> int:
    lots = raw.get("last_qty_lots")
    return raw.get("position_lots", 0) * abs(qty_e8) // lots - qty_e8 if lots else 0
