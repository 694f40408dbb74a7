"""The start, over REST: reach the venue, read its clock and filters, know the account, clean up.

What cannot be done ends the start with one sentence (`BootError`), a refused key with AUTH_ERROR.
"""

from __future__ import annotations

from hft.agent.log import Log
from hft.binance import endpoints
from hft.binance.filters import SymbolSpec, spec_of
from hft.binance.identity import account_epoch_of
from hft.binance.order_frames import parse_client_order_id
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.clock import Deadline, sleep_s
from hft.config import Keys, KeySource, Network
from hft.errors import AuthError, BootError
from hft.events import Side
from hft.execution.asset_prices import read_prices
from hft.execution.assets import Assets
from hft.execution.picture import fetch_money
from hft.state.blocks import ACCOUNT_EPOCH_MAX
from hft.topology import House
from hft.units import parse_e8

LEDGER_WAIT_S = 3.0
PATIENCE_S = 5.0
"""How long the start waits where the venue says so."""


def read_keys(source: KeySource) -> Keys:
    """Read the API key.

    Raises:
        AuthError: there is none.
    """
    keys = source.read()
    if not keys.present():
        raise AuthError("AUTH_ERROR: no API key is configured, so no order can be sent")
    return keys


def reach(network: Network, keys: Keys, house: House) -> Rest:
    """Connect and measure the venue's clock; what an earlier life was told of limits holds.

    Raises:
        BootError: the venue does not answer, or lets nobody in for too long.
    """
    rest = Rest(network.rest_url, keys, ca_file=network.ca_file)
    rest.patience_s = PATIENCE_S
    before = house.account.read()
    if before is not None:
        row = before[0]
        rest.meter.heed(int(row["limited_until_ns"]), int(row["banned_until_ns"]))
    try:
        rest.sync_clock()
    except (VenueError, VenueUnknown) as problem:
        rest.close()
        raise BootError(f"the venue at {network.rest_url} cannot be reached: {problem}") from None
    return rest


def read_specs(rest: Rest, symbols: list[str], house: House) -> tuple[list[SymbolSpec], str]:
    """Read every symbol's filters into the SPEC block; returns them and the margin asset.

    Raises:
        BootError: a symbol is not traded there, or the symbols have no margin asset in common.
    """
    listed = {each["symbol"]: each for each in rest.exchange_info()["symbols"]}
    for name in symbols:
        if listed.get(name, {}).get("status") != "TRADING":
            raise BootError(f"{name} is not traded at this venue")
    assets = {listed[name]["marginAsset"] for name in symbols}
    if len(assets) != 1:
        raise BootError(f"the symbols must share one margin asset, not {', '.join(sorted(assets))}")
    try:
        specs = [spec_of(listed[name]) for name in symbols]
    except ValueError as problem:
        raise BootError(f"the venue's filters cannot be used: {problem}") from None
    for index, spec in enumerate(specs):
        row = house.spec[index]
        for field in spec.__struct_fields__:
            row[field] = getattr(spec, field)
    return specs, assets.pop()


def read_assets(rest: Rest, margin_asset: str, assets: Assets) -> None:
    """Read what there is beside the margin asset, and what it is worth."""
    assets.margin_asset = margin_asset.encode()
    assets.told_all(fetch_money(rest, margin_asset).others)
    assets.learn(read_prices(rest, list(assets.to_price()), margin_asset))


def read_leverages(rest: Rest, symbols: list[str]) -> list[int]:
    """Read the leverage of every symbol; 0 where the venue does not tell it."""
    told = {row["symbol"]: int(row.get("leverage", 0)) for row in rest.position_risk()}
    return [told.get(name, 0) for name in symbols]


def identify(rest: Rest, keys: Keys, network: Network, house: House) -> bool:
    """Write which account this is: as the venue names it, else by a digest of host and key.

    False when the house knew another account until now: a simulator that was started anew.

    Raises:
        BootError: the account holds hedge-mode positions, which one net position cannot express.
    """
    account = rest.account()
    for row in account.get("positions", []):
        if row.get("positionSide", "BOTH") != "BOTH" and float(row["positionAmt"]):
            raise BootError(
                f"the account is in hedge mode and holds {row['symbol']} {row['positionSide']}: "
                "switch it to one-way mode"
            )
    epoch = account_epoch_of(account, network.rest_url, keys.api_key)
    known, now = house.identity[0]["account_epoch"], epoch.encode()[:ACCOUNT_EPOCH_MAX]
    same = known in (b"", now)
    # The ledger books what waits in its ring to the account that is written here.
    patience = Deadline(0.0 if same else LEDGER_WAIT_S)
    while house.reports_ledger.depth() and not patience.passed():
        sleep_s(0.005)
    house.identity[0]["account_epoch"] = now
    return bool(same)


def cancel_leftovers(rest: Rest, symbols: list[str], session_epoch: int, log: Log) -> None:
    """Cancel what sessions before this one left open; orders of others are left alone.

    So is a stop or take-profit that can only make a position smaller, while there is one.
    """
    foreign = 0
    for symbol in symbols:
        _cancel_waiting_leftovers(rest, symbol, session_epoch, log)
        for row in rest.open_orders(symbol):
            client_id = row["clientOrderId"]
            ours = parse_client_order_id(client_id)
            if ours is None:
                foreign += 1
            elif ours[0] != session_epoch:
                _cancel_leftover(rest, symbol, client_id, log)
    if foreign:
        log.warning(f"{foreign} open orders are not ours: they are left alone")


def _cancel_waiting_leftovers(rest: Rest, symbol: str, session_epoch: int, log: Log) -> None:
    """Cancel what waits for a trigger, unless it protects a position."""
    left = [
        row
        for row in rest.open_algo_orders(symbol)
        if (ours := parse_client_order_id(row["clientAlgoId"])) and ours[0] != session_epoch
    ]
    held_e8 = sum(parse_e8(row["positionAmt"]) for row in rest.position_risk(symbol)) if left else 0
    for row in left:
        client_id, side = row["clientAlgoId"], Side[row["side"]]
        if (row["reduceOnly"] or row["closePosition"]) and held_e8 * side < 0:
            log.warning(f"{symbol}: {client_id} of a dead session stays: it protects the position")
            continue
        try:
            rest.cancel_algo(client_id)
        except VenueError as refusal:
            if refusal.code != endpoints.UNKNOWN_ORDER_SENT:
                raise
        log.warning(f"{symbol}: order {client_id} of a dead session is cancelled")


def _cancel_leftover(rest: Rest, symbol: str, client_id: str, log: Log) -> None:
    try:
        rest.cancel(symbol, client_id)
    except VenueError as refusal:
        if refusal.code != endpoints.UNKNOWN_ORDER_SENT:
            raise
    log.warning(f"{symbol}: order {client_id} of a dead session is cancelled")
