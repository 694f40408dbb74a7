"""Logging in and out, and whether that is needed."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from dashboard.auth import address_of, cookie_of
from dashboard.controls import Body
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples import DONE
from dashboard.refusal import Refusal
from dashboard.sessions import LIFE_MS, cookie_name


class Login(Body):
    """The text of `dashboard.token` in the data folder."""

    token: str = Field(min_length=1, max_length=256, examples=["the text of dashboard.token"])


def session_routes(deps: Deps) -> APIRouter:
    """Build the routes of the lock on the door."""
    router = APIRouter(prefix="/api", tags=["session"])
    access = deps.access

    @router.get(
        "/session",
        summary="Whether a token is needed, and whether this browser has shown it",
        response_description="`needs_token`: changing something needs it; `locked`: looking, too. "
        "`mode` is null to a stranger at a locked door.",
        responses=answers({"needs_token": True, "locked": False, "known": True, "mode": "LIVE"}),
    )
    async def session(request: Request) -> dict[str, Any]:
        """Ask before anything else: it tells a page whether to show its login."""
        try:
            shown = request.headers.get("authorization", "")
            known = access.is_known(shown, cookie_of(request.headers), address_of(request.scope))
        except Refusal:
            # A wrong token is counted, and this question is answered all the same.
            known = False
        mode = deps.view.reader.run()["mode"] if known or not access.locked else None
        needs_token = bool(access.token)
        return {"needs_token": needs_token, "locked": access.locked, "known": known, "mode": mode}

    @router.post(
        "/login",
        summary="Show the token, get a session",
        responses=answers(DONE),
        response_description="A cookie for 14 days that scripts of a page cannot read.",
    )
    async def login(login: Login, request: Request) -> Response:
        """Five wrong tokens a minute are listened to from one address, then 429."""
        if not access.token:
            raise Refusal(409, "NO_TOKEN", "A demo on this machine needs no token.")
        access.check_token(login.token.strip(), address_of(request.scope))
        reply = JSONResponse({"ok": True, "message": "Logged in."})
        reply.set_cookie(
            cookie_name(request.headers["host"]),
            access.sessions.begin(),
            max_age=LIFE_MS // 1000,
            path="/",
            secure=_by_tls(request),
            httponly=True,
            samesite="strict",
        )
        return reply

    @router.post(
        "/logout",
        summary="End this session",
        responses=answers(DONE),
        response_description="The cookie opens nothing any more, wherever a copy of it may be.",
    )
    async def logout(request: Request) -> Response:
        """End the session of the cookie that is shown; without one, nothing happens."""
        access.sessions.end(cookie_of(request.headers))
        reply = JSONResponse({"ok": True, "message": "Logged out."})
        reply.delete_cookie(
            cookie_name(request.headers["host"]),
            path="/",
            secure=_by_tls(request),
            httponly=True,
            samesite="strict",
        )
        return reply

    return router


def _by_tls(request: Request) -> bool:
    """Say whether the browser spoke TLS to a proxy; a wrong yes only harms its teller."""
    origin = request.headers.get("origin", "")
    return "https" in (origin.partition(":")[0], request.headers.get("x-forwarded-proto", ""))
