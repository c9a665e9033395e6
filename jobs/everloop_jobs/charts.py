"""Charts as inline SVG; their colours come from the page's style, light or dark."""

import html
import math
from collections.abc import Sequence

import numpy as np

import drawing
from metrics import Array

_LEFT, _RIGHT = 44, 660  # of the drawing area, where both axes have numbers


def intervals(rows: Sequence[tuple[str, float, float, float]], label: str, zero: bool) -> str:
    """Draw (name, value, low, high) as dots with whiskers; with `zero`, a line that says no gain.

    A whisker that is NaN is left out.
    """
    left, right, step = 180, 600, 28
    drawn = [v for row in rows for v in row[1:] if math.isfinite(v)] + ([0.0] if zero else [])
    if not drawn:
        return drawing.nothing()
    margin = (max(drawn) - min(drawn)) * 0.05
    ticks, at = drawing.scale(min(drawn) - margin, max(drawn) + margin, left, right)
    bottom = len(rows) * step + 8
    parts = [drawing.tick_lines(ticks, at, 4, bottom)]
    if zero:
        parts.append(f'<line class="edge" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="0" y2="{bottom}"/>')
    for index, (name, value, low, high) in enumerate(rows):
        y = index * step + 20
        parts.append(drawing.label(left - 14, y + 4, name))
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
    parts.append(drawing.label_middle((left + right) / 2, bottom + 36, label))
    return drawing.svg(bottom + 44, parts, label)


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
            drawing.label(left - 12, y + 17, name),
            f'<rect class="track" x="{left}" y="{y + 6}" width="{right - left}" height="14"/>',
            f'<rect class="{tone}" x="{left}" y="{y + 6}" width="{length:.1f}" height="14"/>',
            f'<line class="edge" x1="{at:.1f}" x2="{at:.1f}" y1="{y + 2}" y2="{y + 24}"/>',
            f'<text class="number" x="{right + 14}" y="{y + 17}">{value:.3f}'
            f"{' ▲' if violated else ''}</text>",
        ]
    return drawing.svg(len(rows) * step + 8, parts, "distance from the baseline")


def densities(
    series: Sequence[tuple[str, Array, str]],
    label: str,
    bins: int = 40,
    mark: tuple[str, float] | None = None,
) -> str:
    """Draw the shares of values of several samples (name, values, tone) over one axis.

    `mark` is a value with a name, which a line shows.

    The outermost half percent on either side is drawn at the edge, so that one value far out does
    not squeeze all others into a line.
    """
    known = [(name, values[np.isfinite(values)], tone) for name, values, tone in series]
    known = [(name, values, tone) for name, values, tone in known if values.size]
    if not known:
        return drawing.nothing()
    ends = [np.quantile(values, [0.005, 0.995]) for _, values, _ in known]
    low, high = float(min(end[0] for end in ends)), float(max(end[1] for end in ends))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    ticks, at = drawing.scale(low, high, _LEFT, _RIGHT)
    edges = np.linspace(low, high, bins + 1)
    shares = [np.histogram(np.clip(v, low, high), edges)[0] / v.size for _, v, _ in known]
    most = max(float(share.max()) for share in shares)
    parts = [drawing.tick_lines(ticks, at, 24, 204)]
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
    if mark is not None and low <= mark[1] <= high:
        x = at(mark[1])
        parts.append(f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="24" y2="204"/>')
        parts.append(f'<text x="{x + 5:.1f}" y="34">{html.escape(mark[0])}</text>')
    parts.append(drawing.label_middle((_LEFT + _RIGHT) / 2, 240, label))
    return drawing.svg(248, parts, label)


def line(x: Sequence[float], y: Sequence[float], across: str, up: str) -> str:
    """Draw a line through points, from left to right."""
    (ticks, at), (heights, above) = (
        drawing.scale(min(x), max(x), 90, 600),
        drawing.scale(min(y), max(y), 150, 12),
    )
    parts = [drawing.tick_lines(ticks, at, 8, 158)]
    parts += [drawing.label(82, above(each) + 4, f"{each:g}") for each in heights]
    points = [(at(a), above(b)) for a, b in zip(x, y, strict=True)]
    drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    parts.append(f'<polyline class="main line" points="{drawn}"/>')
    parts += [f'<circle class="main" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in points]
    parts.append(drawing.label_middle(345, 194, f"{across}: {up}"))
    return drawing.svg(202, parts, f"{up} by {across}")


def confusion(names: Sequence[str], cells: Array, most: int = 12) -> str:
    """Draw how often each true class (a row) was taken for which; the largest classes of many."""
    kept = np.sort(np.argsort(-cells.sum(axis=1), kind="stable")[:most])
    left, top, size = 170, 26, min(44, 480 // max(1, len(kept)))
    parts = []
    for row, true in enumerate(kept.tolist()):
        whole, y = cells[true].sum(), top + row * size
        parts.append(drawing.label(left - 10, y + size / 2 + 4, names[true]))
        for column, said in enumerate(kept.tolist()):
            share = cells[true, said] / whole if whole else 0.0
            x, tone = left + column * size, "good" if true == said else "bad"
            parts.append(
                f'<rect class="track" x="{x}" y="{y}" width="{size - 2}" height="{size - 2}"/>'
                f'<rect class="{tone}" style="fill-opacity:{share * 0.5:.3f};stroke:none" x="{x}" '
                f'y="{y}" width="{size - 2}" height="{size - 2}"/>'
            )
            if cells[true, said]:
                parts.append(
                    f'<text class="mid number" x="{x + size / 2 - 1:.1f}" '
                    f'y="{y + size / 2 + 3:.1f}">{cells[true, said]:.0f}</text>'
                )
    bottom = top + len(kept) * size
    for column, said in enumerate(kept.tolist()):
        short = html.escape(names[said] if len(names[said]) <= 9 else names[said][:8] + "…")
        at = left + column * size + size / 2
        parts.append(f'<text class="mid soft" x="{at:.1f}" y="16">{short}</text>')
    told = "each row is a true class, each column what was predicted"
    if len(kept) < len(names):
        told += f"; the {len(kept)} largest of {len(names)} classes"
    parts.append(f'<text class="soft" x="{left}" y="{bottom + 18}">{told}</text>')
    return drawing.svg(bottom + 28, parts, "true and predicted classes")


def pairs(rows: Sequence[tuple[str, float, float]], names: tuple[str, str], most: int = 30) -> str:
    """Draw two shares for each row (name, first, second); of many rows the largest."""
    shown = sorted(rows, key=lambda row: -np.nan_to_num(row[1:]).max())[:most]
    left, right, step = 200, 560, 34
    widest = max([1e-9, *(value for row in shown for value in row[1:] if math.isfinite(value))])
    parts = [
        f'<rect class="{tone}" x="{left + 160 * at}" y="2" width="12" height="12"/>'
        f'<text x="{left + 160 * at + 18}" y="12">{html.escape(name)}</text>'
        for at, (name, tone) in enumerate(zip(names, ("main", "other"), strict=True))
    ]
    for index, (name, *values) in enumerate(shown):
        y = 26 + index * step
        parts.append(drawing.label(left - 12, y + 17, name))
        for at, (value, tone) in enumerate(zip(values, ("main", "other"), strict=True)):
            if not math.isfinite(value):
                continue
            length, top = value / widest * (right - left), y + at * 13
            parts.append(
                f'<rect class="{tone}" x="{left}" y="{top}" width="{length:.1f}" height="11"/>'
                f'<text class="number" x="{left + length + 8:.1f}" y="{top + 10}">'
                f"{value:.1%}</text>"
            )
    return drawing.svg(34 + len(shown) * step, parts, f"{names[0]} and {names[1]}")


def lines(label: str, series: Sequence[tuple[str, Array, str]], ends: Sequence[str]) -> str:
    """Draw (name, values, tone) as lines over the same places; `ends` names first and last."""
    known = np.concatenate([values[np.isfinite(values)] for _, values, _ in series])
    if not known.size:
        return drawing.nothing()
    left, right, top, bottom = 90, 520, 24, 150
    ticks, up = drawing.scale(float(known.min()), float(known.max()), bottom, top)
    parts = [f'<text x="{left}" y="12">{html.escape(label)}</text>']
    for tick in ticks:
        parts.append(
            f'<line class="grid" x1="{left}" x2="{right}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        )
        parts.append(drawing.label(left - 8, up(tick) + 4, f"{tick:g}"))
    for number, (name, values, tone) in enumerate(series):
        across = np.linspace(left, right, max(2, len(values)))
        places = zip(across, values, strict=False)
        line = " ".join(f"{x:.1f},{up(y):.1f}" for x, y in places if math.isfinite(y))
        parts.append(f'<polyline class="{tone} line" points="{line}"/>')
        parts.append(f'<rect class="{tone}" x="536" y="{30 + 20 * number}" width="12" height="4"/>')
        parts.append(f'<text x="556" y="{37 + 20 * number}">{html.escape(name)}</text>')
    for at, end in zip((left, right), (ends[0], ends[-1]), strict=True):
        parts.append(drawing.label_middle(at, bottom + 18, end))
    return drawing.svg(bottom + 26, parts, label)
