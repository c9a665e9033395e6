"""Quality of predictions whose labels have come: the holdout's metric, on production's rows.

Judged is each day of predictions by each version; the days that have too few labels by themselves
are judged together. What was judged is judged again once as many labels are new as a judgement
needs: nobody hears twice of the same evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

import metrics
import problems
from container import JobError
from fairness import late
from joining import Group
from metrics import Array
from own_metrics import OwnMetrics
from problems import Problem

_RESAMPLES = 200
TOO_FEW, KNOWN, NO_METRIC, NOT_DEFINED, BETWEEN, JUDGED = (
    "too few labels yet",
    "judged before on these labels",
    "the metric of this version's holdout is not known",
    "the metric is not defined on these labels",
    "answered while one version replaced another",
    "judged",
)


@dataclass(frozen=True)
class _Judgement:
    """What became of days that were looked at together; without a check they were not judged."""

    status: str
    check: dict[str, Any] | None = None
    fairness: list[dict[str, Any]] = field(default_factory=list)
    not_judged: list[dict[str, str]] = field(default_factory=list)


def judge(
    spec: Mapping[str, Any],
    groups: Sequence[Group],
    evaluations: Mapping[int, Mapping[str, Any]],
    before: Mapping[tuple[str, int | None], Mapping[str, Any]],
    until: str,
    functions: OwnMetrics | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, str]]]:
    """Return the checks, of each day and version what is labelled and what became of it, and what
    of fairness could not be judged.

    `evaluations` are of each version's holdout; `before` what the look before returned of
    days and versions; `until` when this look's labels end.
    """
    least = spec["monitor"]["quality"]["min_labelled_rows"]
    checks: list[dict[str, Any]] = []
    not_judged: list[dict[str, str]] = []
    days = []
    for version in sorted({group.version for group in groups}, key=lambda each: each or 0):
        own = [group for group in groups if group.version == version]
        small = [group for group in own if group.labelled < least]
        for together in [*([group] for group in own if group.labelled >= least), small]:
            if not together:
                continue
            judged = [_judged(before, group) for group in together]
            found = _judgement(
                spec, together, judged, evaluations.get(version or 0, {}), least, functions
            )
            checks += [*([found.check] if found.check else []), *found.fairness]
            not_judged += found.not_judged
            for group, old in zip(together, judged, strict=True):
                days.append(_group_record(group, found.status, old, found.check, until))
    days.sort(key=lambda each: (each["day"], each["version"] or 0))
    return checks, days, not_judged


def may_judge(
    spec: Mapping[str, Any],
    group: Group,
    before: Mapping[tuple[str, int | None], Mapping[str, Any]],
) -> bool:
    """Whether a judgement may need a group's rows: by itself, or with other small ones."""
    least = spec["monitor"]["quality"]["min_labelled_rows"]
    if group.version is None:
        return False
    return group.labelled < least or _fresh(group, _judged(before, group)) >= least


def _offline_metric(spec: Mapping[str, Any], evaluation: Mapping[str, Any]) -> float | None:
    """Return the compared metric of an evaluation.json; None where it has none."""
    metric = (evaluation.get("metrics") or {}).get(spec["evaluate"]["compare"]["metric"]) or {}
    value = metric.get("value")
    return None if value is None else float(value)


def _judged(
    before: Mapping[tuple[str, int | None], Mapping[str, Any]], group: Group
) -> Mapping[str, Any]:
    earlier = before.get((group.day, group.version)) or {}
    return earlier.get("judged") or {}


def _fresh(group: Group, old: Mapping[str, Any]) -> int:
    """Return how many of a group's labels its last judgement did not know."""
    if group.digest == old.get("digest"):
        return 0
    return group.fresh(str(old.get("until") or ""))


def _group_record(
    group: Group,
    status: str,
    old: Mapping[str, Any],
    check: Mapping[str, Any] | None,
    until: str,
) -> dict[str, Any]:
    judged: Mapping[str, Any] | None = old or None
    if check:
        judged = {
            "until": until,
            "digest": group.digest,
            "labelled": check["labelled"],
            **{key: check[key] for key in ("value", "low", "high", "threshold")},
            "violated": check["violated"],
        }
    return {
        "day": group.day,
        "version": group.version,
        "predictions": group.predictions,
        "labelled": group.labelled,
        "share": group.labelled / group.predictions,
        "status": status,
        "judged": judged,
    }


def _judgement(
    spec: Mapping[str, Any],
    together: Sequence[Group],
    judged: Sequence[Mapping[str, Any]],
    evaluation: Mapping[str, Any],
    least: int,
    functions: OwnMetrics | None,
) -> _Judgement:
    if together[0].version is None:
        return _Judgement(BETWEEN)
    labelled = sum(group.labelled for group in together)
    if labelled < least:
        return _Judgement(TOO_FEW)
    if sum(_fresh(group, old) for group, old in zip(together, judged, strict=True)) < least:
        return _Judgement(KNOWN)
    offline = _offline_metric(spec, evaluation)
    if offline is None:
        return _Judgement(NO_METRIC)
    problem = problems.of(spec, evaluation)
    problem.own = functions
    truth = problem.truth_of([label for group in together for label in group.target])
    try:
        score = problem.of_cells(pd.Series([cell for group in together for cell in group.score]))
    except (ValueError, TypeError):
        return _Judgement(NOT_DEFINED)  # of a version before the spec was changed
    if len(score) != len(truth):
        return _Judgement(NOT_DEFINED)
    try:
        check = _check(spec, together, offline, problem, truth, score)
    except JobError as error:  # of the model's own metric: the rest of the look is no worse for it
        return _Judgement(f"{NOT_DEFINED}: {error}")
    if check is None or check["value"] != check["value"]:
        return _Judgement(NOT_DEFINED)
    what = f" of {_span(together)} whose labels have come, by version {together[0].version}"
    named = [each for group in together for each in group.groups]
    return _Judgement(JUDGED, check, *late.judge(problem, truth, score, named, what))


def _span(together: Sequence[Group]) -> str:
    days = sorted(group.day for group in together)
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _check(
    spec: Mapping[str, Any],
    together: Sequence[Group],
    offline: float,
    problem: Problem,
    truth: Array,
    score: Array,
) -> dict[str, Any] | None:
    """Compare the labelled rows' metric with the holdout's; None where they have no such metric."""
    problem = problem.among([key for group in together for key in group.keys])
    of = problem.measured(truth, score)
    metric = spec["evaluate"]["compare"]["metric"]
    if metric not in of:
        return None
    value = of[metric](np.ones(len(truth)))
    spread = metrics.intervals(
        {metric: of[metric]}, len(truth), confidence=0.95, count=_RESAMPLES, units=problem.units()
    )
    low, high = spread[metric]
    higher = problem.higher_is_better(metric)
    max_drop = spec["monitor"]["quality"]["max_drop"]
    threshold = offline - max_drop if higher else offline + max_drop
    # Only a loss that the interval cannot explain is a violation.
    lost = high < threshold if higher else low > threshold
    days = sorted(group.day for group in together)
    predictions = sum(group.predictions for group in together)
    version = together[0].version
    return {
        "monitor": "quality",
        "feature": metric,
        "statistic": "model_quality_check",
        "value": value,
        "low": low,
        "high": high,
        "threshold": threshold,
        "violated": bool(lost),
        "days": [days[0], days[-1]],
        "version": version,
        "predictions": predictions,
        "labelled": len(truth),
        "description": f"{metric} is {value:.4f} ({low:.4f} to {high:.4f}) on {len(truth)} of the "
        f"{predictions} predictions of {_span(together)} by version {version}, those whose "
        f"labels have come; {offline:.4f} on the holdout (threshold {threshold:.4f})",
    }
