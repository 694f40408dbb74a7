"""The route that says why it does not trade."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from dashboard.api import Json
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples_orders import EXPLAIN


def why_routes(deps: Deps) -> APIRouter:
    """Build the route."""
    router = APIRouter(prefix="/api", tags=["live"], default_response_class=Json)

    @router.get("/explain", summary="Why it does not trade", responses=answers(EXPLAIN))
    async def explain(strip_after_ms: Annotated[int, Query(ge=0)] = 0) -> Response:
        """One sentence, every gate in order, verdicts and denials of the last minute, hour and
        session, and the way to firing: of `strip`, the points after `strip_after_ms`.
        """
        return Json(deps.view.explain(strip_after_ms))

    return router
