"""Every refusal of the venue: code, text and HTTP status, in one table."""

from __future__ import annotations

BAD_REQUEST = 400

TEXTS: dict[int, str] = {
    -1000: "An unknown error occurred while processing the request.",
    -1003: "Too many requests; current limit is {} requests per minute. "
    "Please use the websocket for live updates to avoid polling the API.",
    -1015: "Too many new orders; current limit is {} orders per {}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1023: "Start time is greater than end time.",
    -1100: "Illegal characters found in parameter '{}'; legal range is '{}'.",
    -1102: "Mandatory parameter '{}' was not sent, was empty/null, or malformed.",
    -1106: "Parameter '{}' sent when not required.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1112: "No orders on book for symbol.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1127: "More than {} hours between startTime and endTime.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{}' is not valid.",
    -1136: "Invalid newOrderRespType.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -2028: "Leverage is smaller than permitted: insufficient margin balance.",
    -4001: "Price less than 0.",
    -4002: "Price greater than max price.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Limit price can't be higher than {}.",
    -4021: "{} is not valid depth limit",
    -4023: "Qty not increased by step size.",
    -4024: "Limit price can't be lower than {}.",
    -4028: "Leverage {} is not valid",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4061: "Order's position side does not match user's setting.",
    -4082: "Invalid number of batch place orders.",
    -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. "
    "Please use the Algo Order API endpoints instead.",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4164: "Order's notional must be no smaller than {} (unless you choose reduce only).",
    -5000: "Path {}, Method {} is invalid",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be "
    "rejected. The order will not be recorded in the order history.",
    -5025: "Only limit order is supported.",
    -5026: "Exceed maximum modify order limit.",
    -5027: "No need to modify the order.",
    -5029: "Order's notional must be no smaller than {}",
    -5037: "Invalid price match",
    -5039: "Invalid self trade prevention mode.",
    -5047: "The original order is not a reduce-only order.",
}

STATUSES: dict[int, int] = {
    -1003: 429,
    -1015: 429,
    -2014: 401,
    -2015: 401,
    -5000: 404,
}

TIMESTAMP_AHEAD = "Timestamp for this request was 1000ms ahead of the server's time."


class Refusal(Exception):
    """The venue says no: a negative code, its text, and the HTTP status it travels with."""

    def __init__(self, code: int, text: str, status: int) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status

    def body(self) -> dict[str, object]:
        """Give the JSON object of an error reply."""
        return {"code": self.code, "msg": self.text}


def refusal(code: int, *values: object, text: str | None = None) -> Refusal:
    """Make the refusal `code`, its text filled with `values` (or replaced by `text`)."""
    words = text if text is not None else TEXTS[code].format(*values)
    return Refusal(code, words, STATUSES.get(code, BAD_REQUEST))
