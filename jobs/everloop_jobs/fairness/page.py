"""Fairness as people read it in an evaluation's page."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import charts
from fairness import amounts, choices, labels
from fairness.definitions import Measure
from pages import table

_KNOWN: Mapping[str, Measure] = {**choices.MEASURES, **amounts.MEASURES, **labels.MEASURES}


def parts(found: Mapping[str, Any], bars: Mapping[str, float]) -> list[str]:
    """Return the part of a page that says how groups are treated, and how labels treat them."""
    corrected = found["corrected_for"]
    together = f", corrected for {corrected} of them together" if corrected > 1 else ""
    made = [
        "<h2>Fairness</h2>",
        f'<p class="soft">Each group against the reference group. In brackets lies the interval of '
        f"{found['confidence']:.0%} confidence{together}.</p>",
    ]
    for column in found["columns"]:
        made += _column(column, bars)
    return [*made, *_before(found["before"]), _definitions(found)]


def _column(column: Mapping[str, Any], bars: Mapping[str, float]) -> list[str]:
    if column.get("not_measured"):
        return [_soft(f"{column['column']} was not measured: {column['not_measured']}")]
    reference = column["reference"]
    against = f"against {reference['value']} ({reference['rows']:,} rows)"
    heading = f"{column['column']}: {against}"
    made = [f"<h3>{html.escape(heading)}</h3>"]
    groups = column["groups"]
    for name, bar in bars.items():
        drawn = [
            _point(f"{each['value']} ({each['rows']:,})", each["measures"][name]) for each in groups
        ]
        if drawn:
            label = f"{_words(name)}: {_KNOWN[name].fair:g} is fair, {_bar(name, bar)}"
            made.append(charts.intervals(drawn, label, zero=False))
    if groups:
        names = [*bars, *(name for name in groups[0]["measures"] if name not in bars)]
        shown = [name for name in names if name in groups[0]["measures"]]
        judged = ["bar"] if bars else []
        head = ("", *(f"{each['value']} ({each['rows']:,})" for each in groups), *judged)
        rows = [
            (
                _words(name),
                *(_cell(name, each["measures"][name], bars.get(name)) for each in groups),
                *([_bar(name, bars.get(name))] if bars else []),
            )
            for name in shown
        ]
        made.append(table(head, rows))
    small = [f"{each['value']} ({each['rows']:,})" for each in column["too_small"]]
    if small:
        made.append(_soft(f"Not judged, too few rows: {', '.join(small)}"))
    if column.get("unknown_rows"):
        made.append(_soft(f"{column['unknown_rows']:,} rows name no group"))
    return made


def _before(before: Mapping[str, Any]) -> list[str]:
    made = ["<h2>Labels that it learned from</h2>"]
    if before.get("not_measured"):
        return [*made, _soft(f"Not measured: {before['not_measured']}")]
    for column in before["columns"]:
        made += _column(column, {})
    if before["not_in_train"]:
        made.append(_soft(f"Not in train/data.csv: {', '.join(before['not_in_train'])}"))
    return made


def _point(name: str, value: Mapping[str, Any]) -> tuple[str, float, float, float]:
    number, low, high = (
        math.nan if value[key] is None else float(value[key]) for key in ("value", "low", "high")
    )
    return name, number, low, high


def _cell(name: str, value: Mapping[str, Any], bar: float | None) -> tuple[str, str]:
    _, number, low, high = _point(name, value)
    if not math.isfinite(number):
        return ("bad" if bar is not None else "soft"), "not defined"
    text = f"{number:.3f} ({low:.3f} to {high:.3f})"
    if bar is None:
        return "", text
    measure = _KNOWN[name]
    return ("good" if measure.far(number) <= measure.most(bar) else "bad"), text


def _bar(name: str, bar: float | None) -> str:
    return "" if bar is None else _KNOWN[name].wanted(bar)


def _definitions(found: Mapping[str, Any]) -> str:
    groups = [group for column in found["columns"] for group in column["groups"]]
    before = [
        group
        for column in found["before"].get("columns") or ()
        for group in column.get("groups") or ()
    ]
    names: Sequence[str] = list(
        dict.fromkeys(name for group in (*groups, *before) for name in group["measures"])
    )
    rows = [
        (_words(name), _KNOWN[name].formula, f"{_KNOWN[name].fair:g}", _KNOWN[name].source)
        for name in names
    ]
    inner = table(("measure", "a is the reference, d the group", "fair", "source"), rows)
    return f"<details><summary>What each measure is</summary>{inner}</details>" if rows else ""


def _words(name: str) -> str:
    return name.replace("_", " ")


def _soft(text: str) -> str:
    return f'<p class="soft">{html.escape(text)}</p>'
