"""An exchange that can no longer write its state down ends before anybody is told."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from .mortal import mortal
from .wire import WAIT_S

SYMBOL = {"symbol": "BTCUSDT"}


@pytest.mark.skipif(sys.platform != "linux", reason="a file limit is put on another process")
def test_a_full_disk_ends_the_exchange_before_anybody_is_told(tmp_path: Path) -> None:
    # What it says at its end goes through a pipe: a file could not be written either.
    with mortal(tmp_path, stderr=subprocess.PIPE) as simulator:
        resource.prlimit(simulator.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        wish = {"side": "BUY", "type": "MARKET", "quantity": "0.001"}
        with contextlib.suppress(requests.RequestException):
            reply = simulator.signed("POST", "/fapi/v1/order", **SYMBOL, **wish)
            raise AssertionError(f"told: {reply.status_code} {reply.text}")
        assert simulator.process.wait(WAIT_S) == 5
        assert simulator.process.stderr is not None
        said = simulator.process.stderr.read()
        simulator.process.stderr.close()
        assert f"the state in {tmp_path} cannot be written" in said
    with mortal(tmp_path) as simulator:
        assert simulator.ok("GET", "/fapi/v1/allOrders", **SYMBOL) == []
