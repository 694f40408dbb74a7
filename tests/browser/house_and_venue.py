"""What the engine and the venue of a demo say, asked without the page."""

from __future__ import annotations

import csv
import io
from typing import Any

from tests.flow.engine import ASK_VENUE_S, Engine, eventually, signed


def verdict(demo: Engine) -> str:
    return str(demo.get("/api/status")["verdict"]["name"])


def denied(demo: Engine) -> int:
    return int(demo.get("/api/status")["denied"].get("ORDER_SIZE_ABOVE_LIMIT", 0))


def fills(demo: Engine) -> list[dict[str, Any]]:
    return at_venue(demo, "/fapi/v1/userTrades")


def traded(demo: Engine, more: int) -> None:
    """Wait until the venue has filled so many times more."""
    before = len(fills(demo))
    wanted = f"{more} more fills at the venue"
    eventually(lambda: len(fills(demo)) >= before + more, 20, wanted, pause_s=ASK_VENUE_S)


def ids_at_rest(demo: Engine) -> set[int]:
    """The venue's numbers of all fills, once no order is under way and the ledger has them."""

    def still() -> set[int] | None:
        status, found = demo.get("/api/status"), fills(demo)
        is_still = not status["open_orders"] and status["ledger"]["trades"] == len(found)
        return {trade["id"] for trade in found} if is_still else None

    return eventually(still, 20, "every fill in the ledger", pause_s=ASK_VENUE_S)


def ids_in(exported: str) -> set[int]:
    """The venue's numbers of the fills in an exported file."""
    return {int(row["trade_id"]) for row in csv.DictReader(io.StringIO(exported))}


def position(demo: Engine) -> str:
    return str(at_venue(demo, "/fapi/v2/positionRisk")[0]["positionAmt"])


def at_venue(demo: Engine, path: str) -> list[dict[str, Any]]:
    run = demo.run
    return list(signed(run["rest_url"], run["api_key"], run["api_secret"], path, symbol="BTCUSDT"))
