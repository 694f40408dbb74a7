"""The routes that change something: each asks the supervisor and passes its answer on.

The dashboard decides nothing.  A refusal comes back with the supervisor's own sentence, and when
nobody answers at its socket the page says that, too.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples import DONE, FLATTEN, STRATEGIES
from dashboard.refusal import Refusal
from dashboard.supervisor import ask, asked_by
from dashboard.urgent import Urgent

LIMIT_MAX = 1e9


class Body(BaseModel):
    """A request body: unknown fields and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class Control(Body):
    """START lifts the halt, STOP halts, FLATTEN halts, cancels every order and closes positions."""

    command: Literal["START", "STOP", "FLATTEN"]
    confirm: bool = False


class Limits(Body):
    """Session P&L in the quote asset at which trading stops by itself; 0 turns a limit off."""

    max_loss: float | None = Field(default=None, ge=0, le=LIMIT_MAX)
    target_profit: float | None = Field(default=None, ge=0, le=LIMIT_MAX)


class Choice(Body):
    """The strategy to run from now on."""

    strategy: str = Field(min_length=1, max_length=32)


def control_routes(deps: Deps) -> APIRouter:
    """Build the routes that give orders."""
    router = APIRouter(prefix="/api", tags=["control"])
    urgent = {command: Urgent(deps.ask, f"dashboard-{command}") for command in ("stop", "flatten")}

    @router.post("/control", summary="START, STOP or FLATTEN", responses=answers(DONE))
    async def control(order: Control, request: Request) -> dict[str, Any]:
        """STOP and FLATTEN are never refused for their number and wait for nothing else."""
        if order.command == "FLATTEN" and not order.confirm:
            raise Refusal(400, "CONFIRM_NEEDED", "FLATTEN closes positions: send confirm = true.")
        command = order.command.lower()
        asked = {"command": command, "by": asked_by(request)}
        answer = await ask(deps, asked, urgent.get(command))
        return {"ok": True, "message": answer.get("message", f"{order.command} accepted.")}

    @router.get("/flatten", summary="How far a flatten has come", responses=answers(FLATTEN))
    async def flatten_progress() -> dict[str, Any]:
        """`state` is idle, running, done or failed."""
        return await ask(deps, {"command": "flatten_status"})

    @router.post("/config", summary="Set the limits of the session", responses=answers(DONE))
    async def config(limits: Limits, request: Request) -> dict[str, Any]:
        """Loss and profit at which trading stops by itself; 0 turns one off."""
        given = limits.model_dump(exclude_none=True)
        if not given:
            raise Refusal(422, "BAD_REQUEST", "Send max_loss, target_profit, or both.")
        answer = await ask(deps, {"command": "set_limits", **given, "by": asked_by(request)})
        return {"ok": True, "message": answer.get("message", "The limits are in force."), **given}

    @router.post("/strategy", summary="Switch the strategy", responses=answers(DONE))
    async def strategy(choice: Choice, request: Request) -> dict[str, Any]:
        """Only while flat (409); 404 for one that does not exist."""
        order = {"command": "set_strategy", "strategy": choice.strategy}
        answer = await ask(deps, {**order, "by": asked_by(request)})
        sentence = answer.get("message", f"{choice.strategy} trades from now on.")
        return {"ok": True, "message": sentence, "strategy": choice.strategy}

    @router.get("/strategies", summary="What can run, and what does", responses=answers(STRATEGIES))
    async def strategies() -> dict[str, Any]:
        """The names of every strategy that was found."""
        try:
            answer = await ask(deps, {"command": "strategies"})
        except Refusal:
            # The list of the start is still true to look at; choosing will say what is wrong.
            return {"strategies": deps.view.strategies, "active": deps.view.active_strategy()}
        return {"strategies": answer["strategies"], "active": answer["active"]}

    @router.delete("/history", summary="Start the history anew", responses=answers(DONE))
    async def clear_history() -> dict[str, Any]:
        """The page and the totals count from now on; no trade is deleted."""
        await run_in_threadpool(deps.trades.clear)
        deps.pulse.history.clear()
        return {"ok": True, "message": "The history starts anew; no trade was deleted."}

    return router
