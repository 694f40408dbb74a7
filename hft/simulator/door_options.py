"""The options that concern the doors: who may come in, over what, and how many at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from hft.errors import ConfigError
from hft.simulator.account_opening import open_accounts
from hft.simulator.accounts import credentials_of, read_accounts
from hft.simulator.doorstep import CONNECTIONS_MAX
from hft.simulator.keys import Credentials
from hft.simulator.lifetimes import LIFE_MAX_MS
from hft.simulator.limits import SECOND_MS
from hft.simulator.tls import Served, default_folder, serve_tls
from hft.simulator.user_streams import LISTEN_KEY_LIFE_MS
from hft.simulator.venue import Venue

DEMO_NAME = "demo"


def add_door_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    parser.add_argument(
        "--accounts",
        metavar="FILE",
        help="open the accounts of this TOML or JSON file instead of the demo account",
    )
    parser.add_argument(
        "--tls", action="store_true", help="serve https and wss alone, by an authority of its own"
    )
    parser.add_argument(
        "--tls-dir",
        metavar="DIR",
        help="where the authority is kept (ca.pem is to be trusted); default: the user's state",
    )
    parser.add_argument(
        "--tls-names", metavar="A,B", default="", help="more names to be served under"
    )
    parser.add_argument(
        "--connections-max",
        metavar="N",
        type=int,
        default=CONNECTIONS_MAX,
        help="refuse more open connections, or as many as files may be open; default: %(default)s",
    )
    parser.add_argument(
        "--connection-life-s",
        metavar="S",
        type=int,
        default=LIFE_MAX_MS // SECOND_MS,
        help="end a WebSocket connection after so long; default: %(default)s",
    )
    parser.add_argument(
        "--listen-key-life-s",
        metavar="S",
        type=int,
        default=LISTEN_KEY_LIFE_MS // SECOND_MS,
        help="let a listen key die that nobody extended for so long; default: %(default)s",
    )


def check_door_options(options: argparse.Namespace) -> None:
    """Refuse what contradicts itself.

    Raises:
        ConfigError: it does.
    """
    if options.connections_max < 1:
        raise ConfigError(f"--connections-max must be at least 1, not {options.connections_max}")
    for name in ("connection_life_s", "listen_key_life_s"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} must be at least 1")
    if not options.tls and (options.tls_dir or options.tls_names):
        raise ConfigError("--tls-dir and --tls-names need --tls")


def first_credentials(options: argparse.Namespace) -> Credentials:
    """Give the key the venue opens with: the demo account's, or the first of the accounts file.

    Raises:
        ConfigError: the accounts file is wrong.
    """
    if not options.accounts:
        return Credentials(options.api_key, options.api_secret)
    path = Path(options.accounts)
    return credentials_of(path, read_accounts(path)[0], 1)[0]


def open_asked_accounts(venue: Venue, options: argparse.Namespace) -> None:
    """Open the accounts of the accounts file, or name the demo account.

    Raises:
        ConfigError: the accounts file is wrong.
    """
    if not options.accounts:
        venue.account_ids[DEMO_NAME] = first_credentials(options).account_id
        return
    path = Path(options.accounts)
    open_accounts(venue, path, read_accounts(path))


def set_lifetimes(venue: Venue, options: argparse.Namespace) -> None:
    """Let connections and listen keys live as long as was asked."""
    venue.connection_life_ms = options.connection_life_s * SECOND_MS
    venue.users.life_ms = options.listen_key_life_s * SECOND_MS


def asked_tls(options: argparse.Namespace) -> Served | None:
    """Prepare https and wss where they are asked for.

    Raises:
        BootError: the folder of the authority cannot be used.
        ConfigError: a name is wrong.
    """
    if not options.tls:
        return None
    folder = Path(options.tls_dir) if options.tls_dir else default_folder()
    names = tuple(name.strip() for name in options.tls_names.split(",") if name.strip())
    return serve_tls(folder.resolve(), names)
