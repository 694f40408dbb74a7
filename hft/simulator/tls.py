"""A certificate authority of the exchange's own, and the certificate it serves.

The authority is made once and kept, so that a client that trusts it goes on trusting it; the
certificate is made anew at every start, for the names that are asked for.
"""

from __future__ import annotations

import datetime
import os
import ssl
import sys
from pathlib import Path

import msgspec
import trustme
from cryptography import x509

from hft.clock import wall_ms
from hft.errors import BootError, ConfigError

NAMES = ("localhost", "127.0.0.1", "::1")
CA_FILE, KEY_FILE = "ca.pem", "ca-key.pem"
CERTIFICATE_DAYS = 397
"""What clients accept at most from a public authority; ours is made anew long before."""


class Served(msgspec.Struct, frozen=True):
    """What a listener needs, and the file that clients are told to trust."""

    context: ssl.SSLContext
    ca_file: Path


def default_folder() -> Path:
    """Give the folder of this user where the authority is kept."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "hft" / "tls"
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "hft" / "tls"


def serve_tls(folder: Path, more_names: tuple[str, ...]) -> Served:
    """Make or take up the authority in `folder`, and a certificate for this machine's names.

    Raises:
        BootError: the folder cannot be used.
        ConfigError: a name cannot stand in a certificate.
    """
    try:
        authority = _authority(folder)
    except OSError as error:
        raise BootError(f"cannot keep a certificate authority in {folder}: {error}") from None
    now = datetime.datetime.fromtimestamp(wall_ms() / 1_000, datetime.UTC)
    try:
        certificate = authority.issue_cert(
            *NAMES,
            *more_names,
            common_name="local exchange",
            # A client whose clock is behind ours shall trust it too.
            not_before=now - datetime.timedelta(days=1),
            not_after=now + datetime.timedelta(days=CERTIFICATE_DAYS - 1),
        )
    except ValueError as error:
        raise ConfigError(f"--tls-names {','.join(more_names)}: {error}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    certificate.configure_cert(context)
    return Served(context, folder / CA_FILE)


def _authority(folder: Path) -> trustme.CA:
    """Give the authority of a folder, a new one where there is none or its time is over."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = _kept(folder)
    if kept is not None:
        return kept
    made = trustme.CA(organization_name="hft", organization_unit_name="Local exchange")
    _write(folder / KEY_FILE, made.private_key_pem.bytes(), 0o600)
    _write(folder / CA_FILE, made.cert_pem.bytes(), 0o644)
    return made


def _kept(folder: Path) -> trustme.CA | None:
    try:
        certificate, key = (folder / CA_FILE).read_bytes(), (folder / KEY_FILE).read_bytes()
    except FileNotFoundError:
        return None
    try:
        told = x509.load_pem_x509_certificate(certificate)
        authority = trustme.CA.from_pem(certificate, key)
    except (ValueError, TypeError) as error:
        raise BootError(f"{folder / CA_FILE} or {KEY_FILE} is damaged: {error}") from None
    if told.not_valid_after_utc.timestamp() <= wall_ms() / 1_000:
        return None
    return authority


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all; nobody sees it with other rights than its own."""
    half = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
    half.replace(path)
