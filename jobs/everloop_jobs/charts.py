"""Charts as inline SVG; their colours come from the page's style, light or dark."""

import html
import math
from collections.abc import Sequence

import numpy as np

from metrics import Array

_WIDTH = 680
_LEFT, _RIGHT = 44, 660  # of the drawing area, where both axes have numbers


def intervals(rows: Sequence[tuple[str, float, float, float]], label: str, zero: bool) -> str:
    """Draw (name, value, low, high) as dots with whiskers; with `zero`, a line that says no gain.

    A whisker that is NaN is left out.
    """
    left, right, step = 180, 600, 28
    drawn = [v for row in rows for v in row[1:] if math.isfinite(v)] + ([0.0] if zero else [])
    if not drawn:
        return _nothing()
    margin = (max(drawn) - min(drawn)) * 0.05
    ticks, at = _scale(min(drawn) - margin, max(drawn) + margin, left, right)
    bottom = len(rows) * step + 8
    parts = [_tick_lines(ticks, at, 4, bottom)]
    if zero:
        parts.append(f'<line class="edge" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="0" y2="{bottom}"/>')
    for index, (name, value, low, high) in enumerate(rows):
        y = index * step + 20
        parts.append(_label(left - 14, y + 4, name))
        if not math.isfinite(value):
            parts.append(f'<text x="{left}" y="{y + 4}" class="soft">not defined here</text>')
            continue
        sure = math.isfinite(low) and math.isfinite(high)
        tone = "good" if sure and low > 0 else "bad" if sure and high < 0 else "plain"
        tone = tone if zero else "main"
        if sure:
            parts.append(
                f'<line class="{tone} thick" x1="{at(low):.1f}" x2="{at(high):.1f}" '
                f'y1="{y}" y2="{y}"/>'
            )
        parts.append(f'<circle class="{tone}" cx="{at(value):.1f}" cy="{y}" r="5"/>')
        shown = f"{value:+.4f}" if zero else f"{value:.4f}"
        parts.append(f'<text class="number" x="{right + 16}" y="{y + 4}">{shown}</text>')
    parts.append(_label_middle((left + right) / 2, bottom + 36, label))
    return _svg(bottom + 44, parts, label)


def bars(rows: Sequence[tuple[str, float, float, bool]]) -> str:
    """Draw a bar per row (name, value, threshold, violated), a mark at each threshold."""
    left, right, step = 260, 580, 24
    most = max([1e-9, *(max(value, edge) for _, value, edge, _ in rows)])
    parts = []
    for index, (name, value, edge, violated) in enumerate(rows):
        y = index * step
        length = max(0.0, value) / most * (right - left)
        at = left + edge / most * (right - left)
        tone = "bad" if violated else "main"
        parts += [
            _label(left - 12, y + 17, name),
            f'<rect class="track" x="{left}" y="{y + 6}" width="{right - left}" height="14"/>',
            f'<rect class="{tone}" x="{left}" y="{y + 6}" width="{length:.1f}" height="14"/>',
            f'<line class="edge" x1="{at:.1f}" x2="{at:.1f}" y1="{y + 2}" y2="{y + 24}"/>',
            f'<text class="number" x="{right + 14}" y="{y + 17}">{value:.3f}</text>',
        ]
    return _svg(len(rows) * step + 8, parts, "distance from the baseline")


def densities(series: Sequence[tuple[str, Array, str]], label: str, bins: int = 40) -> str:
    """Draw the shares of values of several samples (name, values, tone) over one axis.

    The outermost half percent on either side is drawn at the edge, so that one value far out does
    not squeeze all others into a line.
    """
    known = [(name, values[np.isfinite(values)], tone) for name, values, tone in series]
    known = [(name, values, tone) for name, values, tone in known if values.size]
    if not known:
        return _nothing()
    ends = [np.quantile(values, [0.005, 0.995]) for _, values, _ in known]
    low, high = float(min(end[0] for end in ends)), float(max(end[1] for end in ends))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    ticks, at = _scale(low, high, _LEFT, _RIGHT)
    edges = np.linspace(low, high, bins + 1)
    shares = [np.histogram(np.clip(v, low, high), edges)[0] / v.size for _, v, _ in known]
    most = max(float(share.max()) for share in shares)
    parts = [_tick_lines(ticks, at, 24, 204)]
    for row, ((name, values, tone), share) in enumerate(zip(known, shares, strict=True)):
        steps = [f"{at(low):.1f},204"]
        for index, value in enumerate(share):
            y = 204 - value / most * 176
            steps += [f"{at(edges[index]):.1f},{y:.1f}", f"{at(edges[index + 1]):.1f},{y:.1f}"]
        steps.append(f"{at(high):.1f},204")
        parts.append(f'<polygon class="{tone} area" points="{" ".join(steps)}"/>')
        x = _LEFT + row * 210
        parts.append(f'<rect class="{tone} area" x="{x}" y="2" width="12" height="12"/>')
        parts.append(f'<text x="{x + 18}" y="12">{html.escape(name)} ({values.size:,})</text>')
    parts.append(_label_middle((_LEFT + _RIGHT) / 2, 240, label))
    return _svg(248, parts, label)


def calibration(truth: Array, score: Array) -> str:
    """Draw, in ten groups of equal size, the mean prediction against the share that came true."""
    groups = [group for group in np.array_split(np.argsort(score), 10) if group.size]
    points = [(float(score[group].mean()), float(truth[group].mean())) for group in groups]
    most = min(1.0, max(max(point) for point in points) * 1.1 or 1.0)
    ticks, across = _scale(0.0, most, 60, 320)
    _, up = _scale(0.0, most, 270, 10)
    parts = [_tick_lines(ticks, across, 10, 270)]
    for tick in ticks:
        parts.append(
            f'<line class="grid" x1="60" x2="320" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        )
        parts.append(_label(52, up(tick) + 4, f"{tick:g}"))
    parts.append(
        f'<line class="edge dashed" x1="{across(0):.1f}" y1="{up(0):.1f}" '
        f'x2="{across(most):.1f}" y2="{up(most):.1f}"/>'
    )
    line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
    parts.append(f'<polyline class="main line" points="{line}"/>')
    parts += [
        f'<circle class="main" cx="{across(x):.1f}" cy="{up(y):.1f}" r="4.5"/>' for x, y in points
    ]
    parts.append(_label_middle(190, 306, "predicted"))
    parts.append('<text transform="rotate(-90 14 140)" x="14" y="144" class="mid">seen</text>')
    parts.append('<text x="350" y="40" class="soft">On the dashed line, what is predicted</text>')
    parts.append('<text x="350" y="58" class="soft">is what happens: of rows scored 0.3,</text>')
    parts.append('<text x="350" y="76" class="soft">three in ten come true.</text>')
    return _svg(314, parts, "calibration")


def scatter(truth: Array, score: Array, most: int = 1500) -> str:
    """Draw predicted against true values, evenly thinned where there are many rows."""
    kept = np.unique(np.linspace(0, len(truth) - 1, min(most, len(truth))).round().astype(int))
    x, y = truth[kept], score[kept]
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    ticks, across = _scale(low, high, 70, 360)
    _, up = _scale(low, high, 300, 10)
    parts = [_tick_lines(ticks, across, 10, 300)]
    for tick in ticks:
        parts.append(
            f'<line class="grid" x1="70" x2="360" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        )
        parts.append(_label(62, up(tick) + 4, f"{tick:g}"))
    parts += [
        f'<circle class="main faint" cx="{across(a):.1f}" cy="{up(b):.1f}" r="2.5"/>'
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    ]
    parts.append(
        f'<line class="edge dashed" x1="{across(low):.1f}" y1="{up(low):.1f}" '
        f'x2="{across(high):.1f}" y2="{up(high):.1f}"/>'
    )
    parts.append(_label_middle(215, 336, "true"))
    parts.append('<text transform="rotate(-90 14 155)" x="14" y="159" class="mid">predicted</text>')
    return _svg(344, parts, "predicted and true values")


class _Scale:
    """Where a value lies on an axis of pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._span = low, (high - low) or 1.0
        self._start, self._length = start, end - start

    def __call__(self, value: float) -> float:
        return float(self._start + (value - self._low) / self._span * self._length)


def _scale(low: float, high: float, start: float, end: float) -> tuple[list[float], _Scale]:
    """Return round numbers between low and high, about five of them, and the axis."""
    span = (high - low) or abs(low) or 1.0
    rough = span / 5
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * each for each in (1, 2, 2.5, 5, 10) if magnitude * each >= rough)
    if high == low:
        low, high = low - span / 2, high + span / 2
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [round(each * step, 12) for each in range(first, last + 1)]
    return ticks, _Scale(low, high, start, end)


def _tick_lines(ticks: Sequence[float], at: _Scale, top: float, bottom: float) -> str:
    return "".join(
        f'<line class="grid" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{top}" y2="{bottom}"/>'
        f'<text class="mid soft" x="{at(tick):.1f}" y="{bottom + 16}">{tick:g}</text>'
        for tick in ticks
    )


def _label(x: float, y: float, text: str) -> str:
    short = text if len(text) <= 34 else text[:33] + "…"
    return f'<text class="end" x="{x:.1f}" y="{y:.1f}">{html.escape(short)}</text>'


def _label_middle(x: float, y: float, text: str) -> str:
    return f'<text class="mid soft" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _nothing() -> str:
    return '<p class="soft">No values to draw.</p>'
