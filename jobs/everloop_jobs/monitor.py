"""Look at what an endpoint was sent and answered: drift of data and predictions, quality.

Writes findings.json and a report for people, and Model Monitor's own file formats beside them.
"""

import os
from typing import Any

import numpy as np
import pandas as pd

import baseline
import drift
import late_labels
import look
import quality
import report
from capture import BESIDE, SCORE, captured_rows
from container import INPUT, JobError, output, read_json, run, spec, write_json

# What pandas reads as missing from CSV, and so what was missing in training.
MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A"]


def main() -> str:
    asked = spec()
    data, rules = asked["data"], asked["monitor"]
    rows, unreadable = captured_rows(INPUT / "capture", data["key"])
    statistics = read_json(INPUT / "baseline" / "statistics.json")
    evaluation = read_json(INPUT / "reference" / "evaluation.json")
    reference = pd.read_csv(INPUT / "reference" / "predictions.csv", dtype={"key": str})
    version, since, until = int(_told("VERSION")), _told("FROM"), _told("TO")
    given = look.read(version, since, until)
    offline = _offline(asked, {**given.evaluations, version: evaluation})
    labels, quality_checks = late_labels.judge(asked, given, rows, reference["key"], offline)
    features = _features(rows)
    checks: list[dict[str, Any]] = []
    if len(rows) >= rules["min_rows"]:
        if "data" in rules["watch"]:
            unseen = {data["target"], data["key"], data["timestamp"], *rules["ignore"]}
            checks += drift.feature_checks(statistics, features, rules["data"], unseen)
        if "prediction" in rules["watch"]:
            checks.append(_prediction(rows, reference, rules["prediction"]["threshold"]))
    checks += quality_checks
    told: dict[str, Any] = {
        "version": 1,
        "model": _told("MODEL"),
        "endpoint": _told("ENDPOINT"),
        "serving_version": version,
        "from": since,
        "to": until,
        "rows": len(rows),
        "unreadable_records": unreadable,
        "labelled_rows": labels["predictions_labelled"],
        "bad_labels": labels["bad"],
        "labels": labels,
        "checks": checks,
    }
    _write(told, _typed(features, statistics), rows, reference)
    return _message(told, rules["min_rows"])


def _offline(asked: dict[str, Any], evaluations: dict[int, Any]) -> dict[int, float]:
    """Return the compared metric of each version whose holdout's is known."""
    found = {v: quality.offline_metric(asked, each) for v, each in evaluations.items()}
    return {version: value for version, value in found.items() if value is not None}


def _told(name: str) -> str:
    value = os.environ.get(f"EVERLOOP_{name}")
    if not value:
        raise JobError(f"the environment variable EVERLOOP_{name} is missing")
    return value


def _features(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the captured columns without what came beside them; missing values are NaN.

    Numbers stay text where they are none: that they are none is a finding.
    """
    features = rows.drop(columns=BESIDE, errors="ignore")
    return features.mask(features.isin(MISSING)) if len(features) else features


def _prediction(rows: pd.DataFrame, reference: pd.DataFrame, threshold: float) -> dict[str, Any]:
    old = reference["score"].to_numpy(dtype=float)
    new = rows[SCORE].to_numpy(dtype=float)
    distance = drift.numeric_distance(old, new)
    least = max(threshold, drift.noise(len(old), len(new)))
    return {
        "monitor": "prediction",
        "feature": "score",
        "statistic": "prediction_drift_check",
        "value": distance,
        "threshold": least,
        "violated": distance > least,
        "description": f"predictions moved by {distance:.3f} from those on the holdout: mean "
        f"{new.mean():.4g} against {old.mean():.4g} (threshold {least:.3f})",
    }


def _typed(features: pd.DataFrame, statistics: dict[str, Any]) -> pd.DataFrame:
    """Give captured text columns the types that the baseline has."""
    typed = features.copy()
    for feature in statistics["features"]:
        if "numerical_statistics" in feature and feature["name"] in typed:
            typed[feature["name"]] = pd.to_numeric(typed[feature["name"]], errors="coerce")
    return typed


def _write(
    told: dict[str, Any], features: pd.DataFrame, rows: pd.DataFrame, reference: pd.DataFrame
) -> None:
    target = output("findings")
    write_json(target / "findings.json", told)
    write_json(target / "statistics.json", baseline.statistics_of(features))
    violations = [
        {
            "feature_name": check["feature"],
            "constraint_check_type": check["statistic"],
            "description": check["description"],
        }
        for check in told["checks"]
        if check["violated"]
    ]
    write_json(target / "constraint_violations.json", {"violations": violations})
    scores = rows[SCORE].to_numpy(dtype=float) if len(rows) else np.array([])
    page = report.findings(told, scores, reference["score"].to_numpy(dtype=float))
    (target / "report.html").write_text(page)


def _message(told: dict[str, Any], least: int) -> str:
    """Say how it ended, in the words of Model Monitor's own containers."""
    violated = sum(check["violated"] for check in told["checks"])
    if violated:
        return f"CompletedWithViolations: Job completed successfully with {violated} violations."
    few = f" Only {told['rows']} rows, {least} are wanted." if told["rows"] < least else ""
    return f"Completed: Job completed successfully with no violations.{few}"


if __name__ == "__main__":
    run(main)
