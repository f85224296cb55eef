"""Small charts as inline SVG; the same values give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 680, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 34
_PLOT_W, _PLOT_H = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM


def line(values: Sequence[float], x_title: str, limit: float | None = None) -> str:
    """A curve of values over 0, 1, 2, ...; the limit, if any, is drawn where it is crossed.

    Values below 0 are drawn as 0, what is no number or infinite as the largest.
    """
    largest = max((v for v in values if math.isfinite(v)), default=0.0)
    values = [max(v, 0.0) if math.isfinite(v) else largest for v in values]
    top = largest * 1.1 or limit or 1.0
    last = max(len(values) - 1, 1)
    points = " ".join(f"{_x(i / last):.1f},{_y(v / top):.1f}" for i, v in enumerate(values))
    curve = f'<polyline class="curve" points="{points}"/>'
    if len(values) == 1:
        curve = f'<circle class="dot" cx="{_x(0):.1f}" cy="{_y(values[0] / top):.1f}" r="3"/>'
    bound = ""
    if limit is not None and largest > limit:
        bound = f'<path class="limit" d="M{_LEFT} {_y(limit / top):.1f}H{WIDTH - _RIGHT}"/>'
    return _chart(
        bound
        + curve
        + _x_label(0, "0")
        + (_x_label(1, str(len(values) - 1)) if len(values) > 1 else "")
        + _y_label(1, f"{top:.2g}")
        + _y_label(0, "0"),
        x_title if limit is None else f"{x_title} (limit {limit:.0e})",
    )


def histogram(counts: Sequence[int], edges: Sequence[float], x_title: str) -> str:
    """Bars of counts from each edge to the next; the first edge is 0, the others rise."""
    top = max(counts, default=0) or 1
    step = _PLOT_W / max(len(counts), 1)
    bars = "".join(
        f'<rect class="bar" x="{_LEFT + i * step + 2:.1f}" y="{_y(_share(c, top)):.1f}" '
        f'width="{step - 4:.1f}" height="{_share(c, top) * _PLOT_H:.1f}">'
        f"<title>{c:,}</title></rect>"
        for i, c in enumerate(counts)
    )
    labels = "".join(
        f'<text x="{_LEFT + (i + 0.5) * step:.1f}" y="{HEIGHT - 20}" text-anchor="middle">'
        f"{escape(_bin(edges, i))}</text>"
        for i in range(len(counts))
    )
    return _chart(bars + labels + _y_label(1, f"{top:,}") + _y_label(0, "0"), x_title)


def scatter(across: Sequence[float], up: Sequence[float], x_title: str) -> str:
    """A dot for each pair of finite values, on the diagonal where the two are equal."""
    low, high = min((*across, *up), default=0.0), max((*across, *up), default=1.0)
    span = high - low or 1.0
    dots = "".join(
        f"M{_x((a - low) / span):.1f} {_y((b - low) / span):.1f}h0"
        for a, b in zip(across, up, strict=True)
    )
    diagonal = f'<path class="diagonal" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>'
    labels = _x_label(0, f"{low:.3g}") + _x_label(1, f"{high:.3g}")
    ends = _y_label(1, f"{high:.3g}")
    return _chart(f'{diagonal}<path class="dots" d="{dots}"/>{labels}{ends}', x_title)


def _share(count: int, top: int) -> float:
    """The height of a bar: logarithmic, so that one bad value among a million shows."""
    return math.log1p(count) / math.log1p(top)


def _bin(edges: Sequence[float], place: int) -> str:
    return f"≥{edges[place]:.0e}" if place else f"<{edges[1]:.0e}"


def _chart(content: str, x_title: str) -> str:
    base = _TOP + _PLOT_H
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(x_title)}">'
        f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>{content}'
        f'<text x="{_LEFT + _PLOT_W / 2:.1f}" y="{HEIGHT - 5}" text-anchor="middle">'
        f"{escape(x_title)}</text></svg>"
    )


def _x(share: float) -> float:
    return _LEFT + share * _PLOT_W


def _y(share: float) -> float:
    return _TOP + (1 - share) * _PLOT_H


def _x_label(share: float, text: str) -> str:
    anchor = "start" if share == 0 else "end"
    return f'<text x="{_x(share):.1f}" y="{HEIGHT - 20}" text-anchor="{anchor}">{text}</text>'


def _y_label(share: float, text: str) -> str:
    return f'<text x="{_LEFT - 6}" y="{_y(share) + 4:.1f}" text-anchor="end">{text}</text>'
