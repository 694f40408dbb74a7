"""The routes that only look: the live state, the logs, and whether all is well."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from dashboard.auth import cookie_of
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples import LINE, STATUS, STREAM, SYSTEM
from dashboard.watching import EventStream, Watching
from hft.state.blocks import LOG_LINES_MAX
from hft.state.log_tail import log_lines

PAGE_MAX = 1000
STATUS_POINTS_MAX = 600


class Json(Response):
    """JSON as orjson writes it: NaN becomes null instead of breaking the reader."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write the content."""
        return orjson.dumps(content)


def read_routes(deps: Deps) -> APIRouter:
    """Build the routes over the live state and the log."""
    router = APIRouter(tags=["live"], default_response_class=Json)
    view, pulse, access = deps.view, deps.pulse, deps.access

    @router.get("/api/status", summary="Everything the page shows live", responses=answers(STATUS))
    async def status() -> Response:
        """Money, position, trading state, verdict, processes, rings, newest log lines."""
        return Json(
            {
                **view.status(pulse.ticks_per_second),
                "pnl_history": pulse.history.points()[-STATUS_POINTS_MAX:],
            }
        )

    @router.get(
        "/api/sse",
        response_class=EventStream,
        summary="The status as a stream of changes",
        responses=answers(STREAM, "text/event-stream"),
    )
    async def sse(
        request: Request, last_event_id: Annotated[str, Header(max_length=64)] = ""
    ) -> Response:
        """Server-sent events. `status` is the whole state, without what is unknown and with rows
        by name; `patch`, up to ten times a second, is a JSON merge patch (RFC 7396) against it,
        where null removes what has become unknown; `logs` has new lines only. `Last-Event-ID`
        resumes within ten seconds. At a locked door a stream ends with its session.
        """
        secret = cookie_of(request.headers)
        # Whoever is known by the token itself has no session that could end.
        if not access.locked or not access.sessions.knows(secret):
            return Watching(pulse, last_event_id)
        return Watching(pulse, last_event_id, lambda: access.sessions.knows(secret))

    @router.get("/api/logs", summary="Log lines by number", responses=answers({"logs": [LINE]}))
    async def logs(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=LOG_LINES_MAX)] = LOG_LINES_MAX,
    ) -> Response:
        """Those after number `after`, oldest first; the newest 512 are kept."""
        return Json({"logs": log_lines(view.house, limit, after)})

    @router.get(
        "/api/system", summary="Processes, rings, connections, ledger", responses=answers(SYSTEM)
    )
    async def system() -> Response:
        """The machinery alone."""
        return Json(view.system())

    return router
