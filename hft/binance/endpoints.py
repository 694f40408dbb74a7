"""Paths of the venue's doors, and the codes by which it turns a key away."""

from __future__ import annotations

from urllib.parse import urlsplit

TIME = "/fapi/v1/time"
EXCHANGE_INFO = "/fapi/v1/exchangeInfo"
ORDER = "/fapi/v1/order"
OPEN_ORDERS = "/fapi/v1/openOrders"
ALL_ORDERS = "/fapi/v1/allOrders"
ALL_OPEN_ORDERS = "/fapi/v1/allOpenOrders"
COUNTDOWN_CANCEL_ALL = "/fapi/v1/countdownCancelAll"
ALGO_ORDER = "/fapi/v1/algoOrder"
OPEN_ALGO_ORDERS = "/fapi/v1/openAlgoOrders"
ALL_OPEN_ALGO_ORDERS = "/fapi/v1/algoOpenOrders"
INCOME = "/fapi/v1/income"
FEE_BURN = "/fapi/v1/feeBurn"
PREMIUM_INDEX = "/fapi/v1/premiumIndex"
CANDLES = "/fapi/v1/klines"
MARK_PRICE_CANDLES = "/fapi/v1/markPriceKlines"
USER_TRADES = "/fapi/v1/userTrades"
LISTEN_KEY = "/fapi/v1/listenKey"
BALANCE = "/fapi/v2/balance"
ACCOUNT = "/fapi/v2/account"
POSITION_RISK = "/fapi/v2/positionRisk"

USER_EVENTS = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "TRADE_LITE",
    "listenKeyExpired",
    "ACCOUNT_CONFIG_UPDATE",
    "MARGIN_CALL",
    "ALGO_UPDATE",
)
RECV_WINDOW_MS = 5000

API_KEY_FORMAT_INVALID = -2014
API_KEY_REFUSED = -2015
SIGNATURE_INVALID = -1022
"""A secret that does not belong to the key: for whoever configured them, a refused key too."""
UNAUTHORISED_CODES = frozenset({API_KEY_FORMAT_INVALID, API_KEY_REFUSED, SIGNATURE_INVALID})
KEY_CANNOT_LOG_ON = -4056
LOGON_REFUSED_CODES = UNAUTHORISED_CODES | {KEY_CANNOT_LOG_ON}

TIMESTAMP_OUTSIDE_WINDOW = -1021
TIMESTAMP_TOO_OLD_TO_MATCH = -5028
"""The same, said by the matching engine."""
TIMESTAMP_CODES = frozenset({TIMESTAMP_OUTSIDE_WINDOW, TIMESTAMP_TOO_OLD_TO_MATCH})
"""Refused before anything came of it: measured anew, the clock may be right the next time."""
TOO_MANY_ORDERS = -1015
SYMBOL_UNKNOWN = -1121
LISTEN_KEY_UNKNOWN = -1125
UNKNOWN_ORDER_SENT = -2011
ORDER_DOES_NOT_EXIST = -2013
NO_NEED_TO_MODIFY = -5027


def user_stream_url(ws_url: str, listen_key: str) -> str:
    """Address of the user data stream.

    Only the query form with every event named is known to deliver everywhere; without `events` some
    hosts open the stream and stay mute.
    """
    return f"{ws_url}/private/ws?listenKey={listen_key}&events={'/'.join(USER_EVENTS)}"


def user_stream_path_url(ws_url: str, listen_key: str) -> str:
    """Address of the user data stream as the manual has it; not every host delivers there."""
    return f"{ws_url}/private/ws/{listen_key}"


def is_loopback(url: str) -> bool:
    """Say whether an address is this machine: such a venue is never behind a proxy."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
