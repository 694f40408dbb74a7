"""Every refusal has its own sentence, and the venue's code where there is one."""

from __future__ import annotations

from hft.denials import MEANINGS, explain_denial
from hft.events import Denial


def test_every_refusal_has_a_sentence_of_its_own() -> None:
    assert list(MEANINGS) == list(Denial)
    sentences = [meaning.sentence for meaning in MEANINGS.values()]
    assert len(set(sentences)) == len(sentences)
    assert explain_denial(Denial.TRIGGER_PASSED) == "the market is beyond its trigger already"
    assert explain_denial(99) == "denial 99"


def test_what_the_venue_would_refuse_stands_for_its_code() -> None:
    codes = {denial: meaning.venue_code for denial, meaning in MEANINGS.items()}
    assert codes[Denial.QUANTITY_NOT_POSITIVE] == -4003
    assert codes[Denial.QUANTITY_ABOVE_FILTER] == -4005
    assert codes[Denial.NOTIONAL_BELOW_FILTER] == -4164
    assert codes[Denial.MARGIN_INSUFFICIENT] == -2019
    assert codes[Denial.TRIGGER_PASSED] == -2021
    assert codes[Denial.POSITION_ABOVE_LIMIT] == 0, "the limit is our own"
