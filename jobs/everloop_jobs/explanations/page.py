"""Explanations as people look at them in an evaluation's page."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import charts
import pages
from explanations.questions import number

_SHOWN = 15


def parts(found: Mapping[str, Any]) -> list[str]:
    """Return the part of a page that says what a model relies on."""
    head = "<h2>What it relies on</h2>"
    if found.get("not_explained"):
        return [head, _soft(f"Not explained: {found['not_explained']}")]
    made = [head]
    for suspect in found["suspects"]:
        text = html.escape(f"{suspect['column']}: {suspect['why']}")
        made.append(f'<div class="verdict bad"><b>Suspect</b><br>{text}</div>')
    rows = [
        (each["column"], *(_number(each.get(key)) for key in ("loss", "low", "high")))
        for each in found["importance"][:_SHOWN]
    ]
    if rows:
        label = f"loss in {found['metric']} where the column is shuffled"
        made.append(charts.intervals(rows, label, zero=True))
        made.append(
            _soft(
                f"On {found['rows']:,} rows of the holdout, {found['repeats']} shuffles each. Of "
                "two columns that say the same, each may look small."
            )
        )
    if found.get("slices"):
        made += ["<h3>In each slice</h3>", _slices(found["slices"])]
    if found["failed"]:
        made.append(_soft(f"The model could not answer all of it: {found['failed']}"))
    elif found["not_reached"]:
        left = len(found["not_reached"])
        made.append(_soft(f"Partial: {left:,} columns were not reached in [explain].seconds"))
    if found["dependence"]:
        made.append("<h3>How the answer follows them</h3>")
        made += [_dependence(each) for each in found["dependence"]]
    return made


def _slices(found: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for each in found:
        most = ", ".join(f"{of['column']} {of['loss']:.4f}" for of in each["importance"][:3])
        rows.append((f"{each['column']} = {each['value']}", f"{each['rows']:,}", most))
    return pages.table(("slice", "rows asked", "relies most on"), rows)


def _dependence(each: Mapping[str, Any]) -> str:
    values, means = each["values"], each["mean"]
    numbers = [number(value) for value in values]
    if all(math.isfinite(value) for value in numbers) and len(numbers) > 2:
        return charts.line(numbers, means, str(each["column"]), "mean answer")
    rows = [
        (str(value), mean, math.nan, math.nan) for value, mean in zip(values, means, strict=True)
    ]
    return charts.intervals(rows, f"mean answer by {each['column']}", zero=False)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _soft(text: str) -> str:
    return f'<p class="soft">{html.escape(text)}</p>'
