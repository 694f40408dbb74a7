"""The route that says why it does not trade."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from dashboard.api import Json
from dashboard.deps import Deps


def why_routes(deps: Deps) -> APIRouter:
    """Build the route."""
    router = APIRouter(prefix="/api", default_response_class=Json)

    @router.get("/explain")
    async def explain(strip_after_ms: Annotated[int, Query(ge=0)] = 0) -> Response:
        return Json(deps.view.explain(strip_after_ms))

    return router
