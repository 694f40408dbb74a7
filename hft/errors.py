"""The exceptions of the rim and the exit codes of a process.

On the hot path a refusal is a small integer with a name (`hft.events.Denial`); exceptions are for
start-up and for bugs.  Each carries one sentence a user can act on.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a process ended, as its parent reads it."""

    OK = 0
    BOOT_FAILED = 3
    CONFIG_REFUSED = 4
    FATAL = 5


class HftError(Exception):
    """A failure with a sentence for the user and the exit code it leads to."""

    exit_code = ExitCode.FATAL


class BootError(HftError):
    """A process could not become READY: port, permission, second engine, AUTH_ERROR."""

    exit_code = ExitCode.BOOT_FAILED


class ConfigError(HftError):
    """The words in the config file are wrong; says file, table, key and what was expected."""

    exit_code = ExitCode.CONFIG_REFUSED


class AuthError(BootError):
    """The venue refused the API key (codes -2014 and -2015)."""


class AskedToStop(BaseException):
    """Somebody asked for the stop before the house ran: no failure, so the exit code is OK.

    No `Exception`: a strategy's file, or the compiler, must not take it for one of theirs.
    """
