"""Look at what an endpoint was sent and answered: drift of data and predictions, quality.

Writes findings.json and a report for people, and Model Monitor's own file formats beside them.
"""

import math
import os
from typing import Any

import numpy as np
import pandas as pd

import baseline
import distances
import drift
import late_labels
import look
import metrics
import quality
import report
from capture import SCORE, Traffic, captured
from container import INPUT, JobError, output, read_json, read_spec, run, write_json
from sent_columns import Columns

_SHOWN = 5  # reasons listed one by one
_DEFAULT_MAX_UNREADABLE = 0.05  # in specs of before the key
_COMPARED = ("baseline_drift_check", "missing_column_check")


def main() -> str:
    spec = read_spec()
    data, rules = spec["data"], spec["monitor"]
    statistics = read_json(INPUT / "baseline" / "statistics.json")
    declared = data.get("columns") or {}
    columns = Columns.of(statistics, data["key"], data["timestamp"], data["target"], declared)
    traffic = captured(INPUT / "capture", columns, data["key"])
    rows = traffic.rows
    evaluation = read_json(INPUT / "reference" / "evaluation.json")
    reference = pd.read_csv(INPUT / "reference" / "predictions.csv", dtype={"key": str})
    version, since, until = int(_setting("VERSION")), _setting("FROM"), _setting("TO")
    this_look = look.read(version, since, until)
    offline = _offline(spec, {**this_look.evaluations, version: evaluation})
    scored = rows[rows[SCORE].notna()] if len(rows) else rows
    labels, quality_checks = late_labels.judge(spec, this_look, scored, reference["key"], offline)
    unseen = {data["target"], data["key"], data["timestamp"], *rules["ignore"]}
    seen = drift.judge(statistics, traffic.features, rules["data"], unseen)
    checks = _traffic(traffic, rules.get("max_unreadable", _DEFAULT_MAX_UNREADABLE))
    not_judged: list[dict[str, str]] = []
    for monitor in ("data", "prediction"):
        if monitor not in rules["watch"]:
            continue
        if not traffic.records:  # a look for labels alone
            nothing = "no traffic was captured since the last look"
            not_judged.append(drift.not_judged(monitor, "no-traffic", nothing))
        elif len(rows) < rules["min_rows"]:
            few = f"only {len(rows)} rows, {rules['min_rows']} are needed"
            not_judged.append(drift.not_judged(monitor, "few-rows", few))
        elif monitor == "data":
            checks += seen.checks
            not_judged += seen.not_judged
            if not any(check["statistic"] in _COMPARED for check in seen.checks):
                nothing = "no column's distribution could be compared with training's"
                not_judged.append(drift.not_judged("data", "undefined", nothing))
        else:
            _predictions(spec, traffic, reference, checks, not_judged)
    checks += quality_checks
    if "quality" in rules["watch"] and not quality_checks:
        not_judged += _quality(spec, labels)
    not_judged += [_undefined(check) for check in checks if not math.isfinite(check["value"])]
    findings: dict[str, Any] = {
        "version": 1,
        "model": _setting("MODEL"),
        "endpoint": _setting("ENDPOINT"),
        "serving_version": version,
        "from": since,
        "to": until,
        "rows": len(rows),
        "records": traffic.records,
        "unreadable_records": traffic.unreadable,
        "unreadable": [{"reason": w, "records": n} for w, n in traffic.reasons.items()][:_SHOWN],
        "labelled_rows": labels["predictions_labelled"],
        "bad_labels": labels["bad"],
        "labels": labels,
        "checks": checks,
        "not_judged": not_judged,
    }
    _write(findings, seen.typed, rows, reference)
    return _message(findings)


def _traffic(traffic: Traffic, most: float) -> list[dict[str, Any]]:
    """Check what share of the records cannot be read; nothing where there are none."""
    if not traffic.records:
        return []
    share = traffic.unreadable / traffic.records
    why = f"; most of them: {next(iter(traffic.reasons))}" if traffic.reasons else ""
    return [
        {
            "monitor": "traffic",
            "feature": "records",
            "statistic": "unreadable_check",
            "value": share,
            "threshold": most,
            "violated": share > most,
            "description": f"{traffic.unreadable} of {traffic.records} captured records cannot "
            f"be read, {share:.1%} (threshold {most:.1%}){why}",
        }
    ]


def _predictions(
    spec: dict[str, Any],
    traffic: Traffic,
    reference: pd.DataFrame,
    checks: list[dict[str, Any]],
    not_judged: list[dict[str, str]],
) -> None:
    """Check the scores: how many are none, and whether the others moved."""
    rules = spec["monitor"]
    answered = len(traffic.rows) - traffic.unanswered
    old, new = (_finite(frame) for frame in (reference["score"], traffic.rows[SCORE]))
    if answered:
        lost = 1 - len(new) / answered
        most = rules.get("max_unreadable", _DEFAULT_MAX_UNREADABLE)
        checks.append(
            {
                "monitor": "prediction",
                "feature": "score",
                "statistic": "completeness_check",
                "value": lost,
                "threshold": most,
                "violated": lost > most,
                "description": f"{lost:.1%} of the answers are no finite number "
                f"(threshold {most:.1%})",
            }
        )
    if len(new) >= rules["min_rows"]:
        checks.append(_moved(old, new, rules["prediction"]["threshold"]))
        return
    few = f"only {len(new)} scores for {len(traffic.rows)} rows, {rules['min_rows']} are needed"
    if traffic.unanswered:
        few += f"; of {traffic.unanswered} rows the answer was not captured"
    not_judged.append(drift.not_judged("prediction", "few-answers", few))


def _moved(old: metrics.Array, new: metrics.Array, threshold: float) -> dict[str, Any]:
    """Check the scores' distribution against that on the holdout; `new` are finite."""
    distance = distances.ks_distance(old, new)
    least = max(threshold, distances.ks_noise(len(old), len(new), drift.FALSE_ALARMS))
    mean = float(new.mean()) if len(new) else math.nan
    return {
        "monitor": "prediction",
        "feature": "score",
        "statistic": "prediction_drift_check",
        "value": distance,
        "threshold": least,
        "violated": bool(distance > least),
        "description": f"predictions moved by {distance:.3f} from those on the holdout: mean "
        f"{mean:.4g} against {old.mean():.4g} (threshold {least:.3f})",
    }


def _quality(spec: dict[str, Any], labels: dict[str, Any]) -> list[dict[str, str]]:
    """Say why quality was not judged; nothing where it was judged before on the same labels."""
    statuses = {str(day["status"]) for day in labels["days"]}
    least = spec["monitor"]["quality"]["min_labelled_rows"]
    if spec["data"]["key"] is None:
        reason = ("no-key", "without [data] key no label finds its prediction")
    elif labels["keys"] and not labels["keys_joined"]:
        reason = (
            "labels-join-nothing",
            f"labels for {labels['keys']} keys have come, and none of them is the key of a "
            "prediction that is kept",
        )
    elif quality.KNOWN in statuses:
        return []
    elif statuses & {quality.NO_METRIC, quality.NOT_DEFINED}:
        why = "; ".join(sorted(statuses & {quality.NO_METRIC, quality.NOT_DEFINED}))
        reason = ("undefined", why)
    else:
        few = f"only {labels['predictions_labelled']} rows have labels, {least} are needed"
        reason = ("few-labels", few)
    return [drift.not_judged("quality", *reason)]


def _finite(scores: pd.Series) -> metrics.Array:
    values = scores.to_numpy(dtype=float)
    finite: metrics.Array = values[np.isfinite(values)]
    return finite


def _undefined(check: dict[str, Any]) -> dict[str, str]:
    what = f"{check['feature']}: {check['statistic']} is not defined on these rows"
    return drift.not_judged(check["monitor"], "undefined", what, feature=check["feature"])


def _offline(spec: dict[str, Any], evaluations: dict[int, Any]) -> dict[int, float]:
    """Return the compared metric of each version whose holdout's is known."""
    measured = {v: quality.offline_metric(spec, each) for v, each in evaluations.items()}
    return {version: value for version, value in measured.items() if value is not None}


def _setting(name: str) -> str:
    value = os.environ.get(f"EVERLOOP_{name}")
    if not value:
        raise JobError(f"the environment variable EVERLOOP_{name} is missing")
    return value


def _write(
    findings: dict[str, Any], features: pd.DataFrame, rows: pd.DataFrame, reference: pd.DataFrame
) -> None:
    target = output("findings")
    write_json(target / "findings.json", findings)
    write_json(target / "statistics.json", baseline.statistics_of(features))
    violations = [
        {
            "feature_name": check["feature"],
            "constraint_check_type": check["statistic"],
            "description": check["description"],
        }
        for check in findings["checks"]
        if check["violated"]
    ]
    write_json(target / "constraint_violations.json", {"violations": violations})
    scores = _finite(rows[SCORE]) if len(rows) else np.array([])
    page = report.findings(findings, scores, _finite(reference["score"]))
    (target / "report.html").write_text(page, encoding="utf-8")


def _message(findings: dict[str, Any]) -> str:
    """Say how it ended, in the words of Model Monitor's own containers where they have some."""
    violated = sum(check["violated"] for check in findings["checks"])
    if violated:
        return f"CompletedWithViolations: Job completed successfully with {violated} violations."
    blind = [f"{each['monitor']} ({each['description']})" for each in findings["not_judged"]]
    judged = [check for check in findings["checks"] if check["monitor"] != "traffic"]
    if not any(math.isfinite(check["value"]) for check in judged):
        return f"Completed: Could not judge: {'; '.join(blind[:_SHOWN]) or 'nothing is watched'}."
    # That there are no labels, or not yet, is the rule; findings.json says it.
    early = sum(each["reason"] in ("few-labels", "no-key") for each in findings["not_judged"])
    remark = f" Could not judge: {'; '.join(blind[:_SHOWN])}." if len(blind) > early else ""
    return f"Completed: Job completed successfully with no violations.{remark}"


if __name__ == "__main__":
    run(main)
