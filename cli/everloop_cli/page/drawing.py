"""Lines and bars as SVG in the page. No script, no style attribute: the page's policy has neither.

Each says in words what it shows, for who does not see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from markupsafe import Markup, escape

from everloop.moments import moment
from everloop.views.home import Line, Point
from everloop_cli.page.words import Translate

_SPARK: Final = (112.0, 30.0)
_CHART: Final = (520.0, 190.0)
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 24.0, 26.0
_GAP: Final = 22.0  # between labels of marks that would else lie on each other


def spark(line: Line | None, t: Translate) -> Markup:
    """Draw a line as small as a word; a dot for one point, nothing for none."""
    if line is None or not line.points:
        return Markup('<span class="soft">–</span>')
    width, height = _SPARK
    values = [point.value for point in line.points]
    low, high = _range(values, line.bound)
    xs = _spread(len(values), 3, width - 5)
    ys = [_place(value, low, high, 4, height - 4) for value in values]
    parts = []
    if line.bound is not None:
        y = _place(line.bound, low, high, 4, height - 4)
        parts.append(f'<line class="bound" x1="0" x2="{width:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
    if len(values) > 1:
        parts.append(f'<polyline class="line" points="{_points(xs, ys)}"/>')
    over = line.bound is not None and values[-1] > line.bound
    tone = "bad" if over else "main"
    parts.append(f'<circle class="dot {tone}" cx="{xs[-1]:.1f}" cy="{ys[-1]:.1f}" r="3"/>')
    label = t(
        "{name}: {count} values, {first} first, {last} last",
        name=line.name,
        count=len(values),
        first=short(values[0]),
        last=short(values[-1]),
    )
    return _svg("spark", width, height, label, parts)


@dataclass(frozen=True)
class Mark:
    """A moment that is marked in a chart: a release."""

    at: str
    text: str


def chart(line: Line, marks: Sequence[Mark], t: Translate) -> Markup:
    """Draw a value over time, with its bound and the releases."""
    width, height = _CHART
    values = [point.value for point in line.points]
    low, high = _range(values, line.bound)
    times = [_seconds(point.at) for point in line.points]
    shown = list(marks)[-6:]
    marked = [_seconds(mark.at) for mark in shown]
    begin = min([*times, *marked])
    end = max([*times, *marked, begin + 1])

    def x(at: float) -> float:
        return _LEFT + (at - begin) / (end - begin) * (width - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _place(value, low, high, _TOP, height - _BOTTOM)

    parts = [
        f'<line class="grid" x1="{_LEFT:g}" x2="{width - _RIGHT:g}" y1="{y(v):.1f}" '
        f'y2="{y(v):.1f}"/><text class="soft end" x="{_LEFT - 6:g}" y="{y(v) + 4:.1f}">'
        f"{short(v)}</text>"
        for v in _ticks(low, high)
    ]
    if line.bound is not None:
        parts.append(
            f'<line class="bound" x1="{_LEFT:g}" x2="{width - _RIGHT:g}" '
            f'y1="{y(line.bound):.1f}" y2="{y(line.bound):.1f}"/>'
        )
    last = -_GAP
    for mark in shown:
        place = x(_seconds(mark.at))
        parts.append(
            f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="{_TOP - 6:g}" '
            f'y2="{height - _BOTTOM:g}"/>'
        )
        if place - last >= _GAP:
            parts.append(f'<text class="mark" x="{place:.1f}" y="14">{escape(mark.text)}</text>')
            last = place
    xs, ys = [x(at) for at in times], [y(value) for value in values]
    if len(values) > 1:
        base = height - _BOTTOM
        area = f"{xs[0]:.1f},{base:g} {_points(xs, ys)} {xs[-1]:.1f},{base:g}"
        parts.append(f'<polygon class="area" points="{area}"/>')
        parts.append(f'<polyline class="line" points="{_points(xs, ys)}"/>')
    parts += [
        _dot(point, cx, cy, line.bound) for point, cx, cy in zip(line.points, xs, ys, strict=True)
    ]
    for at, anchor, place in ((begin, "start", _LEFT), (end, "end", width - _RIGHT)):
        when = datetime.fromtimestamp(at, tz=moment(0).tzinfo)
        said = f"{when:%d %b %H:%M}"
        parts.append(f'<text class="soft {anchor}" x="{place:g}" y="{height - 8:g}">{said}</text>')
    label = t(
        "{name}: {count} values from {first} to {last}; the newest is {newest}",
        name=line.name,
        count=len(values),
        first=line.points[0].at[:10],
        last=line.points[-1].at[:10],
        newest=short(values[-1]),
    )
    return _svg("chart", width, height, label, parts)


def _dot(point: Point, x: float, y: float, bound: float | None) -> str:
    tone = "bad" if bound is not None and point.value > bound else "main"
    version = f" v{point.version}" if point.version else ""
    title = escape(f"{point.at[:16].replace('T', ' ')} UTC{version}: {short(point.value)}")
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="3.5"'
    return f'<circle class="dot {tone}" {place}><title>{title}</title></circle>'


@dataclass(frozen=True)
class Bar:
    """A step of a run in time; `end` is None while it goes on."""

    name: str
    start: datetime
    end: datetime
    tone: str


def bars(steps: Sequence[Bar], t: Translate) -> list[Markup]:
    """Draw each step as a bar on one scale, as a cell of its own."""
    if not steps:
        return []
    begin = min(step.start for step in steps)
    whole = max((max(step.end for step in steps) - begin).total_seconds(), 1.0)
    drawn = []
    for step in steps:
        x = (step.start - begin).total_seconds() / whole * 100
        width = max((step.end - step.start).total_seconds() / whole * 100, 0.8)
        parts = [
            '<rect class="track" width="100" height="10" rx="2"/>',
            f'<rect class="bar {step.tone}" x="{min(x, 99.2):.2f}" width="{width:.2f}" '
            'height="10" rx="2"/>',
        ]
        label = t(
            "{name}: begins {start} s after the run, lasts {span} s",
            name=step.name,
            start=round((step.start - begin).total_seconds()),
            span=round((step.end - step.start).total_seconds()),
        )
        drawn.append(_svg("bars", 100, 10, label, parts, stretch=True))
    return drawn


def short(value: float) -> str:
    """Write a number as people read it beside a picture."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _svg(
    kind: str,
    width: float,
    height: float,
    label: str,
    parts: Sequence[str],
    *,
    stretch: bool = False,
) -> Markup:
    fit = ' preserveAspectRatio="none"' if stretch else ""
    return Markup(
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}"{fit} role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _range(values: Sequence[float], bound: float | None) -> tuple[float, float]:
    found = [*values, *([bound] if bound is not None else [])]
    low, high = min(found), max(found)
    room = (high - low) * 0.12 or abs(high) * 0.05 or 1.0
    return (0.0 if low >= 0 and low - room < 0 else low - room), high + room


def _ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers within a range."""
    rough = (high - low) / 3
    power = 10 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough)
    first = math.ceil(low / step)
    found = [number * step for number in range(first, math.floor(high / step) + 1)]
    return found or [low, high]


def _place(value: float, low: float, high: float, top: float, bottom: float) -> float:
    return bottom - (value - low) / (high - low) * (bottom - top)


def _spread(count: int, first: float, last: float) -> list[float]:
    if count == 1:
        return [last]
    return [first + index * (last - first) / (count - 1) for index in range(count)]


def _points(xs: Sequence[float], ys: Sequence[float]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))


def _seconds(at: str) -> float:
    return moment(at).timestamp()
