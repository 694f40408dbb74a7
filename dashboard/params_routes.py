"""The routes of parameters and limits: forms, preview, change, undo, and who changed what.

Every value is judged by the supervisor, with the strategy's own `Params` or the config file's
rules; nothing is decided here.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr
from starlette.concurrency import run_in_threadpool

from dashboard.api import Json
from dashboard.controls import Body
from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples_params import (
    CHANGES,
    LIMITS,
    LIMITS_SET,
    LIMITS_UNDONE,
    PARAMS,
    PARAMS_SET,
    PARAMS_UNDONE,
    PREVIEW,
)
from dashboard.refusal import Refusal
from dashboard.supervisor import ask, asked_by
from hft.changes import KEPT, NOTICES, change_of

_I64 = 1 << 63
Whole = Annotated[StrictInt, Field(ge=-_I64, lt=_I64)]
Word = Annotated[StrictStr, Field(max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
_LOOKED_THROUGH = 4
"""Lines of other things are filed under the same kinds: so many times more are read."""


Value = StrictBool | Whole | StrictFloat | Word


class Values(Body):
    """New values by name; `strategy` is whose they are, refused when another one runs.

    `seen` are values in force as the sender knows them: refused when one of them is another by now.
    """

    values: dict[Name, Value] = Field(min_length=1, max_length=200)
    strategy: Name | None = None
    seen: dict[Name, Value] | None = Field(default=None, max_length=200)


class Undo(Body):
    """Which change is to be taken back: refused when it is no longer the newest."""

    change: Whole | None = None


def params_routes(deps: Deps) -> APIRouter:
    """Build the routes."""
    router = APIRouter(prefix="/api", default_response_class=Json, tags=["parameters"])

    async def order(command: str, body: Body | None, request: Request) -> dict[str, Any]:
        given = body.model_dump(exclude_none=True) if body else {}
        return await ask(deps, {"command": command, **given, "by": asked_by(request)})

    @router.get(
        "/params", summary="The form of the strategy's parameters", responses=answers(PARAMS)
    )
    async def params() -> dict[str, Any]:
        """Kind, range, unit, step, default, the value in force and the config file's of each, and
        what an undo would take back.
        """
        return await ask(deps, {"command": "params"})

    @router.post("/params/preview", summary="Try parameters out", responses=answers(PREVIEW))
    async def preview(values: Values, request: Request) -> dict[str, Any]:
        """Run the strategy over the records of the tape with the values in force and with these;
        nothing is changed. The lists of orders are cut, their counts are whole.
        """
        return await order("preview", values, request)

    @router.post("/params", summary="Change parameters", responses=answers(PARAMS_SET))
    async def set_params(values: Values, request: Request) -> dict[str, Any]:
        """All of them at once or none; in force with the next market event."""
        return await order("set_params", values, request)

    @router.post(
        "/params/undo",
        summary="Take the newest change of parameters back",
        responses=answers(PARAMS_UNDONE),
    )
    async def undo_params(request: Request, undo: Undo | None = None) -> dict[str, Any]:
        """With `change` only if that is still the newest one."""
        return await order("undo_params", undo, request)

    @router.get("/limits", summary="The form of the risk limits", responses=answers(LIMITS))
    async def limits() -> dict[str, Any]:
        """As the form of the parameters; 0 turns a limit off where 0 is allowed."""
        return await ask(deps, {"command": "limits"})

    @router.post("/limits", summary="Change limits", responses=answers(LIMITS_SET))
    async def set_limits(values: Values, request: Request) -> dict[str, Any]:
        """All of them at once or none; in force within milliseconds."""
        return await order("set_limits", values, request)

    @router.post(
        "/limits/undo",
        summary="Take the newest change of limits back",
        responses=answers(LIMITS_UNDONE),
    )
    async def undo_limits(request: Request, undo: Undo | None = None) -> dict[str, Any]:
        """With `change` only if that is still the newest one."""
        return await order("undo_limits", undo, request)

    @router.get("/changes", summary="Who changed what", responses=answers(CHANGES))
    async def changes(limit: Annotated[int, Query(ge=1, le=KEPT)] = 100) -> dict[str, Any]:
        """Values, config, strategy, START and STOP, newest first, of this run and earlier ones."""
        return {"changes": await _changes(deps, limit)}

    return router


async def _changes(deps: Deps, limit: int) -> list[dict[str, Any]]:
    """Changes, newest first: of this run from the supervisor, of earlier ones from the database.

    While the supervisor is silent the database tells of this run, too.
    """
    try:
        told = await ask(deps, {"command": "changes", "limit": limit})
    except Refusal:
        told = {"changes": [], "session": None}
    found: list[dict[str, Any]] = told["changes"]
    if len(found) < limit:
        kinds = [notice.name for notice in NOTICES]
        rows = await run_in_threadpool(deps.trades.events, kinds, _LOOKED_THROUGH * limit)
        for row in rows:
            change = change_of(row.ts_ms, row.text)
            if change is not None and row.session_epoch != told["session"]:
                found.append(msgspec.to_builtins(change))
    return found[:limit]
