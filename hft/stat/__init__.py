"""The state of a house in a terminal: read-only, of a running engine or of a dead one."""

from __future__ import annotations
