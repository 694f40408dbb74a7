"""Signatures over the bytes as they came: HMAC-SHA256 in hexadecimal, upper or lower case."""

from __future__ import annotations

import hashlib
import hmac
import re

_SIGNATURE = re.compile(rb"(?:^|&)signature=([^&]*)")


def rest_payload(query: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Give (what REST signs, the signature sent): raw query, then raw body, no separator."""
    signature = b""
    parts = []
    for raw in (query, body):
        found = _SIGNATURE.search(raw)
        if found is None:
            parts.append(raw)
            continue
        signature = signature or found.group(1)
        rest = raw[: found.start()] + raw[found.end() :]
        parts.append(rest[1:] if found.start() == 0 and rest.startswith(b"&") else rest)
    return b"".join(parts), signature


def session_payload(params: dict[str, object]) -> bytes:
    """Give what the WebSocket API signs: every parameter but the signature, sorted by name."""
    pairs = (f"{name}={text_of(params[name])}" for name in sorted(params) if name != "signature")
    return "&".join(pairs).encode()


def text_of(value: object) -> str:
    """Write a JSON value as a signature counts it: booleans lower case, texts as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def sign(secret: str, payload: bytes) -> str:
    """Sign a payload; lower-case hexadecimal."""
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def is_signed(secret: str, payload: bytes, signature: bytes) -> bool:
    """Say whether a signature is that of the payload."""
    return hmac.compare_digest(sign(secret, payload).encode(), signature.lower())
