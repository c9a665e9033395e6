"""Quality of predictions whose labels have come: the holdout's metric, on production's rows.

Judged is each day of predictions by each version; the days that have too few labels by themselves
are judged together. What was judged is judged again once as many labels are new as a judgement
needs: nobody hears twice of the same evidence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import metrics
from joining import Group
from metric_table import HIGHER_IS_BETTER

_RESAMPLES = 200
TOO_FEW, KNOWN, NO_METRIC, NOT_DEFINED, BETWEEN, JUDGED = (
    "too few labels yet",
    "judged before on these labels",
    "the metric of this version's holdout is not known",
    "the metric is not defined on these labels",
    "answered while one version replaced another",
    "judged",
)


def judge(
    spec: Mapping[str, Any],
    groups: Sequence[Group],
    offline: Mapping[int, float],
    before: Mapping[tuple[str, int | None], Mapping[str, Any]],
    until: str,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the checks, and of each day and version what is labelled and what became of it.

    `offline` is the metric on each version's holdout; `before` what the look before returned of
    days and versions; `until` when this look's labels end.
    """
    least = spec["monitor"]["quality"]["min_labelled_rows"]
    checks: list[dict[str, Any]] = []
    days = []
    for version in sorted({group.version for group in groups}, key=lambda each: each or 0):
        own = [group for group in groups if group.version == version]
        small = [group for group in own if group.labelled < least]
        for together in [*([group] for group in own if group.labelled >= least), small]:
            if not together:
                continue
            judged = [_judged(before, group) for group in together]
            status, check = _status(spec, together, judged, offline.get(version or 0), least)
            checks += [check] if check else []
            for group, old in zip(together, judged, strict=True):
                days.append(_group_record(group, status, old, check, until))
    days.sort(key=lambda each: (each["day"], each["version"] or 0))
    return checks, days


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


def offline_metric(spec: Mapping[str, Any], evaluation: Mapping[str, Any]) -> float | None:
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
            "value": check["value"],
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


def _status(
    spec: Mapping[str, Any],
    together: Sequence[Group],
    judged: Sequence[Mapping[str, Any]],
    offline: float | None,
    least: int,
) -> tuple[str, dict[str, Any] | None]:
    if together[0].version is None:
        return BETWEEN, None
    labelled = sum(group.labelled for group in together)
    if labelled < least:
        return TOO_FEW, None
    if sum(_fresh(group, old) for group, old in zip(together, judged, strict=True)) < least:
        return KNOWN, None
    if offline is None:
        return NO_METRIC, None
    check = _check(spec, together, offline)
    if check["value"] != check["value"]:
        return NOT_DEFINED, None
    return JUDGED, check


def _check(spec: Mapping[str, Any], together: Sequence[Group], offline: float) -> dict[str, Any]:
    """Compare the labelled rows' metric with the holdout's."""
    truth = np.concatenate([group.target for group in together])
    score = np.concatenate([group.score for group in together])
    of = metrics.metrics_of(spec["problem"], truth, score)
    metric = spec["evaluate"]["compare"]["metric"]
    value = of[metric](np.ones(len(truth)))
    spread = metrics.intervals({metric: of[metric]}, len(truth), confidence=0.95, count=_RESAMPLES)
    low, high = spread[metric]
    higher = HIGHER_IS_BETTER[metric]
    max_drop = spec["monitor"]["quality"]["max_drop"]
    threshold = offline - max_drop if higher else offline + max_drop
    # Only a loss that the interval cannot explain is a violation.
    lost = high < threshold if higher else low > threshold
    days = sorted(group.day for group in together)
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
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
        f"{predictions} predictions of {span} by version {version}, those whose labels have come; "
        f"{offline:.4f} on the holdout (threshold {threshold:.4f})",
    }
