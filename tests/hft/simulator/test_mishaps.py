from __future__ import annotations

import json

import pytest

from hft.simulator.calls import PUBLIC, Call, Route
from hft.simulator.rest import ROUTES
from hft.simulator.ws_api import METHODS

from .clocked import clocked
from .wire import receive


def broken(_: Call) -> object:
    raise ZeroDivisionError("a bug")


def unwritable(_: Call) -> object:
    return {"number": 1 << 70}


@pytest.mark.parametrize("handler", [broken, unwritable])
def test_a_bug_is_the_venues_unknown_error_and_one_traceback_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], handler: object
) -> None:
    assert callable(handler)
    monkeypatch.setitem(ROUTES, ("GET", "/fapi/v1/broken"), Route(handler, PUBLIC))
    monkeypatch.setitem(METHODS, "broken", Route(handler, PUBLIC))
    unknown = "An unknown error occurred while processing the request."
    with clocked() as venue:
        failed = venue.raw("GET", "/fapi/v1/broken")
        assert (failed.status_code, failed.json()) == (500, {"code": -1000, "msg": unknown})
        assert capfd.readouterr().err.count("Traceback (most recent call last)") == 1
        with venue.socket("/ws-fapi/v1") as link:
            link.send(json.dumps({"id": 1, "method": "broken"}))
            reply = receive(link)
            assert (reply["status"], reply["error"]) == (500, {"code": -1000, "msg": unknown})
            assert capfd.readouterr().err.count("Traceback (most recent call last)") == 1
            link.send(json.dumps({"id": 2, "method": "ping"}))
            assert receive(link)["result"] == {}
        assert venue.raw("GET", "/fapi/v1/ping").json() == {}
        assert venue.venue.counts.mishaps == 2
