"""Plots of scores of two classes: from the numbers that evaluation.json has as `detail`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import pages
import plots
from curves import Curve
from metrics import Array

MOST = 200  # thresholds of a curve, however many rows there are
_GROUPS = 10
_SHOWN = 40  # classes
_Z = 1.96


def detail(truth: Array, score: Array, threshold: float) -> dict[str, Any]:
    """Return the counts that all plots are drawn from: a few hundred numbers of any many rows."""
    positives, rows = int(truth.sum()), len(truth)
    said = score >= threshold
    hits = int((said * truth).sum())
    alarms = int(said.sum()) - hits
    curve = Curve(score, truth)
    true, false = curve.sums(np.ones(rows))
    kept = _kept(true, false)
    return {
        "rows": rows,
        "positives": positives,
        "threshold": float(threshold),
        "confusion": {
            "true_positives": hits,
            "false_positives": alarms,
            "false_negatives": positives - hits,
            "true_negatives": rows - positives - alarms,
        },
        "curve": {
            "threshold": curve.values[kept].tolist(),
            "true_positives": true[kept].astype(int).tolist(),
            "false_positives": false[kept].astype(int).tolist(),
        },
        "calibration": groups(truth, score),
    }


def groups(truth: Array, score: Array) -> list[dict[str, Any]]:
    """Return ten groups of as many rows each, from the lowest scores to the highest."""
    order = np.argsort(score, kind="stable")
    return [
        {
            "rows": len(each),
            "score": float(score[each].mean()),
            "positives": int(truth[each].sum()),
        }
        for each in np.array_split(order, _GROUPS)
        if each.size
    ]


def _kept(true: Array, false: Array) -> Array:
    """Return which thresholds stand for all: evenly along the ROC curve, both ends among them."""
    if len(true) <= MOST:
        return np.arange(len(true))
    way = true / max(true[-1], 1.0) + false / max(false[-1], 1.0)
    at = np.searchsorted(way, np.linspace(way[0], way[-1], MOST))
    return np.unique(np.append(np.clip(at, 0, len(way) - 1), [0, len(way) - 1]))


def parts(
    found: Mapping[str, Any], names: tuple[str, str], area: float, precise: float
) -> list[str]:
    """Return the parts of a page.

    `names` are of the other and the positive class, then follow the areas below both curves.
    """
    positives, others = found["positives"], found["rows"] - found["positives"]
    made = [f"<h2>At the threshold {found['threshold']:.4g}</h2>", _confusion(found, names)]
    if positives and others:
        made += [
            "<h2>At every threshold</h2>",
            plots.beside(_roc(found, area), _precision(found, precise)),
            '<p class="soft">The dot is the threshold; dashed is a model that knows nothing.</p>',
            "<h2>What the highest scores hold</h2>",
            plots.beside(_gain(found), _lift(found)),
        ]
    return [*made, "<h2>Calibration</h2>", *calibration(found["calibration"])]


def _confusion(found: Mapping[str, Any], names: tuple[str, str]) -> str:
    cells, (other, one) = found["confusion"], names
    hits, missed = cells["true_positives"], cells["false_negatives"]
    alarms, quiet = cells["false_positives"], cells["true_negatives"]

    def cell(count: int, of: int, right: bool) -> tuple[str, str]:
        share = f" ({count / of:.1%})" if of else ""
        return ("good" if right else "bad"), f"{'✓' if right else '✗'} {count:,}{share}"

    head = ("", f"said {one}", f"said {other}", "rows")
    rows = [
        (f"is {one}", cell(hits, hits + missed, True), cell(missed, hits + missed, False)),
        (f"is {other}", cell(alarms, alarms + quiet, False), cell(quiet, alarms + quiet, True)),
    ]
    wholes = (hits + missed, alarms + quiet)
    return pages.table(
        head, [(*row, f"{whole:,}") for row, whole in zip(rows, wholes, strict=True)]
    )


def _rates(found: Mapping[str, Any]) -> tuple[Array, Array, Array, Array]:
    """Return recall, false alarms, precision and the share of rows of each threshold."""
    curve = found["curve"]
    true = np.array([0, *curve["true_positives"]], dtype=float)
    false = np.array([0, *curve["false_positives"]], dtype=float)
    said = true + false
    positives, rows = found["positives"], found["rows"]
    precise = np.where(said > 0, true / np.maximum(said, 1), np.nan)
    return true / positives, false / (rows - positives), precise, said / rows


def _here(found: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return the same at the threshold that is used."""
    cells, positives = found["confusion"], found["positives"]
    hits, alarms = cells["true_positives"], cells["false_positives"]
    said = hits + alarms
    others = found["rows"] - positives
    precise = hits / said if said else math.nan
    return hits / positives, alarms / others, precise, said / found["rows"]


def _roc(found: Mapping[str, Any], area: float) -> plots.Plot:
    recall, alarms, _, _ = _rates(found)
    hit, alarm, _, _ = _here(found)
    plot = plots.Plot(f"ROC, area {area:.4f}", (0, 1), (0, 1), "false alarms", "recall")
    plot.line((0, 1), (0, 1), "edge dashed")
    plot.line(alarms.tolist(), recall.tolist(), "main")
    _mark(plot, alarm, hit, found)
    return plot


def roc_of(sides: Sequence[tuple[str, Mapping[str, Any], str]]) -> plots.Plot:
    """Draw the curves of several models (name, detail, style) on the same rows."""
    plot = plots.Plot("ROC of both", (0, 1), (0, 1), "false alarms", "recall")
    plot.line((0, 1), (0, 1), "edge dashed")
    for row, (name, found, style) in enumerate(sides):
        recall, alarms, _, _ = _rates(found)
        plot.line(alarms.tolist(), recall.tolist(), style)
        plot.line((0.55, 0.65), (0.16 - row * 0.09,) * 2, style)
        plot.word(0.62, 0.1 - row * 0.09, name, right=True)
    return plot


def _precision(found: Mapping[str, Any], area: float) -> plots.Plot:
    recall, _, precise, _ = _rates(found)
    hit, _, exact, _ = _here(found)
    title = f"Precision and recall, average {area:.4f}"
    plot = plots.Plot(title, (0, 1), (0, 1), "recall", "precision")
    base = found["positives"] / found["rows"]
    plot.line((0, 1), (base, base), "edge dashed")
    plot.line(recall.tolist(), precise.tolist(), "main")
    _mark(plot, hit, exact, found)
    return plot


def _gain(found: Mapping[str, Any]) -> plots.Plot:
    recall, _, _, share = _rates(found)
    hit, _, _, said = _here(found)
    base = found["positives"] / found["rows"]
    plot = plots.Plot("Gain", (0, 1), (0, 1), "share of rows, highest scores first", "recall")
    plot.line((0, 1), (0, 1), "edge dashed")
    plot.line((0, base, 1), (0, 1, 1), "edge dashed")
    plot.line(share.tolist(), recall.tolist(), "main")
    _mark(plot, said, hit, found)
    return plot


def _lift(found: Mapping[str, Any]) -> plots.Plot:
    _, _, precise, share = _rates(found)
    base = found["positives"] / found["rows"]
    # Of the first one percent, or ten rows, a lift says nothing yet.
    known = share >= max(0.01, 10 / found["rows"])
    lift = np.where(known, precise / base, np.nan)
    most = float(np.nanmax(np.append(lift, 1.0)))
    plot = plots.Plot(
        "Lift",
        (0, 1),
        (0, most * 1.05),
        "share of rows, highest scores first",
        "times the base rate",
    )
    plot.line((0, 1), (1, 1), "edge dashed")
    plot.line(share.tolist(), lift.tolist(), "main")
    _, _, exact, said = _here(found)
    if said >= max(0.01, 10 / found["rows"]):
        _mark(plot, said, exact / base, found)
    return plot


def _mark(plot: plots.Plot, x: float, y: float, found: Mapping[str, Any]) -> None:
    if math.isfinite(x) and math.isfinite(y):
        plot.point(x, y, "plain", 5)
        plot.word(x, y, f"{found['threshold']:.3g}", below=True)


def calibration(found: Sequence[Mapping[str, Any]], what: str = "positive") -> list[str]:
    """Draw, in found of equal size, the mean score against the share that came true."""
    rows = sum(each["rows"] for each in found)
    base = sum(each["positives"] for each in found) / rows
    shares = [each["positives"] / each["rows"] for each in found]
    spans = [_wilson(each["positives"], each["rows"]) for each in found]
    scores = [each["score"] for each in found]
    most = min(1.0, max(*scores, *(high for _, high in spans)) * 1.05)
    plot = plots.Plot(
        "Predicted and seen", (0, most), (0, most), "mean score", "share that came true"
    )
    plot.line((0, most), (0, most), "edge dashed")
    plot.line((0, most), (base, base), "other")
    plot.line(scores, shares, "main")
    for score, share, (low, high) in zip(scores, shares, spans, strict=True):
        plot.whisker(score, low, high)
        plot.point(score, share)
    told = (
        f"{len(found)} groups of about {rows // len(found):,} rows, each with its 95 % interval. "
        "On the dashed line what is predicted is what happens. The level line is the base rate: "
        f"{base:.1%} of all rows are {what}."
    )
    return [plots.beside(plot), f'<p class="soft">{told}</p>']


def classes(names: Sequence[str], target: Array, label: Array, cells: Array) -> str:
    """Return the table of classes, those with the most rows first."""
    true = np.array([(target == code).sum() for code in range(len(names))])
    said = np.array([(label == code).sum() for code in range(len(names))])
    rows = []
    for code in np.argsort(-true, kind="stable")[:_SHOWN].tolist():
        hits, there, claimed = float(cells[code, code]), int(true[code]), int(said[code])
        recall = f"{hits / there:.1%}" if there else "none is there"
        precision = f"{hits / claimed:.1%}" if claimed else "never said"
        rows.append((names[code], f"{there:,}", recall, precision))
    head = ("class", "rows", "recognised (recall)", "right where it was said (precision)")
    return pages.table(head, rows)


def _wilson(hits: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    share, spread = hits / rows, _Z**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    apart = _Z / (1 + spread) * math.sqrt(share * (1 - share) / rows + spread / rows / 4)
    return max(0.0, middle - apart), min(1.0, middle + apart)
