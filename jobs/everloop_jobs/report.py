"""Reports that people look at before they read: one HTML page each, with plots as inline SVG."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from metrics import Array

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2430;max-width:60rem;margin:2.5rem auto}
body{padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}.quiet{color:#667}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid #e4e6ec}
td.n,th.n{text-align:right}.bad{color:#b3261e;font-weight:600}.good{color:#1b7f4b;font-weight:600}
svg{max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#445}
"""
_BLUE, _GREY, _RED, _GREEN = "#3b6fd4", "#aab2c2", "#c8443c", "#2f9a63"


def page(title: str, *parts: str) -> str:
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{''.join(parts)}</html>\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; numbers are aligned right, strings that begin with `<` are markup."""

    def cell(value: Any, tag: str = "td") -> str:
        if isinstance(value, float):
            return f"<{tag} class=n>{value:.4f}</{tag}>"
        if isinstance(value, int):
            return f"<{tag} class=n>{value:,}</{tag}>"
        text = str(value)
        return f"<{tag}>{text if text.startswith('<') else html.escape(text)}</{tag}>"

    top = "".join(cell(name, "th") for name in head)
    body = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def bars(rows: Sequence[tuple[str, float, float, bool]]) -> str:
    """Draw one bar per row (name, value, threshold, violated), a line at each threshold."""
    left, width, step = 210, 420, 22
    most = max([1e-9, *(value for _, value, _, _ in rows), *(edge for _, _, edge, _ in rows)])
    drawn = []
    for index, (name, value, edge, violated) in enumerate(rows):
        y = index * step
        length = max(0.0, value) / most * width
        at = left + edge / most * width
        colour = _RED if violated else _BLUE
        drawn.append(
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="{left}" y="{y + 4}" width="{length:.1f}" height="14" fill="{colour}"/>'
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y + 1}" y2="{y + 21}" stroke="#223"/>'
            f'<text x="{left + width + 12}" y="{y + 15}">{value:.3f}</text>'
        )
    return f'<svg viewBox="0 0 700 {len(rows) * step + 6}" role=img>{"".join(drawn)}</svg>'


def histograms(series: Sequence[tuple[str, Array, str]], bins: int = 30) -> str:
    """Draw the shares of values of several samples over one axis."""
    known = [(name, values[np.isfinite(values)], colour) for name, values, colour in series]
    known = [(name, values, colour) for name, values, colour in known if values.size]
    if not known:
        return "<p class=quiet>No values to draw.</p>"
    everything = np.concatenate([values for _, values, _ in known])
    low, high = float(everything.min()), float(everything.max())
    high = high if high > low else low + 1
    shares = [np.histogram(v, bins, (low, high))[0] / v.size for _, v, _ in known]
    most = max(float(share.max()) for share in shares)
    drawn = []
    for (name, _, colour), share, row in zip(known, shares, range(len(known)), strict=True):
        points = " ".join(
            f"{40 + index / (bins - 1) * 600:.1f},{200 - value / most * 180:.1f}"
            for index, value in enumerate(share)
        )
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        drawn.append(
            f'<text x="520" y="{18 + row * 16}" style="fill:{colour}">{html.escape(name)}</text>'
        )
    axis = (
        f'<line x1="40" x2="640" y1="200" y2="200" stroke="#99a"/><text x="40" y="216">{low:.3g}'
        f'</text><text x="640" y="216" text-anchor="end">{high:.3g}</text>'
    )
    return f'<svg viewBox="0 0 680 222" role=img>{axis}{"".join(drawn)}</svg>'


def _calibration(truth: Array, score: Array) -> str:
    """Draw predicted against seen shares in ten equal groups."""
    order = np.argsort(score)
    drawn = ['<line x1="40" y1="240" x2="240" y2="40" stroke="#ccd"/>']
    for group in np.array_split(order, 10):
        if group.size:
            x, y = 40 + score[group].mean() * 200, 240 - truth[group].mean() * 200
            drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_BLUE}"/>')
    drawn.append('<text x="40" y="258">predicted</text><text x="4" y="34">seen</text>')
    return f'<svg viewBox="0 0 680 262" role=img>{"".join(drawn)}</svg>'


def evaluation(model: str, told: dict[str, Any], truth: Array, score: Array) -> str:
    rows = [
        (name, found["value"], found["low"], found["high"])
        for name, found in told["metrics"].items()
    ]
    first = next(iter(told["metrics"]))
    slices = [
        (part["column"], part["value"], part["rows"], part["metrics"][first]["value"])
        for part in told["slices"]
    ]
    if told["problem"] == "regression":
        plot = "<h2>Residuals</h2>" + histograms([("score - target", score - truth, _BLUE)])
    else:
        plot = (
            "<h2>Scores by outcome</h2>"
            + histograms([("0", score[truth == 0], _GREY), ("1", score[truth == 1], _RED)])
            + "<h2>Calibration</h2>"
            + _calibration(truth, score)
        )
    parts = [
        f"<p class=quiet>{told['rows']:,} rows of the holdout</p>",
        table(("metric", "value", "low (95 %)", "high"), rows),
        plot,
    ]
    if slices:
        parts += ["<h2>Slices</h2>", table(("column", "value", "rows", first), slices)]
    return page(f"Evaluation of {model}", *parts)


def comparison(
    model: str, told: dict[str, Any], truth: Array, candidate: Array, champion: Array
) -> str:
    gain, metric = told["gain"], told["metric"]
    word = "good" if gain["low"] > 0 else "bad" if gain["high"] < 0 else "quiet"
    rows = [
        (side, told[side]["value"], told[side]["low"], told[side]["high"])
        for side in ("candidate", "champion")
    ]
    slices = [
        (p["column"], p["value"], p["rows"], p["candidate"]["value"], p["champion"]["value"])
        for p in told["slices"]
    ]
    parts = [
        f"<p>Gain in {metric}: <span class={word}>{gain['value']:+.4f}</span> "
        f"({gain['low']:+.4f} to {gain['high']:+.4f} with {gain['confidence']:.0%} confidence, "
        f"{gain['resamples']} resamples of the same {told['rows']:,} rows; positive is better)</p>",
        table(("", metric, "low", "high"), rows),
        "<h2>Scores</h2>",
        histograms([("candidate", candidate, _BLUE), ("champion", champion, _GREY)]),
    ]
    if slices:
        head = ("column", "value", "rows", "candidate", "champion")
        parts += ["<h2>Slices</h2>", table(head, slices)]
    return page(f"{model}: candidate against champion", *parts)


def findings(told: dict[str, Any], scores: Array, reference: Array) -> str:
    drifts = [
        (
            f"{c['feature']} ({c['statistic'].removesuffix('_check')})",
            c["value"],
            c["threshold"],
            c["violated"],
        )
        for c in told["checks"]
        if c["monitor"] != "quality" and np.isfinite(c["value"])
    ]
    drifts.sort(key=lambda row: -row[1])
    violated = [c for c in told["checks"] if c["violated"]]
    verdict = (
        f"<p class=bad>{len(violated)} of {len(told['checks'])} checks are violated</p>"
        if violated
        else f"<p class=good>{len(told['checks'])} checks, nothing is violated</p>"
    )
    listed = [
        (
            "<span class=bad>violated</span>" if c["violated"] else "ok",
            c["monitor"],
            c["description"],
        )
        for c in sorted(told["checks"], key=lambda c: not c["violated"])
    ]
    return page(
        f"{told['model']}: what the monitor saw",
        f"<p class=quiet>{told['from']} to {told['to']}, version {told['serving_version']}: "
        f"{told['rows']:,} rows, {told['labelled_rows']:,} with labels</p>",
        verdict,
        "<h2>Distance from the baseline</h2>",
        bars(drifts[:40]) if drifts else "<p class=quiet>Too few rows to compare.</p>",
        "<h2>Scores now and on the holdout</h2>",
        histograms([("now", scores, _BLUE), ("holdout", reference, _GREY)]),
        "<h2>Checks</h2>",
        table(("", "monitor", "what"), listed),
    )
