"""What a request signs: its bytes as they came, in the venue's order."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

_MARK = b"signature="


def rest_payload(query: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Give (what REST signs, the signature sent): raw query, then raw body, no separator.

    Of several signatures the first counts, and none of them is signed.  The signature may be
    percent-encoded, as base64 must be; a plus sign stays one, for base64 has no blanks.
    """
    query, signature = _split(query)
    if body:
        body, second = _split(body)
        signature = signature or second
    if b"%" in signature:
        signature = unquote_to_bytes(signature)
    return query + body, signature


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """Give the text without its signatures, and the first of them."""
    head, found, signature = raw.rpartition(b"&" + _MARK)
    if found and b"&" not in signature and _MARK not in head:
        # Where nearly all clients put it: last, once.
        return head, signature
    if _MARK not in raw:
        return raw, b""
    parts = raw.split(b"&")
    kept = [part for part in parts if not part.startswith(_MARK)]
    sent = [part for part in parts if part.startswith(_MARK)]
    return b"&".join(kept), sent[0][len(_MARK) :] if sent else b""


def session_payload(params: Mapping[str, object]) -> bytes:
    """Give what the WebSocket API signs: every parameter but the signature, sorted by name."""
    pairs = []
    for name in sorted(params):
        if name != "signature":
            value = params[name]
            pairs.append(f"{name}={value if isinstance(value, str) else text_of(value)}")
    return "&".join(pairs).encode()


def sent_signature(params: Mapping[str, str]) -> bytes:
    """Give the signature of a WebSocket API request.

    It is to be plain; a client that percent-encodes base64 as for REST is understood too.
    """
    signature = params.get("signature", "").encode()
    return unquote_to_bytes(signature) if b"%" in signature else signature


def text_of(value: object) -> str:
    """Write a JSON value as a signature counts it: booleans lower case, texts as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def sign(secret: str, payload: bytes) -> str:
    """Sign a payload with a shared secret; lower-case hexadecimal."""
    return hmac.digest(secret.encode(), payload, "sha256").hex()
