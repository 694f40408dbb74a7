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


MEANINGS = {
    401: "The token or a session is needed (`TOKEN_NEEDED`), or the token is wrong.",
    403: "The Host is not ours (`WRONG_HOST`), or another site asks (`WRONG_ORIGIN`).",
    422: "A value is missing or makes no sense (`BAD_REQUEST`); the sentence says which.",
    429: "Too many wrong tokens (`TOO_MANY_TRIES`) or changes (`TOO_FAST`) for now.",
    503: "The supervisor, the database or a free place does not answer.",
}
"""What each refused status means, wherever it comes from."""
MEANINGS_OF_CHANGES = {
    400: "FLATTEN was not confirmed (`CONFIRM_NEEDED`), or the body cannot be read at all.",
    404: "There is no such strategy (`UNKNOWN_STRATEGY`).",
    408: "The body did not come in time (`TOO_SLOW`).",
    409: "The house refuses as things are now; its code and its sentence say why.",
    413: "The body is too large (`TOO_LARGE`).",
    415: "The body is not sent as application/json (`NOT_JSON`).",
}
"""What else a request that changes something may be refused for."""
