from __future__ import annotations

import json

from hft.binance.user_events import (
    ACCOUNT_UPDATE,
    ORDER_UPDATE,
    decode_account_update,
    decode_algo_update,
    decode_event,
    decode_order_update,
)
from tests.recordings import FOLDER, needs

CAPTURED = sorted((FOLDER / "account").glob("*.jsonl"))


@needs("account")
def test_captured_events_are_read_to_the_letter() -> None:
    seen = set()
    for path in CAPTURED:
        for line in path.read_bytes().splitlines():
            event, plain = decode_event(line), json.loads(line)
            seen.add(event.e)
            assert (event.e, event.E) == (plain["e"], plain["E"])
            if event.e == ORDER_UPDATE:
                order = decode_order_update(event.o)
                for letter in "scSxXiqplzLTtmR":
                    assert getattr(order, letter) == plain["o"][letter]
                assert order.is_fill == (plain["o"]["x"] == "TRADE")
            elif event.e == ACCOUNT_UPDATE:
                account = decode_account_update(event.a)
                assert [each.wb for each in account.B] == [row["wb"] for row in plain["a"]["B"]]
                assert [each.pa for each in account.P] == [row["pa"] for row in plain["a"]["P"]]
    assert {ORDER_UPDATE, ACCOUNT_UPDATE} <= seen


def test_what_an_order_that_waits_has_become_may_be_missing_null_empty_or_zero() -> None:
    for told in (b"", b',"ai":null,"aq":null,"rm":null', b',"ai":"","aq":"0.00000","act":"0"'):
        line = b'{"caid":"hft-1-2","s":"BTCUSDT","X":"NEW","AP":null,"cr":null%b}' % told
        update = decode_algo_update(line)
        assert (update.caid, update.X, update.child_id) == ("hft-1-2", "NEW", 0)
    fired = b'{"caid":"a","aid":1,"s":"BTCUSDT","X":"TRIGGERED","ai":"8389765432109876543"}'
    assert decode_algo_update(fired).child_id == 8389765432109876543


def test_absent_and_null_fields_and_unknown_ones_are_no_trouble() -> None:
    line = (
        b'{"e":"ORDER_TRADE_UPDATE","E":2,"T":1,"zz":[],"o":{"s":"BTCUSDT","c":"a","S":"BUY",'
        b'"x":"NEW","X":"NEW","i":8389765432109876543,"n":null,"N":null,"new":{"a":1}}}'
    )
    order = decode_order_update(decode_event(line).o)
    assert order.i == 8389765432109876543
    assert order.n is None
    assert not order.is_fill
    assert decode_event(b'{"e":"SOMETHING_NEW","o":5}').e == "SOMETHING_NEW"
