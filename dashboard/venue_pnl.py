"""The route that compares our books with the venue's income ledger."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from dashboard.api import Json
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples_trades import VENUE_PNL
from hft.ledger.venue_sums import VenueSum, VenueSums, read_venue_sums
from hft.units import E8

MS_MAX = 253_402_214_400_000
"""The last day of the year 9999: later ones have no date."""

Ms = Annotated[int | None, Query(ge=0, le=MS_MAX)]

NOTHING = VenueSums([], 0, None)


def venue_routes(deps: Deps) -> APIRouter:
    """Build the route."""
    router = APIRouter(prefix="/api", default_response_class=Json, tags=["trades"])

    def read(from_ms: int | None, to_ms: int | None) -> VenueSums:
        with deps.trades.reading() as engine:
            return NOTHING if engine is None else read_venue_sums(engine, from_ms, to_ms)

    @router.get(
        "/venue_pnl",
        summary="Our books against the venue's income ledger",
        responses=answers(VENUE_PNL),
    )
    async def venue_pnl(from_ms: Ms = None, to_ms: Ms = None) -> dict[str, Any]:
        """By symbol, kind and asset, compared exactly up to `compared_to_ms`; `agrees` is null
        while there is nothing to compare.
        """
        return venue_answer(await run_in_threadpool(read, from_ms, to_ms))

    return router


def venue_answer(sums: VenueSums) -> dict[str, Any]:
    """Tell both sides as numbers for people, and whether they agree, which is judged exactly."""
    return {
        "compared_to_ms": sums.compared_to_ms,
        "fills": sums.fills,
        "agrees": None if not sums.rows else not _differing(sums),
        "sentence": _sentence(sums),
        "rows": [
            {
                "symbol": row.symbol,
                "kind": row.kind,
                "asset": row.asset,
                "ours": None if row.ours_e8 is None else row.ours_e8 / E8,
                "venue": row.venue_e8 / E8,
                "difference": None if row.ours_e8 is None else row.off_e8 / E8,
            }
            for row in sums.rows
        ],
    }


def _differing(sums: VenueSums) -> list[VenueSum]:
    return [row for row in sums.rows if row.off_e8]


def _sentence(sums: VenueSums) -> str:
    if sums.compared_to_ms is None:
        return "The venue's ledger of this range was not read yet: it is every five minutes."
    if not sums.rows:
        return "Neither we nor the venue have anything in this range."
    differing = _differing(sums)
    if not differing:
        return f"Both agree to the last digit, over {sums.fills:,} fills."
    where = ", ".join(
        f"{row.symbol} {row.kind} by {row.off_e8 / E8:+.8f} {row.asset}" for row in differing
    )
    return f"They differ: {where}. The command hft reconcile names the entries."
