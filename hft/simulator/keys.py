"""API keys: what opens an account, by which signature, from where, and whether it may trade.

A key is of one of three kinds.  HMAC shares a secret and signs in hexadecimal of either case; an
Ed25519 or an RSA key (PKCS#1 v1.5 over SHA-256) leaves its public half here and signs in base64.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

HMAC = "HMAC_SHA256"
ED25519 = "ED25519"
RSA = "RSA"
DEMO_ACCOUNT_ID = 1
RSA_BITS_MIN = 2_048

PublicKey = Ed25519PublicKey | RSAPublicKey
Network = IPv4Network | IPv6Network


class Credentials(msgspec.Struct, frozen=True):
    """An API key, what its signatures are checked with, and the account it opens.

    Without a `public_key` it is an HMAC key.  `networks` empty: it is good from everywhere.
    """

    api_key: str
    api_secret: str = ""
    account_id: int = DEMO_ACCOUNT_ID
    public_key: PublicKey | None = None
    can_trade: bool = True
    networks: tuple[Network, ...] = ()

    @property
    def kind(self) -> str:
        """Name the kind of key, as the venue's texts do."""
        if self.public_key is None:
            return HMAC
        return RSA if isinstance(self.public_key, RSAPublicKey) else ED25519

    def is_signed(self, payload: bytes, signature: bytes) -> bool:
        """Say whether `signature`, hexadecimal or base64 as the kind wants it, is the payload's."""
        if self.public_key is None:
            right = hmac.digest(self.api_secret.encode(), payload, "sha256").hex()
            return hmac.compare_digest(right.encode(), signature.lower())
        return _is_signed(self.public_key, payload, signature)

    def is_welcome(self, address: str) -> bool:
        """Say whether the key may be used from an address."""
        if not self.networks:
            return True
        here = ip_address(address)
        return any(here in network for network in self.networks)


def _is_signed(public_key: PublicKey, payload: bytes, signature: bytes) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(public_key, RSAPublicKey):
            public_key.verify(raw, payload, PKCS1v15(), SHA256())
        else:
            public_key.verify(raw, payload)
    except (binascii.Error, InvalidSignature):
        return False
    return True


def read_public_key(pem: bytes) -> PublicKey:
    """Read an Ed25519 or RSA public key from PEM.

    Raises:
        ValueError: it is neither, or an RSA key too short for the venue.
    """
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise ValueError("no public key in PEM form") from None
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS_MIN:
        raise ValueError(f"an RSA key has at least {RSA_BITS_MIN} bits, not {key.key_size}")
    if not isinstance(key, Ed25519PublicKey | RSAPublicKey):
        raise ValueError("a public key is Ed25519 or RSA")
    return key


def read_network(text: str) -> Network:
    """Read an address (``127.0.0.1``) or a network (``10.0.0.0/8``).

    Raises:
        ValueError: it is neither.
    """
    return ip_network(text)
