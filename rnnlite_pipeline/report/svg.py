"""Small charts as inline SVG. Each axis has a title. Equal values give equal bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from rnnlite_pipeline.report.html import rendered

WIDTH, HEIGHT = 680, 220
#: Room for labels of seven characters and for titles at the size that they have on a phone.
_LEFT, _RIGHT, _TOP, _BOTTOM = 100, 24, 14, 52
_PLOT_W, _PLOT_H = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

#: The approximate number of intervals between the ticks of an axis.
GAPS = 4


def line(values: Sequence[float], x_title: str, y_title: str, limit: float | None = None) -> Markup:
    """A curve of values over 0, 1, 2, ... The limit is drawn if a value is above it.

    Values below 0 are drawn as 0; NaN and infinite values as the largest.
    """
    largest = max((v for v in values if math.isfinite(v)), default=0.0)
    values = [max(v, 0.0) if math.isfinite(v) else largest for v in values]
    ticks = _ticks(largest or limit or 1.0)
    top = max(ticks[-1], largest)
    last = max(len(values) - 1, 1)
    points = [(_x(i / last), _y(v / top)) for i, v in enumerate(values)]
    crossed = limit is not None and largest > limit
    return _chart(
        x_title if limit is None else f"{x_title} (the limit is {limit:.0e})",
        y_title,
        points=points,
        bound=_y((limit or 0.0) / top) if crossed else None,
        x_labels=[(_x(i / last), str(i)) for i in _whole(last)],
        y_labels=[(_y(tick / top), f"{tick:.3g}") for tick in ticks],
    )


def histogram(counts: Sequence[int], edges: Sequence[float], x_title: str, y_title: str) -> Markup:
    """A bar for each count, from its edge to the next. The edges rise; the first is 0."""
    top = max(counts, default=0) or 1
    step = _PLOT_W / max(len(counts), 1)
    bars = [
        {
            "x": _LEFT + i * step + 2,
            "y": _y(_share(c, top)),
            "width": step - 4,
            "height": _share(c, top) * _PLOT_H,
            "title": f"{c:,}",
        }
        for i, c in enumerate(counts)
    ]
    ticks = sorted({1, 10 ** (len(str(top)) // 2), top} - {0})
    return _chart(
        x_title,
        y_title,
        bars=bars,
        x_labels=[(_LEFT + (i + 0.5) * step, _bin(edges, i)) for i in range(len(counts))],
        y_labels=[(_y(_share(tick, top)), f"{tick:,}") for tick in ticks if tick <= top],
    )


def scatter(across: Sequence[float], up: Sequence[float], x_title: str, y_title: str) -> Markup:
    """A dot for each pair of finite values. Dots of equal pairs lie on the diagonal."""
    low, high = min((*across, *up), default=0.0), max((*across, *up), default=1.0)
    ticks = _round_ticks(low, high)
    low, span = ticks[0], ticks[-1] - ticks[0]
    marks = [(tick, (tick - low) / span) for tick in ticks]
    return _chart(
        x_title,
        y_title,
        diagonal=((_x(0), _y(0)), (_x(1), _y(1))),
        dots=[
            (_x((a - low) / span), _y((b - low) / span)) for a, b in zip(across, up, strict=True)
        ],
        x_labels=[(_x(share), f"{value:.3g}") for value, share in marks],
        y_labels=[(_y(share), f"{value:.3g}") for value, share in marks],
    )


def _chart(x_title: str, y_title: str, **shown: Any) -> Markup:
    """The axes with their titles, and what is shown over them."""
    frame: dict[str, float] = {
        "width": WIDTH,
        "height": HEIGHT,
        "left": _LEFT,
        "right": WIDTH - _RIGHT,
    }
    frame |= {"top": _TOP, "base": _TOP + _PLOT_H, "middle": _TOP + _PLOT_H / 2}
    empty: dict[str, Any] = dict.fromkeys(("points", "bars", "dots"), ())
    empty |= {"bound": None, "diagonal": None}
    values = empty | shown | {"x_title": x_title, "y_title": y_title, "frame": frame}
    return rendered("chart.svg.jinja", values)


def _ticks(top: float) -> list[float]:
    """Round numbers from 0 up to `top` or the next one."""
    if not math.isfinite(top) or top <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(top / GAPS))
    step = next(power * k for k in (1, 2, 2.5, 5, 10) if power * k * GAPS >= top * 0.999)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


def _round_ticks(low: float, high: float) -> list[float]:
    """Round numbers at equal distances; the first is at most `low`, the last at least `high`."""
    step = _ticks((high - low) or abs(high) or 1.0)[1]
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * i for i in range(first, max(last, first + 1) + 1)]


def _whole(last: int) -> list[int]:
    """Whole numbers from 0 to `last`, a few of them."""
    step = max(round(last / GAPS), 1)
    inner = [i for i in range(0, last, step) if last - i >= step / 2]
    return [*inner, last]


def _share(count: int, top: int) -> float:
    """The height of a bar, on a logarithmic scale: one value among a million is still visible."""
    return math.log1p(count) / math.log1p(top)


def _bin(edges: Sequence[float], place: int) -> str:
    return f"≥{edges[place]:.0e}" if place else f"<{edges[1]:.0e}"


def _x(share: float) -> float:
    return _LEFT + share * _PLOT_W


def _y(share: float) -> float:
    return _TOP + (1 - share) * _PLOT_H
