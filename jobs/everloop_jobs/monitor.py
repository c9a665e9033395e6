"""Look at what an endpoint was sent and answered: drift of data and predictions, quality.

Writes findings.json and a report for people, and Model Monitor's own file formats beside them.
"""

import json
import os
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

import baseline
import capture
import drift
import metrics
import report
from container import INPUT, output, run, spec, write_json

_RESAMPLES = 200


def main() -> str:
    asked = spec()
    data, rules = asked["data"], asked["monitor"]
    since, until = (_time(os.environ[name]) for name in ("EVERLOOP_FROM", "EVERLOOP_TO"))
    rows, unreadable = capture.captured_rows(INPUT / "capture", since, until, data["key"])
    statistics = json.loads((INPUT / "baseline" / "statistics.json").read_text())
    evaluation = json.loads((INPUT / "reference" / "evaluation.json").read_text())
    reference = pd.read_csv(INPUT / "reference" / "predictions.csv")
    told: dict[str, Any] = {
        "version": 1,
        "model": os.environ["EVERLOOP_MODEL"],
        "endpoint": os.environ["EVERLOOP_ENDPOINT"],
        "serving_version": int(os.environ["EVERLOOP_VERSION"]),
        "from": os.environ["EVERLOOP_FROM"],
        "to": os.environ["EVERLOOP_TO"],
        "rows": len(rows),
        "unreadable_records": unreadable,
        "labelled_rows": 0,
        "checks": [],
    }
    features = rows.drop(
        columns=[capture.SCORE, capture.INFERENCE, data["key"]], errors="ignore"
    ).replace("", np.nan)
    if len(rows) >= rules["min_rows"]:
        if rules["data"]:
            ignore = {*rules["ignore"], data["target"], data["key"]}
            threshold = rules["data"]["threshold"]
            told["checks"] += drift.feature_checks(statistics, features, threshold, ignore)
        if rules["prediction"]:
            told["checks"].append(_prediction(rows, reference, rules["prediction"]["threshold"]))
    labelled = _labelled(rows, data)
    told["labelled_rows"] = len(labelled)
    if rules["quality"] and len(labelled) >= rules["quality"]["min_labelled_rows"]:
        told["checks"].append(_quality(asked, labelled, evaluation, rules["quality"]["max_drop"]))
    _write(told, _typed(features, statistics), rows, reference)
    return _message(told, rules["min_rows"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _prediction(rows: pd.DataFrame, reference: pd.DataFrame, threshold: float) -> dict[str, Any]:
    old = reference["score"].to_numpy(dtype=float)
    new = rows[capture.SCORE].to_numpy(dtype=float)
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


def _labelled(rows: pd.DataFrame, data: dict[str, Any]) -> pd.DataFrame:
    if data["key"] is None or rows.empty:
        return pd.DataFrame({"target": [], "score": []})
    known = capture.labels(INPUT / "labels", data["key"], data["target"])
    known = known.set_index(data["key"])[data["target"]]
    joined = rows[[capture.INFERENCE, capture.SCORE]].join(
        known.rename("target"), on=capture.INFERENCE, how="inner"
    )
    joined = joined.drop_duplicates(capture.INFERENCE, keep="last")
    return joined.rename(columns={capture.SCORE: "score"})


def _quality(
    asked: dict[str, Any], labelled: pd.DataFrame, evaluation: dict[str, Any], max_drop: float
) -> dict[str, Any]:
    truth = labelled["target"].to_numpy(dtype=float)
    score = labelled["score"].to_numpy(dtype=float)
    of = metrics.metrics_of(asked["problem"], truth, score)
    metric = (asked["evaluate"]["compare"] or {}).get("metric") or next(iter(of))
    value = of[metric](np.ones(len(truth)))
    weights = metrics.resamples(len(truth), _RESAMPLES)
    low, high = metrics.interval([of[metric](weight) for weight in weights], 0.95)
    offline = evaluation["metrics"][metric]["value"]
    higher = metrics.HIGHER_IS_BETTER[metric]
    threshold = offline - max_drop if higher else offline + max_drop
    # Only a loss that the interval cannot explain is a violation.
    lost = high < threshold if higher else low > threshold
    return {
        "monitor": "quality",
        "feature": metric,
        "statistic": "model_quality_check",
        "value": value,
        "low": low,
        "high": high,
        "threshold": threshold,
        "violated": bool(lost),
        "description": f"{metric} is {value:.4f} ({low:.4f} to {high:.4f}) on {len(truth)} "
        f"labelled rows, {offline:.4f} on the holdout (threshold {threshold:.4f})",
    }


def _typed(features: pd.DataFrame, statistics: dict[str, Any]) -> pd.DataFrame:
    """Give captured text columns the types that the baseline has."""
    for feature in statistics["features"]:
        if "numerical_statistics" in feature and feature["name"] in features:
            name = feature["name"]
            features[name] = pd.to_numeric(features[name], errors="coerce")
    return features


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
    scores = rows[capture.SCORE].to_numpy(dtype=float) if len(rows) else np.array([])
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
