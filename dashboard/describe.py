"""What `/docs` says of every route alike: how refusals look, and what an answer looks like."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from dashboard.auth import OPEN_PATHS
from dashboard.refusal import MEANINGS, MEANINGS_OF_CHANGES

Responses = dict[int | str, dict[str, Any]]


class Refused(BaseModel):
    """Why a request was not done: a code for programs, a sentence for people."""

    ok: bool = Field(examples=[False])
    code: str = Field(examples=["TOKEN_NEEDED"])
    message: str = Field(examples=["Log in with the token that stands in dashboard.token."])


ERRORS: Responses = {
    status: {"model": Refused, "description": meaning} for status, meaning in MEANINGS.items()
}

_REFUSED_CHANGES = {
    str(status): {
        "description": meaning,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{Refused.__name__}"}}
        },
    }
    for status, meaning in MEANINGS_OF_CHANGES.items()
}
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "The text of `dashboard.token`, where the door asks for it; a browser that has "
    "logged in needs nothing here.",
}

TAGS = [
    {"name": "live", "description": "The state of the house now, read from its memory."},
    {"name": "trades", "description": "What the ledger wrote into the database."},
    {"name": "control", "description": "Orders to the supervisor; each answers with its sentence."},
    {"name": "parameters", "description": "Parameters and limits: tried out, changed, taken back."},
    {"name": "session", "description": "The lock on the door."},
    {"name": "health", "description": "For whoever watches over the process, and Prometheus."},
]

ABOUT = """Times ending in `_ms` are milliseconds UTC, in `_ns` nanoseconds; money is in the quote
asset. Whoever can reach this page from another machine needs the token for everything: `POST
/api/login` gives a browser a session, scripts send `Authorization: Bearer` with the text of
`dashboard.token`."""


class Described(FastAPI):
    """An application whose description also has what the guard does in front of every route."""

    def openapi(self) -> dict[str, Any]:
        """Describe every route, once."""
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["components"]["securitySchemes"] = {"token": _TOKEN}
            for path, of in schema["paths"].items():
                for method, route in of.items():
                    if path not in OPEN_PATHS:
                        route["security"] = [{}, {"token": []}]
                    if method != "get":
                        route["responses"].update(_REFUSED_CHANGES)
        return super().openapi()


def answers(example: object, media_type: str = "application/json") -> Responses:
    """Show what a route answers with."""
    return {200: {"content": {media_type: {"example": example}}}}


def refuses(status: int, meaning: str) -> Responses:
    """Say for what else a route may refuse."""
    return {status: {"model": Refused, "description": meaning}}
