from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
import websocket
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hft.clock import wall_ms
from hft.simulator.signing import sign

from .wire import Simulator, receive, running

PATH = "/ws-fapi/v1"
ED, RSA, READ, AWAY = "e" * 64, "r" * 64, "o" * 64, "a" * 64
ACCOUNTS = """
[[accounts]]
name = "alice"
deposits = {{ USDT = "5000" }}
leverage = {{ BTCUSDT = 7 }}
keys = [
    {{ kind = "ed25519", key = "{ed}", public_key_file = "ed.pem" }},
    {{ kind = "rsa", key = "{rsa}", public_key = '''{rsa_pem}''' }},
]

[[accounts]]
name = "bob"
keys = [
    {{ key = "{read}", secret = "read only", can_trade = false }},
    {{ key = "{away}", secret = "away", ips = ["10.0.0.0/8", "::1"] }},
]
"""


class Signer:
    """A private key, and what it makes of a payload."""

    def __init__(self, key: Ed25519PrivateKey | RSAPrivateKey) -> None:
        self.key = key

    def pem(self) -> str:
        form = PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(Encoding.PEM, form).decode()

    def sign(self, text: str) -> str:
        if isinstance(self.key, RSAPrivateKey):
            raw = self.key.sign(text.encode(), PKCS1v15(), SHA256())
        else:
            raw = self.key.sign(text.encode())
        return base64.b64encode(raw).decode()


SIGNERS = {
    ED: Signer(Ed25519PrivateKey.generate()),
    RSA: Signer(generate_private_key(65_537, 2_048)),
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("accounts")
    (folder / "ed.pem").write_text(SIGNERS[ED].pem())
    words = {"ed": ED, "rsa": RSA, "read": READ, "away": AWAY, "rsa_pem": SIGNERS[RSA].pem()}
    accounts = folder / "accounts.toml"
    accounts.write_text(ACCOUNTS.format(**words))
    with running("--accounts", str(accounts)) as started:
        yield started


def ask(
    simulator: Simulator, key: str, method: str, path: str, signature: str, **params: Any
) -> requests.Response:
    query = urlencode({**params, "timestamp": wall_ms()})
    if not signature:
        signature = quote(SIGNERS[key].sign(query), safe="")
    headers = {"X-MBX-APIKEY": key}
    return simulator.raw(method, path, f"{query}&signature={signature}", headers=headers)


@pytest.mark.parametrize("key", [ED, RSA])
def test_a_public_key_checks_base64_over_the_raw_bytes(simulator: Simulator, key: str) -> None:
    account = ask(simulator, key, "GET", "/fapi/v3/account", "").json()
    assert account["totalWalletBalance"] == "5000.00000000"
    risk = ask(simulator, key, "GET", "/fapi/v2/positionRisk", "", symbol="BTCUSDT").json()
    assert risk[0]["leverage"] == "7"
    wrong = quote(SIGNERS[key].sign("another text"), safe="")
    for signature in (wrong, "0" * 64, "%00", "a", "%C3%A9", "=" * 88):
        refused = ask(simulator, key, "GET", "/fapi/v3/account", signature)
        assert (refused.status_code, refused.json()["code"]) == (400, -1022)


def test_the_body_is_signed_behind_the_query(simulator: Simulator) -> None:
    query, body = "symbol=BTCUSDT", f"leverage=7&timestamp={wall_ms()}"
    signature = quote(SIGNERS[ED].sign(query + body), safe="")
    reply = simulator.raw(
        "POST",
        "/fapi/v1/leverage",
        query,
        headers={"X-MBX-APIKEY": ED},
        data=f"{body}&signature={signature}",
    )
    assert reply.json()["leverage"] == 7


def session_call(
    link: websocket.WebSocket, method: str, signer: Signer | None = None, **params: Any
) -> Any:
    if signer is not None:
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = signer.sign(text)
    link.send(json.dumps({"id": "s", "method": method, "params": params}))
    return receive(link)


def test_a_session_logs_on_is_told_of_and_logs_out(simulator: Simulator) -> None:
    stamp = wall_ms()
    with simulator.socket(PATH) as link:
        out = session_call(link, "session.status")
        assert out["status"] == 200
        assert list(out["result"]) == [
            "apiKey", "authorizedSince", "connectedSince", "returnRateLimits", "serverTime",
        ]  # fmt: skip
        assert (out["result"]["apiKey"], out["result"]["authorizedSince"]) == (None, None)
        assert out["result"]["returnRateLimits"] is True
        assert out["rateLimits"][0]["count"] >= 2
        on = session_call(link, "session.logon", SIGNERS[ED], apiKey=ED, timestamp=stamp)
        assert on["result"]["apiKey"] == ED
        since = on["result"]["authorizedSince"]
        assert stamp - 1_000 <= on["result"]["connectedSince"] <= since
        assert since <= on["result"]["serverTime"]
        assert session_call(link, "session.status")["result"]["authorizedSince"] == since

        balance = session_call(link, "account.balance", timestamp=wall_ms())
        assert balance["result"][0]["balance"] == "5000.00000000"
        assert session_call(link, "account.balance")["error"]["code"] == -1102
        late = session_call(link, "account.balance", timestamp=wall_ms() - 10_000)
        assert late["error"]["code"] == -1021
        assert len(session_call(link, "userDataStream.start")["result"]["listenKey"]) == 64
        other = session_call(link, "account.balance", timestamp=wall_ms(), apiKey=RSA)
        assert other["error"]["code"] == -1102
        named = {"timestamp": wall_ms(), "apiKey": RSA}
        assert session_call(link, "account.balance", SIGNERS[RSA], **named)["status"] == 200

        assert session_call(link, "session.logout")["result"]["apiKey"] is None
        gone = session_call(link, "account.balance", timestamp=wall_ms())
        assert (gone["status"], "rateLimits" in gone) == (401, False)


def test_a_signature_that_is_percent_encoded_as_for_rest_is_understood(
    simulator: Simulator,
) -> None:
    params: dict[str, Any] = {"apiKey": ED, "timestamp": wall_ms()}
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["signature"] = quote(SIGNERS[ED].sign(text), safe="")
    with simulator.socket(PATH) as link:
        assert session_call(link, "account.balance", **params)["status"] == 200


def test_only_ed25519_keys_log_on(simulator: Simulator) -> None:
    with simulator.socket(PATH) as link:
        for key, kind in ((RSA, "RSA"), (READ, "HMAC_SHA256")):
            refused = session_call(link, "session.logon", apiKey=key, timestamp=wall_ms())
            error = {"code": -4056, "msg": f"{kind} API key is not supported."}
            assert (refused["status"], refused["error"]) == (400, error)
        wrong = {"apiKey": ED, "timestamp": wall_ms(), "signature": "x"}
        assert session_call(link, "session.logon", **wrong)["error"]["code"] == -1022
        nobody = session_call(link, "session.logon", apiKey="n" * 64, timestamp=wall_ms())
        assert (nobody["status"], nobody["error"]["code"]) == (401, -2015)
        assert session_call(link, "session.status")["result"]["apiKey"] is None


def test_rate_limits_are_shown_as_connection_or_request_wishes(simulator: Simulator) -> None:
    with simulator.socket(PATH + "?returnRateLimits=false") as link:
        quiet = session_call(link, "session.status")
        assert "rateLimits" not in quiet
        assert quiet["result"]["returnRateLimits"] is False
        link.send('{"id":1,"method":"ping","returnRateLimits":true}')
        assert list(receive(link)) == ["id", "status", "result", "rateLimits"]
        link.send('{"id":1,"method":"ping","params":{"returnRateLimits":"maybe"}}')
        assert receive(link)["error"]["code"] == -1130


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ("12345678901234567890123", "12345678901234567890123"),
        ("-5", "-5"),
        ('"\\u00e9 x"', '"\\u00e9 x"'),
        ("null", "null"),
        ("1.5", "null"),
        ("{}", "null"),
        ("true", "null"),
        ("[1]", "null"),
    ],
)
def test_an_id_comes_back_as_it_was_sent_or_is_refused(
    simulator: Simulator, sent: str, echoed: str
) -> None:
    with simulator.socket(PATH) as link:
        link.send('{"id":' + sent + ',"method":"ping"}')
        text = str(link.recv())
    assert text.startswith('{"id":' + echoed + ',"status":')
    assert ('"status":200' in text) == (sent == echoed)


def test_a_key_for_reading_may_not_trade(simulator: Simulator) -> None:
    def read(method: str, path: str, **params: Any) -> tuple[int, int]:
        query = urlencode({**params, "timestamp": wall_ms()})
        signature = _hmac("read only", query)
        headers = {"X-MBX-APIKEY": READ}
        reply = simulator.raw(method, path, f"{query}&signature={signature}", headers=headers)
        body = reply.json()
        return reply.status_code, body.get("code", 0) if isinstance(body, dict) else 0

    assert read("GET", "/fapi/v3/balance") == (200, 0)
    assert read("GET", "/fapi/v1/openOrders") == (200, 0)
    assert read("POST", "/fapi/v1/order", symbol="BTCUSDT") == (401, -2015)
    assert read("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT") == (401, -2015)
    assert read("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5) == (401, -2015)
    reply = simulator.raw("POST", "/fapi/v1/listenKey", headers={"X-MBX-APIKEY": READ})
    assert reply.status_code == 200
    with simulator.socket(PATH) as link:
        refused = session_call(link, "order.place", apiKey=READ, timestamp=wall_ms())
        assert (refused["status"], refused["error"]["code"]) == (401, -2015)


def test_a_key_for_other_addresses_is_refused_here(simulator: Simulator) -> None:
    reply = simulator.raw("POST", "/fapi/v1/listenKey", headers={"X-MBX-APIKEY": AWAY})
    assert (reply.status_code, reply.json()["code"]) == (401, -2015)


def _hmac(secret: str, text: str) -> str:
    return sign(secret, text.encode())


def deposit(simulator: Simulator, **wish: str) -> tuple[int, Any]:
    reply = simulator.session.post(simulator.url + "/sim/deposit", json=wish, timeout=10)
    return reply.status_code, reply.json()


def test_money_comes_and_goes_while_the_exchange_runs(simulator: Simulator) -> None:
    balances = ask(simulator, ED, "GET", "/fapi/v3/balance", "").json()
    assert balances[0]["balance"] == "5000.00000000"
    key = simulator.raw("POST", "/fapi/v1/listenKey", headers={"X-MBX-APIKEY": ED}).json()
    with simulator.socket(f"/private/ws?listenKey={key['listenKey']}") as link:
        done = deposit(simulator, account="alice", asset="USDT", amount="0.00000001")
        assert done == (200, {"asset": "USDT", "amount": "0.00000001"})
        event = receive(link)
        assert (event["e"], event["a"]["m"], event["a"]["P"]) == ("ACCOUNT_UPDATE", "DEPOSIT", [])
        assert event["a"]["B"][0]["bc"] == "0.00000001"
        assert deposit(simulator, api_key=ED, asset="USDT", amount="-0.00000001")[0] == 200
        assert receive(link)["a"]["m"] == "WITHDRAW"
    for wish, code in (
        ({"account": "alice", "asset": "USDT", "amount": "-5000.00000001"}, -2018),
        ({"account": "alice", "asset": "NONE", "amount": "1"}, -1130),
        ({"account": "alice", "asset": "USDT", "amount": "NaN"}, -1130),
        ({"account": "alice", "asset": "USDT", "amount": "0"}, -1130),
        ({"account": "alice", "asset": "USDT", "amount": "1e5"}, -1130),
        ({"account": "alice", "asset": "USDT", "amount": "9" * 30}, -1130),
        ({"account": "nobody", "asset": "USDT", "amount": "1"}, -1130),
        ({"asset": "USDT", "amount": "1"}, -1102),
        ({"account": "alice", "asset": "USDT", "amount": "1", "word": "?"}, -1130),
        ({"api_key": "n" * 64, "asset": "USDT", "amount": "1"}, -2015),
    ):
        status, body = deposit(simulator, **wish)
        assert (status >= 400, body["code"]) == (True, code), (wish, body)
    after = ask(simulator, ED, "GET", "/fapi/v3/balance", "").json()
    assert after[0]["balance"] == balances[0]["balance"]


def test_the_accounts_file_may_be_json(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    key = {"key": "j" * 64, "secret": "s"}
    file.write_text(json.dumps({"accounts": [{"name": "j", "keys": [key]}]}))
    with running("--accounts", str(file)) as simulator:
        assert "api_key" not in simulator.line
        stamp = f"timestamp={wall_ms()}"
        query = f"{stamp}&signature={_hmac('s', stamp).upper()}"
        reply = simulator.raw("GET", "/fapi/v3/balance", query, headers={"X-MBX-APIKEY": "j" * 64})
        assert reply.json()[0]["balance"] == "0.00000000"
