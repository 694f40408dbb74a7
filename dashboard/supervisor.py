"""Asking the supervisor on behalf of a page, and passing its answer or its refusal on."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from dashboard.deps import Deps
from dashboard.refusal import Refusal
from dashboard.urgent import Urgent
from hft.control import ControlUnreachable

STATUS_OF = {"UNKNOWN_STRATEGY": 404, "BAD_REQUEST": 422, "BAD_VALUE": 422, "PREVIEW_FAILED": 422}
REFUSED = 409


async def ask(deps: Deps, request: dict[str, Any], urgent: Urgent | None = None) -> dict[str, Any]:
    """Ask, in a worker thread, or by the way of what waits for nothing else.

    Raises:
        Refusal: with the supervisor's own sentence, or that nobody answers.
    """
    try:
        answer = await (urgent(request) if urgent else run_in_threadpool(deps.ask, request))
    except ControlUnreachable as problem:
        raise Refusal(503, "ENGINE_UNREACHABLE", "The engine does not answer.") from problem
    if not answer.get("ok"):
        code = str(answer.get("code", "REFUSED"))
        sentence = str(answer.get("message", "The engine refused without a reason."))
        raise Refusal(STATUS_OF.get(code, REFUSED), code, sentence)
    return answer


def asked_by(request: Request) -> str:
    """Name who gives an order through the page: where the browser is."""
    return f"page {request.client.host if request.client else 'of unknown address'}"
