"""What the three ways tell, and what may be reduced while they differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hft.events import Agreement
from hft.execution.agreement import Views
from hft.execution.wallet import Wallet

PATIENCE = 100
LOTS = st.integers(-50, 50)


def test_without_a_word_of_rest_nothing_is_agreed() -> None:
    views = Views()
    assert views.judge(0, 1, PATIENCE) is Agreement.UNKNOWN


def test_a_difference_counts_once_it_is_older_than_news_may_be() -> None:
    views = Views()
    views.rest_told(5, 5, 10)
    assert views.judge(5, 11, PATIENCE) is Agreement.AGREED
    views.stream_told(8, 20)
    assert views.judge(5, 20, PATIENCE) is Agreement.AGREED
    assert views.judge(5, 121, PATIENCE) is Agreement.DISAGREED
    assert views.judge(8, 122, PATIENCE) is Agreement.AGREED


def test_fills_after_rests_word_do_not_contradict_it() -> None:
    views = Views()
    views.rest_told(5, 5, 10)
    views.stream_told(7, 20)
    assert views.judge(7, 1_000, PATIENCE) is Agreement.AGREED
    assert views.least(7) == 7


def test_rest_outdates_what_the_stream_told_before() -> None:
    views = Views()
    views.stream_told(3, 10)
    views.rest_told(5, 5, 20)
    assert views.judge(5, 1_000, PATIENCE) is Agreement.AGREED


def test_a_doubt_disagrees_at_once_and_until_rest_has_spoken() -> None:
    views = Views()
    views.rest_told(5, 5, 10)
    views.doubt()
    assert views.judge(5, 11, PATIENCE) is Agreement.DISAGREED
    views.rest_told(5, 5, 12)
    assert views.judge(5, 13, PATIENCE) is Agreement.AGREED


@given(ours=LOTS, stream=LOTS, rest=LOTS, closed=st.integers(0, 50))
def test_what_may_be_reduced_while_they_differ_is_held_whoever_is_right(
    ours: int, stream: int, rest: int, closed: int
) -> None:
    views = Views()
    views.rest_told(rest, ours, 10)
    views.stream_told(stream, 20)
    views.judge(ours, 30, PATIENCE)
    views.judge(ours, 1_000, PATIENCE)
    least = views.least(ours)
    left = max(0, abs(least) - closed)
    for truth in (ours, stream, rest):
        after = truth - (abs(least) - left) * (1 if least > 0 else -1)
        assert truth * after >= 0, "no position is turned"
        assert abs(after) <= abs(truth)


@given(
    st.lists(
        st.tuples(st.sampled_from(["fill", "transfer"]), st.integers(-1000, 1000)), max_size=30
    )
)
def test_the_wallet_counts_fills_and_transfers_to_the_last_unit(
    changes: list[tuple[str, int]],
) -> None:
    wallet, balance = Wallet(), 10_000
    assert wallet.compare(balance, 1, PATIENCE) == 0
    for kind, amount in changes:
        balance += amount
        if kind == "fill":
            wallet.fill(amount + 3, 3)
        else:
            wallet.transfer(amount, balance)
    assert wallet.counted_e8 == balance
    assert wallet.compare(balance, 2, PATIENCE) == 0


def test_what_nothing_explains_is_corrected_when_it_is_found_twice() -> None:
    wallet = Wallet()
    wallet.compare(1_000, 1, PATIENCE)
    assert wallet.compare(1_007, 2, PATIENCE) == 0
    assert wallet.is_doubted
    assert wallet.compare(1_007, 50, PATIENCE) == 0
    assert wallet.compare(1_007, 102, PATIENCE) == 7
    assert not wallet.is_doubted
    assert wallet.counted_e8 == 1_007


def test_a_difference_that_goes_away_was_only_news_on_its_way() -> None:
    wallet = Wallet()
    wallet.compare(1_000, 1, PATIENCE)
    wallet.compare(1_007, 2, PATIENCE)
    wallet.fill(7, 0)
    assert wallet.compare(1_007, 500, PATIENCE) == 0
    assert not wallet.is_doubted


def test_a_transfer_that_rest_told_first_is_not_counted_twice() -> None:
    wallet = Wallet()
    wallet.compare(1_000, 1, PATIENCE)
    wallet.compare(1_250, 2, PATIENCE)
    wallet.compare(1_250, 200, PATIENCE)
    wallet.transfer(250, 1_250)
    assert wallet.counted_e8 == 1_250
