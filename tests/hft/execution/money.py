"""The money of a session against the venue's income ledger, figure by figure."""

from __future__ import annotations

from collections import defaultdict

from hft.units import NS_PER_MS, parse_e8, priced_e8

from .rig import Rig

SPAN_MS = 3_600_000


def incomes(rig: Rig) -> dict[tuple[str, str], int]:
    """What the venue lists since this house began, by kind and asset."""
    since_ms = int(rig.house.run[0]["started_wall_ns"]) // NS_PER_MS
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in rig.venue.rest.income(since_ms, since_ms + SPAN_MS):
        sums[row["incomeType"], row["asset"]] += parse_e8(row["income"])
    return sums


def money_is_the_venues(rig: Rig) -> None:
    """Compare every figure of the session with the venue's income, to the last unit."""
    listed = incomes(rig)
    rig.until(
        lambda: int(rig.account()["funding_e8"]) == listed["FUNDING_FEE", "USDT"],
        "funding as the venue lists it",
    )
    rig.agrees_with_venue()
    account, fills = rig.account(), rig.fills_told()
    assert int(account["realised_e8"]) == listed["REALIZED_PNL", "USDT"]
    for asset in ("BNB", "USDT"):
        paid_e8 = sum(int(f["fee_e8"]) for f in fills if bytes(f["fee_asset"]) == asset.encode())
        assert -paid_e8 == listed["COMMISSION", asset]
    for fill in fills:
        worth_e8 = priced_e8(int(fill["fee_e8"]), int(fill["fee_price_e8"]))
        assert int(fill["fee_value_e8"]) == worth_e8
        assert worth_e8 > 0 or not int(fill["fee_e8"]), "a fee that is paid has a value"
    cleared_e8 = listed["INSURANCE_CLEAR", "USDT"]
    fees_e8 = sum(int(f["fee_value_e8"]) for f in fills) - cleared_e8
    rig.until(lambda: int(rig.account()["fees_e8"]) == fees_e8, "what a liquidation cost")
    account = rig.account()
    pnl_e8 = int(account["realised_e8"]) - int(account["fees_e8"]) + int(account["funding_e8"])
    assert int(account["pnl_e8"]) == pnl_e8
    in_wallet_e8 = int(account["wallet_e8"]) - int(account["initial_wallet_e8"])
    assert in_wallet_e8 == sum(e8 for (_, asset), e8 in listed.items() if asset == "USDT")
