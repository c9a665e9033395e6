"""Reports that people look at before they read: one HTML page each, complete in itself."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import charts
import explanations.page
import fairness.page
import head
import label_report
from metrics import Array
from pages import page as _page
from pages import table as _table
from problems import Problem

_INTERVAL = ("value", "low", "high")


def evaluation(problem: Problem, result: dict[str, Any], truth: Array, score: Array) -> str:
    """Return the page of an evaluation."""
    spec = problem.spec
    bars = spec["evaluate"]["metrics"]
    cards = [_card(name, measured, bars.get(name)) for name, measured in result["metrics"].items()]
    parts = [f'<div class="cards">{"".join(cards)}</div>']
    parts += [f'<p class="soft">{html.escape(note)}</p>' for note in problem.notes()]
    parts += problem.pictures(truth, score)
    metric = _metric(spec, result["metrics"])
    parts += _slices(result, metric, spec["evaluate"].get("least_slice_rows"))
    if "explanations" in result:
        parts += explanations.page.parts(result["explanations"])
    if "fairness" in result:
        parts += fairness.page.parts(result["fairness"], spec["fairness"]["bars"])
    return _page(
        f"{spec['name']}: evaluation",
        f"{result['rows']:,} rows of the holdout",
        *parts,
        facts=head.evaluation(spec, result),
    )


def _slices(result: dict[str, Any], metric: str, least: int | None) -> list[str]:
    """Return the part of slices: what each has, how sure that is, and which were too small."""
    drawn = []
    for part in result["slices"]:
        own = part["metrics"].get(metric) or {}
        whole = (_number(own, key) for key in _INTERVAL)
        drawn.append((f"{part['column']} {part['value']} ({part['rows']:,})", *whole))
    small = _small(result, least)
    if not drawn and not small:
        return []
    made = ["<h2>Slices</h2>"]
    if drawn:
        whole = result["metrics"][metric]
        every = (f"all rows ({result['rows']:,})", *(_number(whole, k) for k in _INTERVAL))
        made.append(charts.intervals([every, *drawn], f"{metric} by slice", zero=False))
        made.append('<p class="soft">Each with its 95 % interval, where it was drawn.</p>')
    return [*made, *small]


def _small(result: Mapping[str, Any], least: int | None) -> list[str]:
    small = result.get("small_slices") or []
    if not small:
        return []
    named = [f"{each['column']} {each['value']} ({each['rows']:,})" for each in small]
    why = "Not judged: too few rows" + (f" ({least:,} are needed)" if least else "")
    return [f'<p class="soft">{why}: {html.escape("; ".join(_some(named, 30)))}</p>']


def comparison(
    problem: Problem,
    result: dict[str, Any],
    truth: Array,
    candidate: Array,
    champion: Array,
    suspects: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the page of a comparison; its gains are positive where the candidate is better.

    `suspects` are the columns of the candidate that may tell the target.
    """
    gain, metric = result["gain"], result["metric"]
    tone = "good" if gain["low"] > 0 else "bad" if gain["high"] < 0 else ""
    words = {
        "good": "The candidate is better",
        "bad": "The candidate is worse",
        "": "No difference that these rows can show",
    }
    verdict = (
        f'<div class="verdict {tone}"><b>{words[tone]}</b><br>gain in {html.escape(metric)} '
        f"{gain['value']:+.4f}, between {gain['low']:+.4f} and {gain['high']:+.4f} with "
        f"{gain['confidence']:.0%} confidence ({gain['resamples']:,} resamples of the same rows)"
        "</div>"
    )
    both = [
        (s, *(result[s][k] for k in ("value", "low", "high"))) for s in ("candidate", "champion")
    ]
    gains = [("all rows", gain["value"], gain["low"], gain["high"])]
    gains += [
        (f"{p['column']} {p['value']} ({p['rows']:,})", *(_number(p["gain"], k) for k in _INTERVAL))
        for p in result["slices"]
    ]
    better = "higher" if problem.higher_is_better(metric) else "lower"
    parts = [
        verdict,
        "<h2>Both on the same rows</h2>",
        charts.intervals(both, f"{metric} ({better} is better)", zero=False),
        "<h2>Gain</h2>",
        charts.intervals(
            gains, f"gain in {metric}, to the right the candidate is better", zero=True
        ),
        *_small(result, problem.spec["evaluate"].get("least_slice_rows")),
        *problem.pictures_of_both(truth, candidate, champion),
        *_leakage(result, suspects),
    ]
    title = f"{problem.spec['name']}: candidate against champion"
    used = f"{result['rows']:,} rows of the candidate's holdout"
    return _page(title, used, *parts, facts=head.comparison(problem.spec))


def _leakage(result: Mapping[str, Any], suspects: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what may make the comparison look better than it is."""
    sides, left_out = result.get("trained_on") or {}, result.get("left_out")
    unknown = [side for side, count in sides.items() if count is None]
    whole = result["rows"] + (left_out or 0)
    known = [f"the {side} on {n:,}" for side, n in sides.items() if n is not None]
    lines = []
    if known:
        lines.append(
            f"Of the holdout's {whole:,} rows was trained: {', '.join(known)}. Left out are "
            f"{left_out or 0:,}."
        )
    if unknown:
        lines.append(
            f"Not known: whether the {' or the '.join(unknown)} was trained on some of them. A "
            "version keeps it by [data].key, where no key repeats."
        )
    lines += [f"Suspect: {each['column']}: {each['why']}" for each in suspects]
    return ["<h2>Leakage</h2>", *(f"<p>{html.escape(line)}</p>" for line in lines)]


def findings(problem: Problem, findings: dict[str, Any], scores: Array, reference: Array) -> str:
    """Return the page of a monitor's findings."""
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
    rows += [
        (("bad", "not judged"), each["monitor"], each["description"])
        for each in findings["not_judged"]
    ]
    order = ("violated", "not judged", "not defined", "ok")
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
    if findings["unreadable"]:
        broken = [(f"{each['records']:,}", each["reason"]) for each in findings["unreadable"]]
        parts += ["<h2>What could not be read</h2>", _table(("records", "why"), broken)]
    if drifts:
        parts += ["<h2>Distance from the baseline</h2>", charts.bars(drifts[:40])]
        parts.append('<p class="soft">The mark on each bar is its threshold.</p>')
    parts += problem.pictures_of_traffic(scores, reference)
    if rows:
        parts += ["<h2>Every check</h2>", _table(("", "monitor", "what was seen"), rows)]
    parts += _labels(findings["labels"])
    return _page(
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
        lines = _some([check["description"] for check in violated])
    elif judged:
        head, tone = "Nothing violated", "good"
        lines = [f"{len(defined)} checks, each within its threshold"]
    else:
        head, tone, lines = "Could not judge", "", []
    if blind and not judged:
        lines += _some(blind)
    elif blind:
        lines += [f"could not judge {line}" for line in _some(blind)]
    listed = "".join(f"<br>{html.escape(line)}" for line in lines)
    return f'<div class="verdict {tone}"><b>{head}</b>{listed}</div>'


def _some(lines: list[str], most: int = 5) -> list[str]:
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return [*lines[:most], *more]


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
        *([_table(label_report.HEAD, rows)] if rows else []),
    ]


def _short(check: dict[str, Any]) -> str:
    kind = check["statistic"].removesuffix("_check").removeprefix("baseline_").replace("_", " ")
    return f"{check['feature']}: {kind}"


def _metric(spec: Mapping[str, Any], known: dict[str, Any]) -> str:
    """Return the metric that candidates are compared on, or the first that was measured."""
    compared = str(spec["evaluate"]["compare"]["metric"])
    return compared if compared in known else next(iter(known))


def _number(metric: dict[str, Any] | None, key: str = "value") -> float:
    value = (metric or {}).get(key)
    return math.nan if value is None else float(value)


def _card(name: str, metric: dict[str, Any], bar: dict[str, float | None] | None) -> str:
    value = _number(metric)
    lines = []
    if math.isfinite(metric["low"]) and math.isfinite(metric["high"]):
        lines.append(f"{metric['low']:.4f} to {metric['high']:.4f} (95 %)")
    tone = ""
    if bar is not None:
        higher = bar.get("min") is not None
        edge = bar["min"] if higher else bar["max"]
        met = value >= edge if higher else value <= edge
        tone = "good" if met else "bad"
        at = f"at {'least' if higher else 'most'} {edge:g}"
        lines.append(f"bar: {at}, {'met' if met else 'missed'}")
    shown = f"{value:.4f}" if math.isfinite(value) else "not defined"
    small = "".join(f"<small>{line}</small>" for line in lines)
    name = html.escape(name)
    return f'<div class="card"><small>{name}</small><b class="{tone}">{shown}</b>{small}</div>'
