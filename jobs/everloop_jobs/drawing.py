"""What charts are drawn with, as inline SVG: axes, their numbers, labels."""

import html
import math
from collections.abc import Sequence

WIDTH = 680


class Scale:
    """Where a value lies on an axis of pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._span = low, (high - low) or 1.0
        self._start, self._length = start, end - start

    def __call__(self, value: float) -> float:
        return float(self._start + (value - self._low) / self._span * self._length)


def scale(low: float, high: float, start: float, end: float) -> tuple[list[float], Scale]:
    """Return round numbers between low and high, about five of them, and the axis."""
    span = (high - low) or abs(low) or 1.0
    rough = span / 5
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * each for each in (1, 2, 2.5, 5, 10) if magnitude * each >= rough)
    if high == low:
        low, high = low - span / 2, high + span / 2
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [round(each * step, 12) for each in range(first, last + 1)]
    return ticks, Scale(low, high, start, end)


def tick_lines(ticks: Sequence[float], at: Scale, top: float, bottom: float) -> str:
    return "".join(
        f'<line class="grid" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{top}" y2="{bottom}"/>'
        f'<text class="mid soft" x="{at(tick):.1f}" y="{bottom + 16}">{tick:g}</text>'
        for tick in ticks
    )


def label(x: float, y: float, text: str) -> str:
    short = text if len(text) <= 34 else text[:33] + "…"
    return f'<text class="end" x="{x:.1f}" y="{y:.1f}">{html.escape(short)}</text>'


def label_middle(x: float, y: float, text: str) -> str:
    return f'<text class="mid soft" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'


def svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<div class="wide"><svg viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{html.escape(label)}">{"".join(parts)}</svg></div>'
    )


def nothing() -> str:
    return '<p class="soft">No values to draw.</p>'
