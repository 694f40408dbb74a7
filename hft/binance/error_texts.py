"""What the venue's codes mean for an order, in words for people.

The codes are the venue's own; it sends its own text with them, which the order table has no room
for.
"""

from __future__ import annotations

MEANINGS = {
    -1000: "the venue had an error it does not name",
    -1001: "the venue was disconnected inside",
    -1003: "too many requests",
    -1006: "the venue does not know what became of it",
    -1007: "the venue ran out of time and does not know what became of it",
    -1008: "the venue was overloaded",
    -1015: "too many orders",
    -1016: "the venue was closing",
    -1021: "our timestamp was outside of what the venue accepts",
    -1022: "the signature was not valid",
    -1111: "more decimals than the venue takes",
    -1116: "an order type the venue does not know",
    -1121: "a symbol the venue does not know",
    -2010: "the venue refused it",
    -2011: "there was no such open order",
    -2013: "there was no such order",
    -2014: "the API key is malformed",
    -2015: "the API key, its address or its permissions do not allow it",
    -2018: "the balance was too small",
    -2019: "there was not enough margin",
    -2020: "it could not be filled",
    -2021: "it would have triggered at once",
    -2022: "it was reduce-only and would not have reduced",
    -2025: "too many open orders",
    -2027: "the position would have been too large at this leverage",
    -2028: "the leverage was smaller than permitted",
    -4001: "the price was below zero",
    -4002: "the price was above the venue's largest",
    -4003: "the quantity was not positive",
    -4004: "the quantity was below the venue's smallest",
    -4005: "the quantity was above the venue's largest",
    -4013: "the price was below the venue's smallest",
    -4014: "the price was no whole number of ticks",
    -4016: "the price was too far above the market",
    -4023: "the quantity was no whole number of steps",
    -4024: "the price was too far below the market",
    -4045: "too many open stop orders",
    -4116: "an open order had the same name",
    -4120: "this kind of order has an endpoint of its own",
    -4130: "a stop that closes the position was open already",
    -4131: "the best price of the other side was outside the price limits",
    -4164: "the order was worth less than the venue's least",
    -5021: "it could not be filled at once and whole (fill or kill)",
    -5022: "it would have taken, and was to make (post-only)",
    -5043: "another change of it was on its way",
}
"""By code, of those that answer an order; general-information and filter codes of the API."""


def explain_venue_code(code: int) -> str:
    """Say what a code of the venue means; one that is not listed keeps only its number."""
    meaning = MEANINGS.get(code)
    return f"code {code}: {meaning}" if meaning else f"code {code}"
