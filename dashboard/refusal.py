"""How the dashboard says no."""

from __future__ import annotations

from starlette.responses import JSONResponse


class Refusal(Exception):
    """A request that is answered with `status` and one sentence instead of being handled."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> JSONResponse:
        """Build the answer: a code for programs and a sentence for people."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else None
        body = {"ok": False, "code": self.code, "message": self.message}
        return JSONResponse(body, self.status, headers)
