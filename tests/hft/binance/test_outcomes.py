import pytest

from hft.binance.outcomes import Outcome, outcome_of

UNKNOWN_503 = "Unknown error, please check your request or try again later."


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (200, 0, "", Outcome.ACCEPTED),
        (200, 200, "success", Outcome.ACCEPTED),
        (400, -2019, "Margin is insufficient.", Outcome.REJECTED),
        (400, -5022, "Post Only", Outcome.REJECTED),
        (401, -2015, "Invalid API-key", Outcome.REJECTED),
        (403, 0, "<html>", Outcome.REJECTED),
        (418, -1003, "banned", Outcome.REJECTED),
        (429, -1015, "Too many new orders", Outcome.REJECTED),
        (503, -1001, "Internal error", Outcome.REJECTED),
        (503, -1008, "throttled", Outcome.REJECTED),
        (503, 0, "Service Unavailable.", Outcome.REJECTED),
        (408, -1007, "Timeout waiting", Outcome.UNKNOWN),
        (500, -1006, "unexpected response", Outcome.UNKNOWN),
        (400, -1000, "unknown error occurred", Outcome.UNKNOWN),
        (503, 0, UNKNOWN_503, Outcome.UNKNOWN),
        (503, -1000, UNKNOWN_503, Outcome.UNKNOWN),
        (502, 0, "Bad Gateway", Outcome.UNKNOWN),
        (504, 0, "", Outcome.UNKNOWN),
        (400, -4116, "clientOrderId is duplicated", Outcome.UNKNOWN),
    ],
)
def test_a_reply_has_one_of_three_meanings(status, code, message, expected):
    assert outcome_of(status, code, message) is expected
