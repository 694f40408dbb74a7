"""What the doctor found: one line each, with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

_TOPIC_WIDTH = 13


class Level(StrEnum):
    """How good a finding is; only FAIL keeps the engine from trading as it should."""

    PASS = "pass"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, in a sentence; `fix` says what to do."""

    level: Level
    topic: str
    text: str
    fix: str = ""


def passed(topic: str, text: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(Level.PASS, topic, text)


def noted(topic: str, text: str) -> Finding:
    """Say something that is neither good nor bad."""
    return Finding(Level.INFO, topic, text)


def warned(topic: str, text: str, fix: str) -> Finding:
    """Say that something is not as it should be and trading goes on with it."""
    return Finding(Level.WARN, topic, text, fix)


def failed(topic: str, text: str, fix: str) -> Finding:
    """Say that something must be mended first."""
    return Finding(Level.FAIL, topic, text, fix)


def as_text(finding: Finding) -> str:
    """Write a finding for people: a line, and a second one for the fix."""
    line = f"{finding.level:<5} {finding.topic:<{_TOPIC_WIDTH}} {finding.text}"
    return f"{line}\n{'':<{_TOPIC_WIDTH + 7}}fix: {finding.fix}" if finding.fix else line


def count(findings: Sequence[Finding], level: Level) -> int:
    """Count the findings of a level."""
    return sum(finding.level is level for finding in findings)


def as_json(findings: Sequence[Finding]) -> bytes:
    """Write all findings for programs, in one object."""
    totals = {level.value: count(findings, level) for level in Level}
    return msgspec.json.encode({"findings": list(findings), "totals": totals})
