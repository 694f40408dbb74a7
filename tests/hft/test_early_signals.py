"""Signals that come before the house runs, sent by this process to itself."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from hft.early_signals import EarlySignals
from hft.errors import AskedToStop


@pytest.fixture
def signals() -> Iterator[EarlySignals]:
    before = signal.getsignal(signal.SIGTERM)
    made = EarlySignals()
    yield made
    made.give_back()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_waits_for_the_next_look_and_a_second_does_not(signals: EarlySignals) -> None:
    signals.look()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(AskedToStop):
        signals.look()
    signal.raise_signal(signal.SIGTERM)  # What is begun is being undone by now.


def test_the_second_signal_is_heeded_wherever_the_code_is(signals: EarlySignals) -> None:
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(AskedToStop):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)


def test_what_takes_long_is_left_at_once(signals: EarlySignals) -> None:
    went_on: list[bool] = []

    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        went_on.append(True)

    with pytest.raises(AskedToStop), signals.at_once():
        work()
    assert went_on == []


def test_code_that_keeps_the_signal_for_itself_changes_nothing(signals: EarlySignals) -> None:
    with pytest.raises(AskedToStop), signals.at_once(), contextlib.suppress(BaseException):
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(AskedToStop), signals.at_once():
        raise AssertionError("the next step was begun")


def test_whoever_takes_over_hears_of_every_signal(signals: EarlySignals) -> None:
    heard: list[str] = []
    signal.raise_signal(signal.SIGTERM)
    signals.pass_on(lambda: heard.append("stop"))
    signal.raise_signal(signal.SIGTERM)
    assert heard == ["stop", "stop"]
