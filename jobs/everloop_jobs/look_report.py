"""The page of a look: what the monitor saw, what it could not judge, and how it went before."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import charts
import head
import label_report
import pages
from metrics import Array
from pages import some
from problems import Problem

_DAYS = 40  # that are drawn: the findings have all


def page(
    problem: Problem,
    findings: dict[str, Any],
    scores: Array,
    reference: Array,
    moved: Sequence[str],
) -> str:
    """Return the page of a monitor's findings; `moved` are the drawings of its worst columns."""
    checks = findings["checks"]
    defined = [check for check in checks if math.isfinite(check["value"])]
    drifts = [
        (_short(check), check["value"], check["threshold"], check["violated"])
        for check in defined
        if check["monitor"] not in ("quality", "traffic")
    ]
    # Completeness of a whole column is the rule, and a bar of nothing says nothing.
    drifts = [row for row in drifts if row[1] or row[3]]
    drifts.sort(key=lambda row: (-row[3], -row[1]))
    rows = [(_tone(check), check["monitor"], check["description"]) for check in checks]
    order = ("violated", "not defined", "ok")
    rows.sort(key=lambda row: order.index(row[0][1]))
    counts = [
        f"{findings['rows']:,} rows",
        f"{findings['labelled_rows']:,} with labels",
        f"{findings['unreadable_records']:,} of {findings['records']:,} records unreadable",
        f"{findings['bad_labels']:,} bad labels",
    ]
    if findings["explaining_records"]:
        counts.append(f"{findings['explaining_records']:,} records of everloop explain left out")
    subtitle = ", ".join(counts)
    parts = [_verdict(findings, defined)]
    parts += _blind(findings["not_judged"])
    if findings["unreadable"]:
        broken = [(f"{each['records']:,}", each["reason"]) for each in findings["unreadable"]]
        parts += ["<h2>What could not be read</h2>", pages.table(("records", "why"), broken)]
    if drifts:
        parts += ["<h2>Distance from the baseline</h2>", charts.bars(drifts[:40])]
        parts.append('<p class="soft">The mark on each bar is its threshold; ▲ is beyond it.</p>')
    if moved:
        parts += ["<h2>Columns now and in training</h2>", *moved]
    parts += problem.pictures_of_traffic(scores, reference)
    parts += [*_quality(findings["labels"]), *_trend(findings["history"])]
    if rows:
        parts += ["<h2>Every check</h2>", pages.table(("", "monitor", "what was seen"), rows)]
    parts += _labels(findings["labels"])
    return pages.page(
        f"{findings['model']}: what the monitor saw",
        subtitle,
        *parts,
        facts=head.look(findings, problem.spec),
    )


def _verdict(findings: dict[str, Any], defined: list[dict[str, Any]]) -> str:
    """Return what a person reads first: after no check at all nothing is called good."""
    violated = [check for check in defined if check["violated"]]
    judged = [check for check in defined if check["monitor"] != "traffic"]
    blind = [f"{each['monitor']}: {each['description']}" for each in findings["not_judged"]]
    if violated:
        head, tone = f"{len(violated)} of {len(defined)} checks violated", "bad"
        lines = some([check["description"] for check in violated])
    elif judged:
        head, tone = "Nothing violated", "good"
        lines = [f"{len(defined)} checks, each within its threshold"]
    else:
        head, tone, lines = "Could not judge", "", []
    if blind and not judged:
        lines += some(blind)
    elif blind:
        lines += [f"could not judge {line}" for line in some(blind)]
    listed = "".join(f"<br>{html.escape(line)}" for line in lines)
    return f'<div class="verdict {tone}"><b>{head}</b>{listed}</div>'


def _blind(not_judged: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of what could not be judged, and why."""
    if not not_judged:
        return []
    rows = [(each["monitor"], each.get("feature", ""), each["description"]) for each in not_judged]
    table = pages.table(("monitor", "column", "why"), rows)
    return ["<h2>What could not be judged</h2>", table]


def _quality(labels: Mapping[str, Any]) -> list[str]:
    """Draw what labels said of the predictions of each day, as it was last judged."""
    drawn = []
    for day in labels["days"]:
        judged = day["judged"]
        if not judged:
            continue
        mark = "▲ " if judged["violated"] else ""
        name = f"{mark}{day['day']} v{day['version']} ({judged['labelled']:,})"
        drawn.append((name, *(_number(judged.get(key)) for key in ("value", "low", "high"))))
    if not drawn:
        return []
    told = (
        "Days with few labels are judged together, and each shows what they have together. "
        "In brackets are the labels; ▲ is worse than the holdout by more than the monitor allows."
    )
    return [
        "<h2>Quality by day of prediction</h2>",
        charts.intervals(drawn[-_DAYS:], "metric, with its 95 % interval", zero=False),
        f'<p class="soft">{told}</p>',
    ]


def _trend(looks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Draw the largest distance of each look as a share of its threshold."""
    if len(looks) < 2:
        return []
    tones = {"data": "main", "prediction": "bad"}
    series = [
        (name, np.array([_number(each["drift"].get(name)) for each in looks]), tone)
        for name, tone in tones.items()
    ]
    series = [each for each in series if np.isfinite(each[1]).any()]
    if not series:
        return []
    series.append(("threshold", np.ones(len(looks)), "edge dashed"))
    ends = [head.moment(str(each["until"])) for each in (looks[0], looks[-1])]
    label = f"largest distance as a share of its threshold, the last {len(looks)} looks"
    return ["<h2>From look to look</h2>", charts.lines(label, series, ends)]


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _tone(check: dict[str, Any]) -> tuple[str, str]:
    if not math.isfinite(check["value"]):
        return "bad", "not defined"
    return ("bad", "violated") if check["violated"] else ("soft", "ok")


def _labels(labels: dict[str, Any]) -> list[str]:
    lines, rows = label_report.sentences(labels), label_report.rows(labels)
    if not lines:
        return []
    paragraphs = "".join(f'<p class="soft">{html.escape(line)}</p>' for line in lines)
    return [
        "<h2>Labels that came</h2>",
        paragraphs,
        *([pages.table(label_report.HEAD, rows)] if rows else []),
    ]


def _short(check: dict[str, Any]) -> str:
    kind = check["statistic"].removesuffix("_check").removeprefix("baseline_").replace("_", " ")
    return f"{check['feature']}: {kind}"
