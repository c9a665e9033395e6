"""Reports that people look at before they read: one HTML page each, complete in itself."""

import html
import math
from collections.abc import Sequence
from typing import Any

import charts
import label_report
from metric_table import HIGHER_IS_BETTER
from metrics import Array

_STYLE = """
:root{--ink:#1d2330;--soft:#667085;--line:#e3e6ee;--paper:#fff;--card:#f7f8fb;--main:#3468d1;
--other:#9aa4b8;--good:#1a7f4e;--bad:#c2362d;--edge:#3a4254}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#98a2b5;--line:#2c3342;--paper:#14181f;
--card:#1b212b;--main:#7aa5ff;--other:#6c778c;--good:#4cc38a;--bad:#ff7b72;--edge:#c6cede}}
body{font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);
background:var(--paper);max-width:52rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.6rem 0 .8rem}
p{margin:.4rem 0}.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
.verdict{border-left:4px solid var(--other);background:var(--card);padding:.8rem 1.1rem;
margin:1.4rem 0;border-radius:0 6px 6px 0}.verdict b{font-size:1.15rem}
.verdict.good{border-color:var(--good);color:inherit}.verdict.good b{color:var(--good)}
.verdict.bad{border-color:var(--bad);color:inherit}.verdict.bad b{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.8rem;
margin:1.4rem 0}.card{background:var(--card);border-radius:8px;padding:.8rem 1rem}
.card b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
.card small{color:var(--soft);display:block;line-height:1.4}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .9rem .4rem 0;text-align:left;border-bottom:1px solid var(--line);
vertical-align:top}th{color:var(--soft);font-weight:500}td.n,th.n{text-align:right}
svg{width:100%;height:auto;display:block}svg text{font-size:12.5px;fill:var(--ink)}
svg .soft{fill:var(--soft)}svg .mid{text-anchor:middle}svg .end{text-anchor:end}
svg .number{font-variant-numeric:tabular-nums}svg .grid{stroke:var(--line)}
svg .edge{stroke:var(--edge);stroke-width:1.5}svg .dashed{stroke-dasharray:5 4;stroke-width:1}
svg .track{fill:var(--card)}svg .main{fill:var(--main);stroke:var(--main)}
svg .other{fill:var(--other);stroke:var(--other)}svg .plain{fill:var(--edge);stroke:var(--edge)}
svg .good{fill:var(--good);stroke:var(--good)}svg .bad{fill:var(--bad);stroke:var(--bad)}
svg .thick{stroke-width:3}svg .line{fill:none;stroke-width:2}svg .area{fill-opacity:.3}
svg .faint{fill-opacity:.35;stroke:none}svg rect.main,svg rect.bad,svg rect.track{stroke:none}
"""


def evaluation(spec: dict[str, Any], result: dict[str, Any], truth: Array, score: Array) -> str:
    """Return the page of an evaluation."""
    bars = spec["evaluate"]["metrics"]
    cards = [_card(name, measured, bars.get(name)) for name, measured in result["metrics"].items()]
    parts = [f'<div class="cards">{"".join(cards)}</div>']
    if result["problem"] == "regression":
        parts += ["<h2>Predicted and true values</h2>", charts.scatter(truth, score)]
        parts.append("<h2>Errors</h2>")
        parts.append(charts.densities([("score - target", score - truth, "main")], "error"))
    else:
        classes = [("0", score[truth == 0], "other"), ("1", score[truth == 1], "main")]
        named = [(f"{spec['data']['target']} = {name}", *rest) for name, *rest in classes]
        parts += ["<h2>Scores by outcome</h2>", charts.densities(named, "score")]
        parts += ["<h2>Calibration</h2>", charts.calibration(truth, score)]
    metric = _metric(spec, result["metrics"])
    rows = [
        (f"{part['column']} {part['value']}", _number(part["metrics"].get(metric)), part["rows"])
        for part in result["slices"]
    ]
    if rows:
        drawn = [(f"{name} ({count:,})", value, math.nan, math.nan) for name, value, count in rows]
        parts += ["<h2>Slices</h2>", charts.intervals(drawn, f"{metric} by slice", zero=False)]
    return _page(f"{spec['name']}: evaluation", f"{result['rows']:,} rows of the holdout", *parts)


def comparison(
    spec: dict[str, Any], result: dict[str, Any], truth: Array, candidate: Array, champion: Array
) -> str:
    """Return the page of a comparison; its gains are positive where the candidate is better."""
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
        (f"{p['column']} {p['value']} ({p['rows']:,})", p["gain"]["value"], math.nan, math.nan)
        for p in result["slices"]
    ]
    better = "higher" if HIGHER_IS_BETTER[metric] else "lower"
    parts = [
        verdict,
        "<h2>Both on the same rows</h2>",
        charts.intervals(both, f"{metric} ({better} is better)", zero=False),
        "<h2>Gain</h2>",
        charts.intervals(
            gains, f"gain in {metric}, to the right the candidate is better", zero=True
        ),
        "<h2>Scores</h2>",
        charts.densities(
            [("candidate", candidate, "main"), ("champion", champion, "other")], "score"
        ),
    ]
    if spec["problem"] == "regression":
        errors = [("candidate", candidate - truth, "main"), ("champion", champion - truth, "other")]
        parts += ["<h2>Errors</h2>", charts.densities(errors, "score - target")]
    title = f"{spec['name']}: candidate against champion"
    return _page(title, f"{result['rows']:,} rows of the candidate's holdout", *parts)


def findings(findings: dict[str, Any], scores: Array, reference: Array) -> str:
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
    subtitle = (
        f"version {findings['serving_version']} on {findings['endpoint']}, "
        f"{findings['from']} to {findings['to']}: {', '.join(counts)}"
    )
    parts = [_verdict(findings, defined)]
    if findings["unreadable"]:
        broken = [(f"{each['records']:,}", each["reason"]) for each in findings["unreadable"]]
        parts += ["<h2>What could not be read</h2>", _table(("records", "why"), broken)]
    if drifts:
        parts += ["<h2>Distance from the baseline</h2>", charts.bars(drifts[:40])]
        parts.append('<p class="soft">The mark on each bar is its threshold.</p>')
    parts.append("<h2>Scores now and on the holdout</h2>")
    parts.append(
        charts.densities([("now", scores, "main"), ("holdout", reference, "other")], "score")
    )
    if rows:
        parts += ["<h2>Every check</h2>", _table(("", "monitor", "what was seen"), rows)]
    parts += _labels(findings["labels"])
    return _page(f"{findings['model']}: what the monitor saw", subtitle, *parts)


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


def _metric(spec: dict[str, Any], known: dict[str, Any]) -> str:
    """Return the metric that candidates are compared on, or the first that was measured."""
    compared = str(spec["evaluate"]["compare"]["metric"])
    return compared if compared in known else next(iter(known))


def _number(metric: dict[str, Any] | None) -> float:
    value = (metric or {}).get("value")
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
        lines.append(f"bar: at {'least' if higher else 'most'} {edge:g}")
    shown = f"{value:.4f}" if math.isfinite(value) else "not defined"
    small = "".join(f"<small>{line}</small>" for line in lines)
    name = html.escape(name)
    return f'<div class="card"><small>{name}</small><b class="{tone}">{shown}</b>{small}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; a pair is (class, text)."""

    def cell(value: Any) -> str:
        tone, text = value if isinstance(value, tuple) else ("", value)
        return f'<td class="{tone}">{html.escape(str(text))}</td>'

    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def _page(title: str, subtitle: str, *parts: str) -> str:
    title = html.escape(title)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f'<p class="soft">{html.escape(subtitle)}</p>{"".join(parts)}</html>\n'
    )
