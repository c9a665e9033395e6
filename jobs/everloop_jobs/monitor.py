"""Look at what an endpoint was sent and answered: drift of data and predictions, quality.

Writes findings.json and a report for people, and Model Monitor's own file formats beside them.
"""

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import baseline
import drift
import fairness.live
import late_labels
import look
import look_report
import moved_columns
import own_metrics
import problems
import quality
import requirements
from capture import SCORE, Traffic, captured
from container import INPUT, JobError, output, read_json, read_spec, run, unpacked, write_json
from explanations import follows
from feature_store import served
from feature_store.named import columns_of, keys_of
from metrics import Array
from own_metrics import OwnMetrics
from privacy.masking import personal
from problems import Problem
from scoring import predictions_of
from sent_columns import Columns

_SHOWN = 5  # reasons listed one by one
_DEFAULT_MAX_UNREADABLE = 0.05  # in specs of before the key
# That there are no labels, or not yet, and which groups are small, is the same at every look:
# findings.json says it.
_USUAL = ("few-labels", "no-key", "small-group", "not-sent")
_COMPARED = ("baseline_drift_check", "missing_column_check")


def main() -> str:
    spec = read_spec()
    data, rules = spec["data"], spec["monitor"]
    statistics = read_json(INPUT / "baseline" / "statistics.json")
    declared = data.get("columns") or {}
    columns = Columns.of(
        statistics, data["key"], data["timestamp"], data["target"], declared, columns_of(spec)
    )
    evaluation = read_json(INPUT / "reference" / "evaluation.json")
    problem = problems.of(spec, evaluation)
    traffic = captured(INPUT / "capture", columns, problem.row_names, problem.of_body)
    traffic = served.with_features(spec, traffic, _setting("TO"))
    rows = traffic.rows
    reference = predictions_of(INPUT / "reference" / "predictions.csv")
    expected = problem.of_columns(reference)
    version, since, until = int(_setting("VERSION")), _setting("FROM"), _setting("TO")
    this_look = look.read(version, since, until)
    evaluations = {**this_look.evaluations, version: evaluation}
    scored = rows[rows[SCORE].notna()] if len(rows) else rows
    with tempfile.TemporaryDirectory() as folder, _own(spec, Path(folder)) as problem.own:
        labels, quality_checks, unlabelled = late_labels.judge(
            spec, this_look, scored, reference["key"], evaluations, problem
        )
    hidden = personal(spec)
    unseen = {data["target"], data["key"], data["timestamp"], *rules["ignore"], *keys_of(spec)}
    unseen.update(hidden)
    seen = drift.judge(statistics, traffic.features, rules["data"], unseen)
    checks = _traffic(traffic, rules.get("max_unreadable", _DEFAULT_MAX_UNREADABLE))
    not_judged: list[dict[str, str]] = []
    watch = [monitor for monitor in rules["watch"] if monitor in problem.watched]
    for monitor in ("data", "prediction"):
        if monitor not in watch:
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
            _predictions(problem, traffic, expected, checks, not_judged)
    if fairness.live.NAME in rules["watch"] and spec.get("fairness") and len(rows):
        unfair, unknown = fairness.live.judge(problem, rows, SCORE)
        checks += unfair
        not_judged += unknown
    if follows.NAME in rules["watch"] and len(rows):
        moved, unknown = follows.judge(problem, evaluation, traffic.features, rows[SCORE], unseen)
        checks += moved
        not_judged += unknown
    checks += quality_checks
    not_judged += unlabelled
    if not any(check["monitor"] == fairness.live.NAME for check in quality_checks):
        not_judged += _waits_for_labels(problem, unlabelled)
    if "quality" in watch and not quality_checks:
        not_judged += _quality(problem, labels)
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
        "explaining_records": traffic.explaining,
        "unreadable_records": traffic.unreadable,
        "unreadable": [{"reason": w, "records": n} for w, n in traffic.reasons.items()][:_SHOWN],
        "labelled_rows": labels["predictions_labelled"],
        "bad_labels": labels["bad"],
        "labels": labels,
        "checks": checks,
        "not_judged": not_judged,
    }
    scores = problem.of_cells(rows[SCORE]) if len(rows) else np.empty((0, expected.shape[1]))
    findings["history"] = look.history(this_look.previous, findings)
    moved = moved_columns.drawn(statistics, seen.typed, checks)
    page = look_report.page(problem, findings, scores, expected, moved)
    _write(findings, seen.typed.drop(columns=hidden, errors="ignore"), page)
    return _message(findings)


@contextmanager
def _own(spec: dict[str, Any], work: Path) -> Iterator[OwnMetrics | None]:
    """Give the model's own metrics, where it names some and quality is watched."""
    if not spec["evaluate"].get("own") or "quality" not in spec["monitor"]["watch"]:
        yield None
        return
    code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
    with own_metrics.of(spec, code, requirements.installed(code)) as own:
        yield own


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
    problem: Problem,
    traffic: Traffic,
    expected: Array,
    checks: list[dict[str, Any]],
    not_judged: list[dict[str, str]],
) -> None:
    """Check the scores: how many are none, and whether the others moved."""
    rules = problem.spec["monitor"]
    answered = len(traffic.rows) - traffic.unanswered
    new = problem.of_cells(traffic.rows[SCORE])
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
                "description": f"{lost:.1%} of the answers are no {problem.answer} "
                f"(threshold {most:.1%})",
            }
        )
    if len(new) >= rules["min_rows"]:
        threshold = rules["prediction"]["threshold"]
        checks += problem.moved(expected, new, threshold, drift.FALSE_ALARMS)
        return
    few = f"only {len(new)} scores for {len(traffic.rows)} rows, {rules['min_rows']} are needed"
    if traffic.unanswered:
        few += f"; of {traffic.unanswered} rows the answer was not captured"
    not_judged.append(drift.not_judged("prediction", "few-answers", few))


def _waits_for_labels(problem: Problem, unlabelled: list[dict[str, str]]) -> list[dict[str, str]]:
    """Say which bars of fairness were not judged for want of labels."""
    spec = problem.spec
    if fairness.live.NAME not in spec["monitor"]["watch"] or unlabelled:
        return []
    bars = fairness.live.bars_of(spec, problem, of_truth=True)
    if not bars:
        return []
    reason, why = "few-labels", "labels that are new have yet to come"
    if not problem.row_names.columns:
        reason, why = "no-key", "without [data] key no label finds its prediction"
    elif "quality" not in spec["monitor"]["watch"]:
        reason, why = "no-labels", 'labels are read where [monitor].watch has "quality"'
    what = f"{', '.join(bars)} need what really happened: {why}"
    return [drift.not_judged(fairness.live.NAME, reason, what)]


def _quality(problem: Problem, labels: dict[str, Any]) -> list[dict[str, str]]:
    """Say why quality was not judged; nothing where it was judged before on the same labels."""
    spec = problem.spec
    statuses = {str(day["status"]) for day in labels["days"]}
    least = spec["monitor"]["quality"]["min_labelled_rows"]
    if not problem.row_names.columns:
        reason = ("no-key", "without [data] key no label finds its prediction")
    elif labels["keys"] and not labels["keys_joined"]:
        reason = (
            "labels-join-nothing",
            f"labels for {labels['keys']} keys have come, and none of them is the key of a "
            "prediction that is kept",
        )
    elif quality.KNOWN in statuses:
        return []
    elif unable := [
        status for status in statuses if status.startswith((quality.NO_METRIC, quality.NOT_DEFINED))
    ]:
        why = "; ".join(sorted(unable))
        reason = ("undefined", why)
    else:
        few = f"only {labels['predictions_labelled']} rows have labels, {least} are needed"
        reason = ("few-labels", few)
    return [drift.not_judged("quality", *reason)]


def _undefined(check: dict[str, Any]) -> dict[str, str]:
    what = f"{check['feature']}: {check['statistic']} is not defined on these rows"
    return drift.not_judged(check["monitor"], "undefined", what, feature=check["feature"])


def _setting(name: str) -> str:
    value = os.environ.get(f"EVERLOOP_{name}")
    if not value:
        raise JobError(f"the environment variable EVERLOOP_{name} is missing")
    return value


def _write(findings: dict[str, Any], features: pd.DataFrame, page: str) -> None:
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
    usual = sum(each["reason"] in _USUAL for each in findings["not_judged"])
    remark = f" Could not judge: {'; '.join(blind[:_SHOWN])}." if len(blind) > usual else ""
    return f"Completed: Job completed successfully with no violations.{remark}"


if __name__ == "__main__":
    run(main)
