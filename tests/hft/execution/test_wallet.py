"""Our own count of the balance takes in what is learnt late, once."""

from __future__ import annotations

import pytest

from hft.execution.wallet import Wallet

PATIENCE_NS = 10


def counted(balance_e8: int) -> Wallet:
    wallet = Wallet()
    wallet.compare(balance_e8, 0, PATIENCE_NS)
    return wallet


def test_a_payment_that_was_missed_explains_what_was_found_once() -> None:
    wallet = counted(100)
    assert wallet.compare(93, 1, PATIENCE_NS) == 0
    assert wallet.is_doubted
    wallet.missed(-7)
    assert wallet.compare(93, 50, PATIENCE_NS) == 0
    assert not wallet.is_doubted


@pytest.mark.parametrize("payments", [[-7], [-3, -4]])
def test_a_payment_that_a_correction_has_counted_is_not_counted_again(payments: list[int]) -> None:
    wallet = counted(100)
    wallet.compare(93, 1, PATIENCE_NS)
    assert wallet.compare(93, 50, PATIENCE_NS) == -7
    for amount in payments:
        wallet.missed(amount)
    assert wallet.counted_e8 == 93
    wallet.missed(-5)
    assert wallet.counted_e8 == 88
