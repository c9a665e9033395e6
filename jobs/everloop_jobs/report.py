"""Reports that people look at before they read: one HTML page each, complete in itself."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import charts
import explanations.page
import fairness.page
import head
import training_history
from metrics import Array
from pages import page as _page
from pages import some
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
    parts += training_history.parts(result.get("training"), result["metrics"])
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
    return [f'<p class="soft">{why}: {html.escape("; ".join(some(named, 30)))}</p>']


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
            f"Not known: whether the {' or the '.join(unknown)} was trained on some of the rows. A "
            "version keeps it by [data].key, where no key repeats."
        )
    lines += [f"Suspect: {each['column']}: {each['why']}" for each in suspects]
    return ["<h2>Leakage</h2>", *(f"<p>{html.escape(line)}</p>" for line in lines)]


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
