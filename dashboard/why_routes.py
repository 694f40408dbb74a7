"""The route that says why it does not trade."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from dashboard.api import Json
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples_orders import EXPLAIN
from dashboard.why import of_symbol
from hft.state.blocks import SYMBOL_NAME_MAX

_NO_STRIP = 1 << 62
"""A time behind every point: whose strip is told is known only after the look."""


def why_routes(deps: Deps) -> APIRouter:
    """Build the route."""
    router = APIRouter(prefix="/api", tags=["live"], default_response_class=Json)

    @router.get("/explain", summary="Why it does not trade", responses=answers(EXPLAIN))
    async def explain(
        strip_after_ms: Annotated[int, Query(ge=0)] = 0,
        symbol: Annotated[str, Query(max_length=SYMBOL_NAME_MAX)] = "",
    ) -> Response:
        """One sentence, every gate in order, verdicts and denials of the last minute, hour and
        session, and the way to firing: of `strip`, the points after `strip_after_ms`.  Of several
        symbols the nearest to firing is told, or the one asked for; `shards` has them all.
        """
        view = deps.view
        return Json(of_symbol(view.explain(_NO_STRIP), view.watch, symbol, strip_after_ms))

    return router
