"""Whole numbers for money, prices and quantities, and their decimal text.

Money that is booked is an integer in units of 1e-8 (``_e8``).  Prices become ``_ticks`` and
quantities ``_lots`` from the risk gate onward; a symbol's ``tick_e8`` and ``lot_e8`` say how
large one of them is.  Nothing here goes through a float: text in, integer out, and back.
"""

from __future__ import annotations

E8 = 100_000_000
MS_PER_S = 1_000
MS_PER_DAY = 86_400_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
US_PER_S = 1_000_000
I64_MAX = (1 << 63) - 1


def parse_e8(text: str) -> int:
    """Turn decimal text into units of 1e-8, exactly.

    Accepts an optional sign and plain digits with at most one point.  Digits beyond the
    eighth decimal must be zero.

    Raises:
        ValueError: the text is not a plain decimal number, or 1e-8 cannot hold it exactly.
    """
    body = text[1:] if text[:1] in ("-", "+") else text
    whole, _, fraction = body.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit():
        raise ValueError(f"not a decimal number: {text!r}")
    if fraction[8:].strip("0"):
        raise ValueError(f"more than eight decimals: {text!r}")
    value = int(whole or "0") * E8 + int(fraction[:8].ljust(8, "0"))
    return -value if text.startswith("-") else value


def format_e8(value_e8: int, decimals: int = 8) -> str:
    """Write units of 1e-8 as decimal text with `decimals` (0 to 8) decimals.

    Raises:
        ValueError: the value has more decimals than asked for, so text would lose money.
    """
    if decimals == 8:
        # By far the most frequent, and nothing can be lost.
        return ("%d.%08d" if value_e8 >= 0 else "-%d.%08d") % divmod(abs(value_e8), E8)
    sign = "-" if value_e8 < 0 else ""
    whole, fraction = divmod(abs(value_e8), E8)
    digits = f"{fraction:08d}"
    if digits[decimals:].strip("0"):
        raise ValueError(f"{value_e8} has more than {decimals} decimals")
    return f"{sign}{whole}.{digits[:decimals]}" if decimals else f"{sign}{whole}"


def trim_e8(value_e8: int) -> str:
    """Write units of 1e-8 as decimal text without trailing zeros (``"0.01"``, ``"60000"``)."""
    text = format_e8(value_e8)
    return text.rstrip("0").rstrip(".")


def priced_e8(amount_e8: int, price_e8: int) -> int:
    """Give the worth of an amount at a price, rounded half away from zero."""
    worth = (2 * abs(amount_e8) * price_e8 + E8) // (2 * E8)
    return worth if amount_e8 >= 0 else -worth


def decimals_of(step_e8: int) -> int:
    """Count the decimals that a tick or lot of `step_e8` needs in text."""
    if step_e8 <= 0:
        raise ValueError(f"a step is positive: {step_e8}")
    decimals = 8
    while decimals and step_e8 % 10 == 0:
        step_e8 //= 10
        decimals -= 1
    return decimals


def nearest_steps(value: float, step_e8: int) -> int:
    """Round a float price or quantity to the nearest whole number of steps.

    The float is a correctly rounded decimal, so its shortest text is the decimal the venue
    or the strategy meant; the rounding is done on that text, half away from zero.

    Raises:
        ValueError: the value is not finite.
    """
    numerator, denominator = _as_ratio(value)
    scaled = 2 * numerator * E8 + (
        denominator * step_e8 if numerator >= 0 else -denominator * step_e8
    )
    unit = 2 * denominator * step_e8
    return scaled // unit if numerator >= 0 else -((-scaled) // unit)


def floor_steps(value: float, step_e8: int) -> int:
    """Round a non-negative float quantity down to whole steps, by its shortest decimal text."""
    numerator, denominator = _as_ratio(value)
    return numerator * E8 // (denominator * step_e8)


def _as_ratio(value: float) -> tuple[int, int]:
    text = repr(float(value))
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    try:
        numerator = int(whole + fraction)
    except ValueError:
        raise ValueError(f"not a finite number: {text}") from None
    power = int(exponent or "0") - len(fraction)
    return (numerator * 10**power, 1) if power >= 0 else (numerator, 10**-power)
