"""Small square plots as inline SVG, that lie beside each other or, on a phone, below."""

import html
import math
from collections.abc import Sequence

import numpy as np

import drawing
from metrics import Array

_WIDTH, _HEIGHT = 330, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 318, 30, 252
Range = tuple[float, float]


class Plot:
    """Two axes and what is drawn between them; what is not finite is left out."""

    def __init__(self, title: str, x: Range, y: Range, across: str, up: str) -> None:
        self._title = f"{title}: {up} by {across}"
        ticks, self._x = drawing.scale(*x, _LEFT, _RIGHT)
        heights, self._y = drawing.scale(*y, _BOTTOM, _TOP)
        self._parts = [
            f'<text class="title" x="{_LEFT}" y="14">{html.escape(title)}</text>',
            drawing.tick_lines(ticks, self._x, _TOP, _BOTTOM),
        ]
        for each in heights:
            at = self._y(each)
            self._parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            )
            self._parts.append(drawing.label(_LEFT - 6, at + 4, f"{each:g}"))
        middle = (_TOP + _BOTTOM) / 2
        self._parts += [
            drawing.label_middle((_LEFT + _RIGHT) / 2, _BOTTOM + 36, across),
            f'<text transform="rotate(-90 11 {middle})" x="11" y="{middle + 4}" class="mid soft">'
            f"{html.escape(up)}</text>",
        ]

    def line(self, x: Sequence[float], y: Sequence[float], style: str) -> None:
        known = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
        points = " ".join(f"{self._x(a):.1f},{self._y(b):.1f}" for a, b in known)
        self._parts.append(f'<polyline class="{style} line" points="{points}"/>')

    def point(self, x: float, y: float, style: str = "main", size: float = 3.5) -> None:
        if math.isfinite(x) and math.isfinite(y):
            self._parts.append(
                f'<circle class="{style}" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="{size}"/>'
            )

    def whisker(self, x: float, low: float, high: float, style: str = "main") -> None:
        at = self._x(x)
        self._parts.append(
            f'<line class="{style}" x1="{at:.1f}" x2="{at:.1f}" y1="{self._y(low):.1f}" '
            f'y2="{self._y(high):.1f}"/>'
        )

    def word(self, x: float, y: float, text: str, below: bool = False, right: bool = False) -> None:
        """Write beside a point, on the side where there is room."""
        at, up = self._x(x), self._y(y)
        left = at > (_LEFT + _RIGHT) / 2 and not right
        side, apart = ("end", -8) if left else ("", 8)
        self._parts.append(
            f'<text class="{side}" x="{at + apart:.1f}" y="{up + (16 if below else -8):.1f}">'
            f"{html.escape(text)}</text>"
        )

    def cells(self, counts: Array, x: Range, y: Range) -> None:
        """Draw how many rows lie in each cell of a grid, the more the darker."""
        across = np.linspace(self._x(x[0]), self._x(x[1]), counts.shape[0] + 1)
        up = np.linspace(self._y(y[0]), self._y(y[1]), counts.shape[1] + 1)
        most = math.log1p(float(counts.max())) or 1.0
        for at, to in np.argwhere(counts > 0).tolist():
            share = 0.12 + 0.88 * math.log1p(float(counts[at, to])) / most
            self._parts.append(
                f'<rect class="main" style="fill-opacity:{share:.2f}" x="{across[at]:.1f}" '
                f'y="{up[to + 1]:.1f}" width="{across[at + 1] - across[at]:.1f}" '
                f'height="{up[to] - up[to + 1]:.1f}"/>'
            )

    def drawn(self) -> str:
        return (
            f'<svg class="small" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{html.escape(self._title)}">{"".join(self._parts)}</svg>'
        )


def beside(*plots: Plot) -> str:
    """Return plots beside each other."""
    return f'<div class="plots">{"".join(plot.drawn() for plot in plots)}</div>'


def heat(title: str, x: Array, y: Array, across: str, up: str, cells: int = 34) -> Plot:
    """Draw where rows lie, on equal axes, with the line on which both are the same.

    However many rows there are, it has at most so many cells each way. The outermost half percent
    on either side lies at the edge.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    both = np.concatenate([x, y]) if known.any() else np.zeros(1)
    low, high = (float(each) for each in np.quantile(both, [0.005, 0.995]))
    if float(both.min()) >= 0 and float(both.max()) <= 1:
        low, high = 0.0, 1.0
    if not high > low:
        low, high = low - 0.5, high + 0.5
    plot = Plot(title, (low, high), (low, high), across, up)
    clipped = (np.clip(each, low, high) for each in (x, y))
    counts, _, _ = np.histogram2d(*clipped, bins=cells, range=[(low, high), (low, high)])
    plot.cells(counts, (low, high), (low, high))
    plot.line((low, high), (low, high), "edge dashed")
    return plot
