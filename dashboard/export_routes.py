"""Downloads: any table of the ledger, in a range, as CSV or Parquet.

Whatever its size it is read page by page in worker threads and handed on as it comes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from dashboard.deps import Deps
from dashboard.describe import answers, refuses
from dashboard.examples_trades import EXPORT
from dashboard.export_csv import csv_parts
from dashboard.export_parquet import file_parts, write_parquet
from dashboard.refusal import Refusal
from dashboard.trade_routes import Ms
from dashboard.trades import TradeBook
from hft.ledger.export_queries import EXPORTS, Wanted, fields_of, read_pages

EXPORTS_MAX = 4
"""Downloads at one time; each keeps a worker thread busy or a file open."""

_NO_ROOM = refuses(507, "There is no room for a Parquet file (`EXPORT_FAILED`).")
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
MS_PER_S = 1000


def export_routes(deps: Deps) -> APIRouter:
    """Build the route."""
    router = APIRouter(prefix="/api", tags=["trades"])
    room = threading.BoundedSemaphore(EXPORTS_MAX)

    @router.get(
        "/export",
        summary="Download a table",
        response_class=StreamingResponse,
        responses=answers(EXPORT, "text/csv") | _NO_ROOM,
    )
    async def export(
        what: Annotated[str, Query(max_length=16)],
        file_format: Annotated[Literal["csv", "parquet"], Query(alias="format")] = "csv",
        from_ms: Ms = None,
        to_ms: Ms = None,
        hidden: bool = False,
    ) -> Response:
        """`trades`, `orders`, `funding`, `equity`, `events`, `candles` or `markouts`, exact, as CSV
        or Parquet; `hidden`: with what a clearing hid.
        """
        if what not in EXPORTS:
            raise Refusal(422, "BAD_REQUEST", f"what: one of {', '.join(EXPORTS)}.")
        if not room.acquire(blocking=False):
            raise Refusal(503, "TOO_MANY_EXPORTS", f"{EXPORTS_MAX} downloads are running already.")
        wanted = Wanted(what, from_ms, to_ms, hidden)
        begun = False
        try:
            parts = await run_in_threadpool(_begin, deps.trades, wanted, file_format)
            begun = True
        finally:
            if not begun:
                room.release()
        headers = {"Content-Disposition": f'attachment; filename="{_name(wanted, file_format)}"'}
        return StreamingResponse(
            _Parts(parts, room), media_type=MEDIA_TYPES[file_format], headers=headers
        )

    return router


class _Parts:
    """The parts of a download; gives its room back at the end, or when nobody wants the rest."""

    def __init__(self, parts: Iterator[bytes], room: threading.BoundedSemaphore) -> None:
        self._parts, self._room = parts, room
        self._ended = False

    def __iter__(self) -> _Parts:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except BaseException:
            self._end()
            raise

    def __del__(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._room.release()


def _begin(trades: TradeBook, wanted: Wanted, file_format: str) -> Iterator[bytes]:
    """Read as much as shows that the database answers; a Parquet file is written whole."""
    fields = fields_of(wanted.what)
    with trades.reading() as engine:
        if file_format == "csv":
            parts = csv_parts(fields, _pages(engine, wanted))
            head = [part for _, part in zip(range(2), parts, strict=False)]
            return _chained(head, parts)
        try:
            return file_parts(write_parquet(fields, _pages(engine, wanted)))
        except OSError as problem:
            sentence = f"The file cannot be written: {problem.strerror or 'no room'}."
            raise Refusal(507, "EXPORT_FAILED", sentence) from problem


def _chained(head: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from head
    yield from rest


def _pages(engine: Engine | None, wanted: Wanted) -> Iterator[Any]:
    return iter(()) if engine is None else read_pages(engine, wanted)


def _name(wanted: Wanted, file_format: str) -> str:
    times = (("from", wanted.from_ms), ("to", wanted.to_ms))
    told = [f"-{word}-{_stamp(ms)}" for word, ms in times if ms is not None]
    return f"hft-{wanted.what}{''.join(told) or '-all'}.{file_format}"


def _stamp(ms: int) -> str:
    return datetime.fromtimestamp(ms // MS_PER_S, UTC).strftime("%Y%m%dT%H%M%SZ")
