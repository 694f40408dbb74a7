"""HMAC-SHA256 signatures, for REST and for the WebSocket API.

The two differ in what is signed: REST signs the query exactly as transmitted, without the API key;
the WebSocket API signs its parameters sorted by name, the API key among them, values as they stand.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

Value = str | int | bool


class Signer:
    """Signs with one secret; the key schedule is prepared once and copied for each signature."""

    def __init__(self, secret_key: str) -> None:
        self._prepared = hmac.new(secret_key.encode(), digestmod=hashlib.sha256)

    def sign(self, payload: bytes) -> str:
        """Give the lower-case hexadecimal HMAC-SHA256 of `payload`."""
        mac = self._prepared.copy()
        mac.update(payload)
        return mac.hexdigest()

    def signed_query(self, params: Mapping[str, Value]) -> str:
        """Encode REST parameters in their given order and append their signature."""
        query = rest_query(params)
        return f"{query}&signature={self.sign(query.encode())}"


def rest_query(params: Mapping[str, Value]) -> str:
    """Encode REST parameters in their given order, booleans in lower case."""
    return urlencode({name: _text(value) for name, value in params.items()})


def ws_payload(params: Mapping[str, Value]) -> str:
    """Write what the WebSocket API signs: every parameter, `apiKey` too, sorted, values raw."""
    return "&".join(f"{name}={_text(params[name])}" for name in sorted(params))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
