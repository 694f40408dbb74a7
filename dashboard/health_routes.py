"""What watches over the process: whether it lives, whether every part is fit, and its figures."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dashboard import sentences
from dashboard.api import Json
from dashboard.deps import STATIC, Deps
from dashboard.describe import Responses, answers
from dashboard.metrics import registry_of

_READY = {"ok": True, "halted": False, "message": "Every part is fit.", "missing": []}
_UNFIT = {
    "ok": False,
    "halted": False,
    "message": "Not fit: market data is not fresh.",
    "missing": ["market data is not fresh"],
}
_NOT_READY: Responses = {
    503: {
        "description": "A part is missing; `missing` names it.",
        "content": {"application/json": {"example": _UNFIT}},
    }
}
_METRICS = "# HELP hft_fills_total Fills of our orders.\nhft_fills_total 7.0\n"


def health_routes(deps: Deps) -> APIRouter:
    """Build the routes for orchestrators, Prometheus and readers of the API's description."""
    router = APIRouter(tags=["health"], default_response_class=Json)
    view, registry = deps.view, registry_of(deps.pulse)

    @router.get("/healthz", summary="The page answers", responses=answers({"ok": True}))
    async def healthz() -> Response:
        """200 as long as the event loop turns: restart the process when this fails.

        Needs no token anywhere, and tells nothing.
        """
        return Json({"ok": True})

    @router.get("/readyz", summary="Every part is fit", responses=answers(_READY) | _NOT_READY)
    async def readyz() -> Response:
        """200 when every process runs, the market data is fresh and the account is reconciled;
        503 with what is missing otherwise. A halt is no illness: it is told beside.
        """
        missing, halted = view.not_ready(), view.halted()
        answer = {
            "ok": not missing,
            "halted": halted,
            "message": sentences.readiness(missing, halted=halted),
            "missing": missing,
        }
        return Json(answer, 503 if missing else 200)

    for path, probe in (("/healthz", healthz), ("/readyz", readyz)):
        # Some probes ask for the head alone.
        router.add_api_route(path, probe, methods=["HEAD"], include_in_schema=False)

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=PlainTextResponse,
        responses=answers(_METRICS, "text/plain"),
    )
    async def metrics() -> Response:
        """Read from the segment at every scrape, in Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(STATIC / "docs" / "docs.html")

    return router
