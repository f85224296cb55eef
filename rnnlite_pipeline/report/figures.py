"""Numbers as text for people: sizes, times, errors, shares and rates."""

from __future__ import annotations

import math


def size(count: int) -> str:
    """A size in bytes, with a unit: `9,999 B`, `10.0 kB`."""
    for unit, step in (("MB", 1_000_000), ("kB", 1000)):
        if count >= 10 * step or (unit == "MB" and count >= step):
            return f"{count / step:,.1f} {unit}"
    return f"{count:,} B"


def time(ms: float) -> str:
    """A time given in milliseconds: `250.0 µs`, `1.25 ms`."""
    return f"{1000 * ms:.1f} µs" if ms < 1 else f"{ms:.2f} ms"


def error(value: float) -> str:
    """An absolute error, with two digits."""
    return f"{value:.1e}" if math.isfinite(value) else "infinite"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent; empty where there is no whole."""
    if not whole or not math.isfinite(part / whole):
        return ""
    percent = 100 * part / whole
    if percent == 0:
        return "0%"
    if percent < 0.01:
        return "under 0.01%"
    if 99 < percent < 100:
        return f"{math.floor(10 * percent) / 10:.1f}%"  # no part is shown as the whole
    return f"{percent:.2g}%" if percent < 10 else f"{percent:,.0f}%"


def rate(value: float, decimals: int = 2) -> str:
    """A rate from 0 to 1 in percent. One below 1 is never shown as 100%."""
    most = 1 - 10.0 ** -(decimals + 2)
    return f"{value if value >= 1 else min(value, most):.{decimals}%}"


def points(difference: float) -> str:
    """A difference of two rates, in percentage points, with its sign."""
    return "±0 points" if difference == 0 else f"{100 * difference:+.2f} points"


def times(ratio: float) -> str:
    """A ratio: `1.25 ×`; empty where it is not finite."""
    return f"{ratio:.2f} ×" if math.isfinite(ratio) else ""


def plural(count: int, noun: str) -> str:
    """`1 op`, `2 ops`."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"
