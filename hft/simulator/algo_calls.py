"""Requests about conditional orders."""

from __future__ import annotations

import msgspec

from hft.simulator.algo import AlgoOrder
from hft.simulator.algo_entry import read_algo, spelled
from hft.simulator.algo_messages import algo_record, algo_reply, cancel_reply
from hft.simulator.calls import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    SIGNED,
    SPAN_MAX_MS,
    Call,
    Route,
    one_or_all,
)
from hft.simulator.order_calls import ALL_CANCELED
from hft.simulator.order_entry import optional_int
from hft.simulator.refusals import refusal


def place(call: Call) -> object:
    """Place a conditional order; it fires no earlier than the next price."""
    call = _spelled(call)
    hedge = call.desk.account.hedge
    request, tif = read_algo(call.params, call.listing().symbol, call.now_ms, hedge=hedge)
    return algo_reply(call.venue.exchange.algos.place(call.account_id, request, tif, call.now_ms))


def cancel(call: Call) -> object:
    """Cancel an untriggered order by either id."""
    algo = _find(call)
    if algo is None:
        raise refusal(-2011)
    return cancel_reply(call.venue.exchange.algos.cancel(call.account_id, algo, call.now_ms))


def query(call: Call) -> object:
    """Give any conditional order by either id."""
    algo = _find(call)
    if algo is None:
        raise refusal(-2013)
    return algo_record(algo)


def open_algos(call: Call) -> object:
    """List the untriggered orders of one symbol or all."""
    call = _spelled(call)
    symbol = call.listing().symbol if call.params.get("symbol") else None
    algo_id = optional_int(call.params, "algoId")
    return [
        algo_record(algo)
        for algo in call.desk.algos.waiting_of(symbol)
        if algo_id in (None, algo.algo_id)
    ]


def all_algos(call: Call) -> object:
    """List the orders of a symbol, oldest first: from an id, or of a week, page by page."""
    call = _spelled(call)
    params = call.params
    symbol = call.listing().symbol
    first = optional_int(params, "algoId")
    start_ms = optional_int(params, "startTime")
    end_ms = optional_int(params, "endTime")
    limit = optional_int(params, "limit") or LIMIT_DEFAULT
    page = optional_int(params, "page") or 1
    if not 0 < limit <= LIMIT_MAX or page < 1:
        raise refusal(-1130, "limit" if page >= 1 else "page")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > SPAN_MAX_MS:
        raise refusal(-1127, SPAN_MAX_MS // 3_600_000)
    rows = [
        algo
        for algo in call.desk.algos.orders.values()
        if algo.symbol is symbol
        and (first is None or algo.algo_id >= first)
        and (start_ms is None or algo.create_ms >= start_ms)
        and (end_ms is None or algo.create_ms <= end_ms)
    ]
    if first is None and start_ms is None and "page" not in params:
        return [algo_record(algo) for algo in rows[-limit:]]
    return [algo_record(algo) for algo in rows[(page - 1) * limit : page * limit]]


def cancel_all(call: Call) -> object:
    """Cancel every untriggered order of a symbol."""
    symbol = call.listing().symbol
    call.venue.exchange.algos.cancel_algos(call.account_id, symbol, call.now_ms)
    return ALL_CANCELED


def _spelled(call: Call) -> Call:
    return msgspec.structs.replace(call, params=spelled(call.params))


def _find(call: Call) -> AlgoOrder | None:
    """Give the order a request names by either id, None if there is none.

    Raises:
        Refusal: -1102, it names none.
    """
    params = spelled(call.params)
    algo_id = optional_int(params, "algoId")
    if algo_id is not None:
        return call.desk.algos.orders.get(algo_id)
    client_id = params.get("clientAlgoId")
    if not client_id:
        raise refusal(
            -1102,
            text="Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!",
        )
    return call.desk.algos.by_client.get(client_id)


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/fapi/v1/algoOrder"): Route(place, SIGNED, 0, 1),
    ("GET", "/fapi/v1/algoOrder"): Route(query, SIGNED),
    ("DELETE", "/fapi/v1/algoOrder"): Route(cancel, SIGNED),
    ("GET", "/fapi/v1/openAlgoOrders"): Route(open_algos, SIGNED, one_or_all(1, 40)),
    ("GET", "/fapi/v1/allAlgoOrders"): Route(all_algos, SIGNED, 5),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Route(cancel_all, SIGNED),
}

METHODS: dict[str, Route] = {
    "algoOrder.place": Route(place, SIGNED, 0, 1),
    "algoOrder.cancel": Route(cancel, SIGNED),
}
