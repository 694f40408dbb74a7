"""Which account it is that a key opens."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


def account_epoch_of(account: Mapping[str, Any], rest_url: str, api_key: str) -> str:
    """Name the account as the venue does, else by a digest of host and key."""
    told = account.get("accountEpoch")
    if told:
        return str(told)
    host = urlsplit(rest_url).hostname or ""
    return hashlib.blake2b(f"{host}\0{api_key}".encode(), digest_size=8).hexdigest()
