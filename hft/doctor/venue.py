"""The venue: does it answer, what is its clock, do its filters and our limits fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hft.binance.filters import SymbolSpec, spec_of
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.config import Risk, Settings
from hft.doctor.report import Finding, failed, passed, warned
from hft.units import E8, NS_PER_MS, floor_steps, nearest_steps, parse_e8, trim_e8

OFFSET_WARN_MS = 1000
PREMIUM_INDEX = "/fapi/v1/premiumIndex"


def check_venue(rest: Rest, settings: Settings) -> Iterator[Finding]:
    """Reach it, measure its clock, and look at every symbol."""
    url = settings.network.rest_url
    try:
        offset = rest.sync_clock()
        listed = {each["symbol"]: each for each in rest.exchange_info()["symbols"]}
    except (VenueError, VenueUnknown) as problem:
        fix = "check [network], the internet connection, and that no firewall or proxy is between"
        yield failed("rest", f"{url} does not answer: {problem}", fix)
        return
    yield passed("rest", f"{url} answers, {len(listed)} symbols")
    yield _clock(offset.offset_ns, offset.error_ns, settings.risk.clock_error_max_ms)
    for symbol in settings.trading.symbols:
        yield from _symbol(rest, symbol, listed.get(symbol), settings.risk)


def _clock(offset_ns: int, error_ns: int, error_max_ms: int) -> Finding:
    offset_ms, error_ms = offset_ns / NS_PER_MS, error_ns / NS_PER_MS
    text = f"the venue's is {offset_ms:+.1f} ms from ours, give or take {error_ms:.1f} ms"
    if error_ms > error_max_ms:
        fix = "a nearer machine or a better line, or a larger [risk] clock_error_max_ms"
        return failed("clock", text, fix)
    if abs(offset_ms) > OFFSET_WARN_MS:
        return warned("clock", text, "let the system set its clock: timedatectl set-ntp true")
    return passed("clock", text)


def _symbol(rest: Rest, symbol: str, listing: Any, risk: Risk) -> Iterator[Finding]:
    if listing is None or listing.get("status") != "TRADING":
        status = "not listed" if listing is None else listing.get("status")
        yield failed("symbol", f"{symbol} is {status}", "take it out of [trading] symbols")
        return
    try:
        spec = spec_of(listing)
        mark_e8 = parse_e8(rest.get(PREMIUM_INDEX, {"symbol": symbol})["markPrice"])
    except (ValueError, KeyError, VenueError, VenueUnknown) as problem:
        yield failed("symbol", f"{symbol}: {problem}", "take it out of [trading] symbols")
        return
    wrong = list(limits_that_do_not_fit(symbol, spec, mark_e8, risk))
    yield from wrong
    if not wrong:
        least = trim_e8(spec.min_lots * spec.lot_e8)
        yield passed(
            "symbol",
            f"{symbol} trades: least {least}, tick {trim_e8(spec.tick_e8)}, "
            f"worth {trim_e8(spec.min_notional_e8)} or more",
        )


def limits_that_do_not_fit(
    symbol: str, spec: SymbolSpec, mark_e8: int, risk: Risk
) -> Iterator[Finding]:
    """Compare a symbol's filters with our limits on one order, the position and its worth."""
    least_worth = -(-spec.min_notional_e8 * E8 // (mark_e8 * spec.lot_e8)) if mark_e8 else 0
    least = max(spec.min_lots, least_worth)
    least_text = trim_e8(least * spec.lot_e8)
    for name in ("max_order_size", "max_position"):
        if floor_steps(getattr(risk, name), spec.lot_e8) < least:
            yield failed(
                "limits",
                f"{symbol}: {name} is {getattr(risk, name):g} and the venue's smallest order is "
                f"{least_text} now: none can pass",
                f"[risk] {name} = {least_text} or more",
            )
    if floor_steps(risk.max_order_size, spec.lot_e8) > spec.market_max_lots:
        most = trim_e8(spec.market_max_lots * spec.lot_e8)
        yield warned(
            "limits",
            f"{symbol}: the venue takes market orders up to {most} only",
            f"[risk] max_order_size = {most} or less",
        )
    worth_e8 = nearest_steps(risk.max_notional, 1)
    if 0 < worth_e8 < spec.min_notional_e8:
        yield failed(
            "limits",
            f"{symbol}: max_notional is below the venue's least, {trim_e8(spec.min_notional_e8)}",
            "a larger [risk] max_notional, or 0 for off",
        )
