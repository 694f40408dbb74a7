"""Keys whose secret never leaves their owner: Ed25519, and sessions that log on with one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat import venue as venues
from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue

ccxt = needed("ccxt.pro")
binance = needed("binance.client")
sdk_package = needed("binance_sdk_derivatives_trading_usds_futures")
configuration = needed("binance_common.configuration")
ed25519 = needed("cryptography.hazmat.primitives.asymmetric.ed25519")
serialization = needed("cryptography.hazmat.primitives.serialization")
BTC = {"symbol": "BTCUSDT"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT"}
KEY = "e" * 64
ACCOUNTS = """
[[accounts]]
name = "ed"
deposits = {{ USDT = "10000" }}

[[accounts.keys]]
key = "{key}"
kind = "ed25519"
public_key_file = "public.pem"
"""


@pytest.fixture(scope="module")
def private_pem() -> str:
    private = ed25519.Ed25519PrivateKey.generate()
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return str(private.private_bytes(serialization.Encoding.PEM, *form).decode())


@pytest.fixture(scope="module")
def keyed(private_pem: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """A simulator whose one account opens with an Ed25519 key."""
    folder = tmp_path_factory.mktemp("accounts")
    public = serialization.load_pem_private_key(private_pem.encode(), None).public_key()
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(public.public_bytes(*form))
    (folder / "accounts.toml").write_text(ACCOUNTS.format(key=KEY))
    with venues.running("--accounts", str(folder / "accounts.toml")) as venue:
        yield venue


async def test_ccxt_signs_rest_and_websocket_api_with_it(keyed: Venue, private_pem: str) -> None:
    exchange = pointed("ccxt.pro", keyed, KEY=KEY, SECRET=private_pem)["exchange"]
    try:
        assert (await exchange.fetch_balance())["USDT"]["total"] == 10_000
        assert (await exchange.fetch_balance_ws())["USDT"]["total"] == 10_000
    finally:
        await exchange.close()


def test_python_binance_signs_rest_with_it(keyed: Venue, private_pem: str, tmp_path: Path) -> None:
    client = binance.Client(KEY, private_key=private_pem, ping=False)
    client.FUTURES_URL = f"http://{keyed.host}/fapi"
    assert client.futures_account_balance()[0]["asset"] == "USDT"
    price = keyed.away(-0.01)
    order = client.futures_create_order(**LIMIT, timeInForce="GTC", quantity=0.01, price=price)
    assert client.futures_cancel_order(**BTC, orderId=order["orderId"])["status"] == "CANCELED"


def test_the_sdk_signs_rest_with_it(keyed: Venue, private_pem: str) -> None:
    sdk = pointed("The official SDK", keyed)["DerivativesTradingUsdsFutures"](
        config_rest_api=configuration.ConfigurationRestAPI(
            api_key=KEY, private_key=private_pem, base_path=keyed.url
        )
    )
    assert sdk.rest_api.futures_account_balance_v3().data()[0].balance == "10000.00000000"


async def test_a_session_that_logged_on_needs_no_key_and_no_signature(
    keyed: Venue, private_pem: str
) -> None:
    sdk = pointed("The official SDK", keyed)["DerivativesTradingUsdsFutures"](
        config_ws_api=configuration.ConfigurationWebSocketAPI(
            api_key=KEY, private_key=private_pem, stream_url=f"ws://{keyed.host}/ws-fapi/v1"
        )
    )
    session = await sdk.websocket_api.create_connection()
    try:
        logon = {"method": "session.logon", "params": {}}
        signer = sdk.websocket_api.signer
        reply = await session.send_signed_message(logon, signer, session_logon=True)
        assert reply.data()["result"]["apiKey"] == KEY
        status = await session.send_message({"method": "session.status", "params": {}})
        assert status.data()["result"]["authorizedSince"] > 0
        wish = {**LIMIT, "time_in_force": "GTC", "quantity": 0.01, "price": keyed.away(-0.01)}
        order = (await session.new_order(**wish)).data().result
        gone = (await session.cancel_order(**BTC, order_id=order.order_id)).data().result
        assert gone.status == "CANCELED"
        bye = {"method": "session.logout", "params": {}}
        await session.send_message(bye, session_logout=True)
        status = await session.send_message({"method": "session.status", "params": {}})
        assert status.data()["result"]["apiKey"] is None
    finally:
        await session.close_connection(close_session=True)


async def test_a_key_with_a_secret_cannot_log_on(venue: Venue) -> None:
    sdk = pointed("The official SDK", venue)["sdk"]
    session = await sdk.websocket_api.create_connection()
    try:
        logon = {"method": "session.logon", "params": {}}
        reply = await session.send_signed_message(logon, session_logon=True)
        assert reply.data()["error"]["code"] == -4056
    finally:
        await session.close_connection(close_session=True)
