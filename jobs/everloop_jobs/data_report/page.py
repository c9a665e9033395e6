"""The data report as a page that people read: data.html."""

import html
from collections.abc import Mapping
from typing import Any

import charts
import head
from data_report.profile import Profile
from pages import page, table

_CHARTS = 40  # columns that are drawn
_WORDS = 8  # of a column's values that the table shows


def rendered(
    made: Mapping[str, Any], files: Mapping[str, int], why: str, new: Profile, before: Profile
) -> str:
    """Return the page. `files` counts what became of files, `why` says why nothing is trained."""
    told = _told(made)
    tone, verdict = ("bad", "Nothing is trained") if why else ("", "")
    if not why:
        tone = "bad" if made["suspects"] or made["personal"] else "" if told else "good"
        verdict = f"{len(told)} things to look at" if told else "Nothing stands out"
    lines = [why] if why else []
    parts = [
        f'<div class="verdict {tone}"><b>{verdict}</b>'
        + "".join(f"<br>{html.escape(line)}" for line in [*lines, *told[:12]])
        + "</div>",
        "<h2>Columns</h2>",
        table(
            ("column", "type", "missing", "distinct", "range or frequent values", "mean, spread"),
            [_row(each) for each in made["columns"]],
        ),
    ]
    if made["changes"]:
        rows = [
            (e["column"], e["what"], e["description"], f"{e['value']:.3f}") for e in made["changes"]
        ]
        parts += ["<h2>Changed since the drops before</h2>"]
        parts += [table(("column", "what", "how", "distance"), rows)]
    if made["correlations"]:
        pairs = [(e["one"], e["other"], f"{e['value']:+.3f}") for e in made["correlations"]]
        parts += ["<h2>Numbers that move together</h2>"]
        parts += [table(("one", "other", "rank correlation"), pairs)]
    drawn = _drawn(made, new, before)
    parts += ["<h2>Distributions</h2>", *drawn] if drawn else []
    shown = ", ".join(f"{count} {status}" for status, count in files.items())
    subtitle = f"{made['rows']:,} new rows, {made['rows_before']:,} before; files: {shown}"
    return page(
        f"{made['model']}: what the drop holds",
        subtitle,
        *parts,
        facts=head.data(str(made["model"]), str(made["dataset_digest"] or "")),
    )


def _told(made: Mapping[str, Any]) -> list[str]:
    """Return what stands out, in sentences."""
    told = [
        f"{each['column']} may be personal: {each['description']}. Should [privacy] name it?"
        for each in made["personal"]
    ]
    told += [
        f"{each['column']} {each['what']}: {each['description']}. Is it known before the target?"
        for each in made["suspects"]
    ]
    twice, about = made["duplicates"], "" if made["duplicates"]["exactly"] else "about "
    if twice["rows"]:
        told.append(f"{about}{twice['rows']:,} rows are there twice")
    if twice["rows_before"]:
        told.append(f"{about}{twice['rows_before']:,} rows were in drops before")
    if twice["keys"] and twice["keys"] > twice["rows"]:
        told.append(f"{about}{twice['keys'] - twice['rows']:,} keys come again with other values")
    told += [
        f"{each['column']} {each['what']}"
        + (f": {each['description']}" if each["description"] else "")
        for each in made["changes"]
    ]
    return told


def _row(column: Mapping[str, Any]) -> tuple[Any, ...]:
    before = column["missing_before"]
    missing = f"{column['missing']:.1%}"
    missing += (
        f" ({before:.1%} before)" if before is not None and before != column["missing"] else ""
    )
    if column.get("hidden"):
        held, mean = "hidden", ""
    elif column["type"] == "number":
        held = f"{column['min']:.6g} to {column['max']:.6g}"
        mean = f"{column['mean']:.4g}, {column['std']:.4g}"
    else:
        held = ", ".join(f"{e['value']} ({e['rows']:,})" for e in column["frequent"][:_WORDS])
        mean = ""
    about = "" if column["distinct_exactly"] else "about "
    return (column["name"], column["type"], missing, f"{about}{column['distinct']:,}", held, mean)


def _drawn(made: Mapping[str, Any], new: Profile, before: Profile) -> list[str]:
    """Draw numbers, those first that changed."""
    changed = [each["column"] for each in made["changes"]]
    names = [each["name"] for each in made["columns"] if "histogram" in each]
    names = sorted(names, key=lambda name: (name not in changed, names.index(name)))[:_CHARTS]
    now, then = new.numbers(names), before.sample.rows()
    parts = []
    for name in names:
        series = [("new", now[name].to_numpy(dtype=float), "main")]
        if name in then and before.columns[name].kind == "number":
            series.append(("before", before.numbers([name])[name].to_numpy(dtype=float), "other"))
        parts.append(charts.densities(series, name))
    return parts
