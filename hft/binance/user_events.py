"""What the user data stream says, as far as the books need it.

The venue adds keys and event types without notice, so everything unknown is ignored.  TRADE_LITE is
read by nobody here: it comes first but knows neither fee nor profit.
"""

from __future__ import annotations

import msgspec

ORDER_UPDATE = "ORDER_TRADE_UPDATE"
ACCOUNT_UPDATE = "ACCOUNT_UPDATE"
LISTEN_KEY_EXPIRED = "listenKeyExpired"
MARGIN_CALL = "MARGIN_CALL"
ALGO_UPDATE = "ALGO_UPDATE"
CONFIG_UPDATE = "ACCOUNT_CONFIG_UPDATE"
NOTHING = b"null"
"""A part of an event that is not there."""


class LeverageChange(msgspec.Struct):
    """`ac` of ACCOUNT_CONFIG_UPDATE."""

    s: str
    l: int  # noqa: E741


class MultiAssetsChange(msgspec.Struct):
    """`ai` of ACCOUNT_CONFIG_UPDATE."""

    j: bool


class CalledPosition(msgspec.Struct):
    """One position of MARGIN_CALL."""

    s: str
    pa: str
    mp: str = "0"
    up: str = "0"
    mm: str = "0"


class UserEvent(msgspec.Struct):
    """The envelope: event type, venue times in milliseconds, and the parts still as text."""

    e: str = ""
    E: int = 0
    T: int = 0
    o: msgspec.Raw = msgspec.Raw(NOTHING)
    a: msgspec.Raw = msgspec.Raw(NOTHING)
    p: msgspec.Raw = msgspec.Raw(NOTHING)
    ac: LeverageChange | None = None
    ai: MultiAssetsChange | None = None


class OrderUpdate(msgspec.Struct):
    """`o` of ORDER_TRADE_UPDATE, under the venue's letters; they stop at the books."""

    s: str
    c: str
    S: str
    x: str
    X: str
    i: int
    o: str = ""
    f: str = ""
    q: str = "0"
    p: str = "0"
    l: str = "0"  # noqa: E741
    z: str = "0"
    L: str = "0"
    n: str | None = None
    N: str | None = None
    T: int = 0
    t: int = 0
    m: bool = False
    R: bool = False
    rp: str = "0"
    er: str = "0"

    @property
    def is_fill(self) -> bool:
        """Say whether it carries a trade: an ordinary one, or the venue closing a position."""
        return self.x in ("TRADE", "CALCULATED") and self.t > 0


class AlgoUpdate(msgspec.Struct):
    """`o` of ALGO_UPDATE: an order that waits, or waited, for its trigger.

    What it became is told from TRIGGERED on; before, these keys are missing, null, empty or zero.
    """

    caid: str
    s: str
    X: str
    q: str | None = None
    ai: str | None = None
    aq: str | None = None
    rm: str | None = None

    @property
    def child_id(self) -> int:
        """The venue's id of the ordinary order it became; 0: none yet."""
        return int(self.ai) if self.ai and self.ai.isdigit() else 0


class BalanceChange(msgspec.Struct):
    """One asset of ACCOUNT_UPDATE."""

    a: str
    wb: str
    cw: str = "0"
    bc: str = "0"


class PositionChange(msgspec.Struct):
    """One position of ACCOUNT_UPDATE."""

    s: str
    pa: str
    ep: str = "0"
    ps: str = "BOTH"


class AccountUpdate(msgspec.Struct):
    """`a` of ACCOUNT_UPDATE: only what changed is listed."""

    B: list[BalanceChange] = []
    P: list[PositionChange] = []
    m: str = ""
    S: str = ""


decode_event = msgspec.json.Decoder(UserEvent).decode
decode_order_update = msgspec.json.Decoder(OrderUpdate).decode
decode_algo_update = msgspec.json.Decoder(AlgoUpdate).decode
decode_account_update = msgspec.json.Decoder(AccountUpdate).decode
decode_called = msgspec.json.Decoder(list[CalledPosition]).decode
