"""The venue of a dry run: an exchange of our own on this machine that follows the live market.

The feed listens to the live venue; execution, ledger and flatten speak to this exchange as they
would to the live one.  It keeps its account in the data folder, so a dry run goes on where the last
one ended; contracts, fees and latency are written anew at every start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson

from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.boot import Plan, write_private
from hft.config import Keys, Network, Trading
from hft.demo import Simulator, demo_keys
from hft.errors import BootError
from hft.units import nearest_steps, trim_e8

ACCOUNT = "dry-run"
ORDER_REQUESTS = (
    "POST /fapi/v1/order", "PUT /fapi/v1/order", "DELETE /fapi/v1/order", "POST /fapi/v1/algoOrder",
    "DELETE /fapi/v1/algoOrder", "DELETE /fapi/v1/allOpenOrders", "order.place", "order.modify",
    "order.cancel", "algoOrder.*",
)  # fmt: skip
"""What takes `dry_run_latency_ms` to arrive."""


def paper_exchange(plan: Plan) -> tuple[Keys, Simulator]:
    """Prepare the exchange of a dry run in its folder; it is not started yet.

    Raises:
        BootError: the live venue does not tell its contracts, or the folder cannot be written.
    """
    network, trading = plan.settings.network, plan.settings.trading
    listed = _contracts_of(network)
    folder = plan.data_dir / "exchange"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        keys = _kept_keys(folder / "keys.json")
        write_private(folder / "contracts.json", orjson.dumps(listed))
        write_private(folder / "accounts.json", _accounts(keys, trading, listed))
        write_private(folder / "latency.json", _latency(trading.dry_run_latency_ms))
        symbols = _all_symbols(folder / "symbols.json", trading.symbols)
    except (OSError, ValueError, KeyError) as problem:
        raise BootError(
            f"the dry run's exchange cannot be prepared in {folder}: {problem}; "
            "without that folder it begins anew"
        ) from problem
    arguments = ["--follow", network.ws_url, "--exchange-info", str(folder / "contracts.json")]
    arguments += ["--symbols", ",".join(symbols), "--accounts", str(folder / "accounts.json")]
    arguments += ["--state-dir", str(folder / "state"), "--faults", str(folder / "latency.json")]
    if network.ca_file:
        arguments += ["--follow-ca-file", network.ca_file]
    log = plan.data_dir / "logs" / "exchange.log"
    return keys, Simulator(keys, arguments, log, keeps=True)


def paper_network(network: Network, simulator: Simulator) -> Network:
    """Give the addresses of the started exchange; only the name stays that of the live venue."""
    here = f"127.0.0.1:{simulator.port}"
    return Network(network.name, f"http://{here}", f"ws://{here}", f"ws://{here}/ws-fapi/v1")


def _contracts_of(network: Network) -> Any:
    rest = Rest(network.rest_url, None, ca_file=network.ca_file)
    try:
        return rest.exchange_info()
    except (VenueError, VenueUnknown) as problem:
        raise BootError(
            f"the venue at {network.rest_url} does not tell its contracts: {problem}"
        ) from None
    finally:
        rest.close()


def _kept_keys(path: Path) -> Keys:
    """Read the keys of the exchange's one account, made at the first start; they open only it."""
    if not path.exists():
        write_private(path, msgspec.json.encode(demo_keys()))
    return msgspec.json.decode(path.read_bytes(), type=Keys)


def _accounts(keys: Keys, trading: Trading, listed: Any) -> bytes:
    assets = {row["symbol"]: row["marginAsset"] for row in listed["symbols"]}
    wanted = {assets[name] for name in trading.symbols if name in assets}
    money = trim_e8(nearest_steps(trading.dry_run_balance, 1))
    account = {
        "name": ACCOUNT,
        "keys": [{"key": keys.api_key, "secret": keys.secret_key}],
        "deposits": dict.fromkeys(sorted(wanted), money),
        "maker_fee": f"{trading.fee_maker:.6f}",
        "taker_fee": f"{trading.fee_taker:.6f}",
    }
    return orjson.dumps({"accounts": [account]})


def _latency(delay_ms: int) -> bytes:
    late = {
        "kind": "slow_reply",
        "requests": ORDER_REQUESTS,
        "delay_ms": delay_ms,
        "carried_out": "late",
    }
    return orjson.dumps(
        {"about": "how far away the venue is", "faults": [late] if delay_ms else []}
    )


def _all_symbols(path: Path, symbols: list[str]) -> list[str]:
    """Add to the symbols of this run those that earlier ones traded: a position may be left."""
    before: list[str] = orjson.loads(path.read_bytes()) if path.exists() else []
    together = list(dict.fromkeys([*symbols, *before]))
    write_private(path, orjson.dumps(together))
    return together
