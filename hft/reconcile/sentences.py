"""What the comparison found, as lines for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from hft.binance.income import COMMISSION, OF_FILLS, REALISED, Income
from hft.reconcile.comparing import Books, Difference, Span, Why
from hft.reconcile.wallet import WalletCheck
from hft.units import MS_PER_S, format_e8

DIFFERENCES_MAX = 1_000
_TABLES = {"trades": "fill", "funding": "entry of the income ledger"}


def moment(ts_ms: int) -> str:
    """Write a time of the venue."""
    at = datetime.fromtimestamp(ts_ms / MS_PER_S, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{ts_ms % MS_PER_S:03d}"


def totals(venue: Iterable[Income], books: Books, span: Span) -> Iterator[str]:
    """Tell what each asset's kinds of income come to on both sides."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for entry in venue:
        if span.holds(entry.ts_ms):
            sums[entry.asset, entry.kind][0] += entry.amount_e8
    assets = {asset for asset, _ in sums}
    for fill in books.fills:
        if span.holds(fill.ts_ms):
            money = next((each for each in assets if fill.symbol.endswith(each)), "")
            if fill.fee_e8:
                sums[fill.fee_asset, COMMISSION][1] -= fill.fee_e8
            if fill.pnl_e8:
                sums[money, REALISED][1] += fill.pnl_e8
    for entry in books.incomes:
        if entry.kind not in OF_FILLS and span.holds(entry.ts_ms):
            sums[entry.asset, entry.kind][1] += entry.amount_e8
    yield f"  {'asset':<6} {'kind':<22} {'venue':>22} {'ours':>22} {'difference':>20}"
    for (asset, kind), (there, here) in sorted(sums.items()):
        off = format_e8(there - here) if there != here else "0"
        yield f"  {asset:<6} {kind:<22} {format_e8(there):>22} {format_e8(here):>22} {off:>20}"


def differences(found: Sequence[Difference]) -> Iterator[str]:
    """Tell every difference; what came before our time, and does not count, in one line."""
    counting = [each for each in found if each.why is not Why.BEFORE]
    before = [each for each in found if each.why is Why.BEFORE]
    for each in counting[:DIFFERENCES_MAX]:
        yield f"DIFFERS  {_tell(each)}"
    if len(counting) > DIFFERENCES_MAX:
        yield f"DIFFERS  and {len(counting) - DIFFERENCES_MAX} more"
    if before:
        off = ", ".join(f"{_signed(e8)} {asset}" for asset, e8 in sorted(_by_asset(before).items()))
        yield f"before our time: {len(before)} entries, {off}"


def wallet_line(check: WalletCheck) -> str:
    """Tell whether the balance is explained."""
    sum_e8 = check.then.wallet_e8 + check.income_e8
    told = (
        f"wallet: {format_e8(check.then.wallet_e8)} {check.asset} at {moment(check.then.ts_ms)} "
        f"{_signed(check.income_e8)} of income since is {format_e8(sum_e8)}; "
        f"the venue has {format_e8(check.now_e8)}"
    )
    return f"DIFFERS  {told}: {_signed(check.off_e8)} unexplained" if check.off_e8 else told


def _tell(each: Difference) -> str:
    sides = {
        Why.MISSING_HERE: f"the venue lists it and the table {each.table} has no such "
        f"{_TABLES[each.table]}",
        Why.MISSING_THERE: f"the table {each.table} has it and the venue lists no such entry",
        Why.AMOUNT: f"{format_e8(each.venue_e8 or 0)} at the venue, "
        f"{format_e8(each.ours_e8 or 0)} in the table {each.table}",
        Why.NOT_OURS: "a fill of a contract that we do not trade",
        Why.SETTLING: f"not on both sides yet (table {each.table}), ask again in some minutes",
        Why.BEFORE: "older than our books",
    }
    symbol = f"{each.symbol} " if each.symbol else ""
    return (
        f"{moment(each.ts_ms)} {symbol}{each.kind} {each.number}: {_signed(each.off_e8)} "
        f"{each.asset}, {each.why.value}: {sides[each.why]}"
    )


def _by_asset(found: Iterable[Difference]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for each in found:
        sums[each.asset] += each.off_e8
    return sums


def _signed(value_e8: int) -> str:
    return format_e8(value_e8) if value_e8 < 0 else f"+{format_e8(value_e8)}"
