"""Evaluate a trained model on its holdout: metrics with intervals, slices, a report.

A model's own evaluate.py, where it has one, measures instead; what it wrote is checked.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import channels
import fairness
import fairness.before
import fairness.groups
import metrics
import mlflow_client as mlflow
import own_evaluation
import own_metrics
import packages
import problems
import report
import requirements
import training_history
import transform_files
from container import INPUT, JobError, output, read_json, read_spec, run, unpacked, write_json
from explanations import follows
from explanations.answers import explained
from explanations.questions import Questions, asked
from problems import Problem
from scoring import (
    More,
    keys_of,
    part_of,
    predictions_of,
    rows_of,
    scores,
    served,
    slices_of,
    small_slices_of,
    target_of,
)

_RESAMPLES = 200


def main() -> str:
    spec = read_spec()
    problem = problems.of(spec, _kept())
    rows = rows_of(INPUT / "holdout")
    problem = problem.among(keys_of(rows, problem))  # what it chooses is kept in this one
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
        model = unpacked(INPUT / "model" / "model.tar.gz", work / "model")
        if not any(model.iterdir()):
            raise JobError("model.tar.gz is empty: train.py wrote nothing to SM_MODEL_DIR")
        # Before anything is scored: a group that is not there is no matter of the model.
        groups = fairness.groups.of_holdout(rows, INPUT / "holdout", spec)
        target = output("evaluation")
        if (code / "evaluate.py").exists() and not problem.by_evaluation:
            result = {**problem.decided(), **own_evaluation.run(code, model, target, problem)}
            if problem.sends_some:
                result["features"] = problem.sent(list(rows.columns))
            write_json(target / "evaluation.json", result)
        else:
            result = _measure(problem, rows, code, model, work, target)
        write_json(target / packages.NAME, packages.found(code))
        history = training_history.of(model)
        if history is not None:
            result["training"] = history
            write_json(target / "evaluation.json", result)
        if groups is not None:
            result["fairness"] = _fairness(problem, target, groups)
            write_json(target / "evaluation.json", result)
    if not (target / "report.html").exists():
        (target / "report.html").write_text(_page(problem, result, target))
    tracked = mlflow.track(spec, result)
    if tracked:
        result = {**result, "tracking": tracked}
        write_json(target / "evaluation.json", result)
    summary = ", ".join(
        f"{name} {metric['value']:.4f}" for name, metric in result["metrics"].items()
    )
    return f"Completed: {result['rows']} rows evaluated: {summary}"


def _page(problem: Problem, result: dict[str, Any], target: Path) -> str:
    """Return the page of what was answered."""
    scored = predictions_of(target / "predictions.csv")
    truth = problem.target_of(scored.get("target", scored["row"]))
    score = problem.of_columns(scored)
    shown = problem.among(scored["key"].fillna("").tolist())
    return report.evaluation(shown, result, truth, score)


def _fairness(problem: Problem, target: Path, groups: pd.DataFrame) -> dict[str, Any]:
    """Return the fairness of what was answered, beside that of the labels it learned from."""
    scored = predictions_of(target / "predictions.csv")
    truth = target_of(scored, "target", problem, "predictions.csv")
    score = problem.of_columns(scored)
    found = fairness.measured(problem, truth, score, groups.iloc[scored["row"].to_numpy()])
    return {**found, "before": read_json(INPUT / "baseline" / fairness.before.NAME)}


def _measure(
    problem: Problem, rows: pd.DataFrame, code: Path, model: Path, work: Path, target: Path
) -> dict[str, Any]:
    data, names = problem.spec["data"], _columns(problem.spec)
    # A serving container is asked about the drop's own rows alone.
    imported = not (problem.by_evaluation or transform_files.is_transformed(problem.spec))
    asks = _seconds(problem.spec) > 0 and imported
    features = rows[problem.sent(list(rows.columns))]
    if problem.by_evaluation:
        score = own_evaluation.scores(code, model, target, problem, len(rows))
        truth = np.zeros(len(rows))
    else:
        truth = target_of(rows, data["target"], problem)
        questions, more, sent = None, None, features
        if asks:
            _, sent = served(problem.spec, code, features, names)
            questions = _questions(problem, sent, work / "asked")
            more = More(questions.folder, _seconds(problem.spec)) if questions else None
        score = _scored(problem, features, "holdout", code, model, work / "scored", more)
    with own_metrics.of(problem.spec, code, requirements.installed(code)) as problem.own:
        if not problem.by_evaluation:
            _choose(problem, code, model, work)
        result = {**evaluation(problem, truth, score, rows), **problem.decided()}
        if asks:
            parts = _slices(problem, rows)
            result["explanations"] = explained(problem, questions, truth, score, sent, parts)
    if not problem.by_evaluation:
        result["follows"] = follows.record(problem, features, score)
    if names is not None or problem.sends_some:
        # In whose order whoever asks the endpoint sends them.
        result["features"] = names or problem.sent(list(rows.columns))
    write_json(target / "evaluation.json", result)
    named = problem.keys or [""] * len(rows)
    frame = pd.DataFrame({"row": range(len(rows)), "key": named, **problem.columns(truth, score)})
    frame.to_csv(target / "predictions.csv", index=False, float_format="%.17g")
    return result


def _seconds(spec: Mapping[str, Any]) -> float:
    """Return how long a model is asked for its explanation; specs of before do not say it."""
    return float((spec.get("explain") or {}).get("seconds", 60.0))


def _questions(problem: Problem, sent: pd.DataFrame, folder: Path) -> Questions | None:
    most = int((problem.spec.get("explain") or {}).get("rows", 1000))
    return asked(sent, most, folder, problem.units())


def _scored(
    problem: Problem,
    rows: pd.DataFrame,
    part: str,
    code: Path,
    model: Path,
    work: Path,
    more: More | None = None,
) -> metrics.Array:
    """Return each row's scores: by the model's handlers, or as its serving container answered."""
    if transform_files.is_transformed(problem.spec):
        return transform_files.scores(INPUT / "answers", part, len(rows), problem)
    handlers, sent = served(problem.spec, code, rows, _columns(problem.spec))
    return scores(handlers, model, sent, work, problem, more=more)


def _choose(problem: Problem, code: Path, model: Path, work: Path) -> None:
    """Let the problem choose on the validation rows, where this evaluation is given them."""
    if (INPUT / "validation").exists():
        rows, target = rows_of(INPUT / "validation"), problem.spec["data"]["target"]
        truth = target_of(rows, target, problem, "validation/data.csv")
        features = rows[problem.sent(list(rows.columns))]
        score = _scored(problem, features, "validation", code, model, work / "validation")
        problem.chosen(truth, score)


def _columns(spec: Mapping[str, Any]) -> list[str] | None:
    """Return the columns that a built-in algorithm was trained on; None for models of scripts."""
    if not spec["train"].get("algorithm"):
        return None
    return channels.features(spec, read_json(INPUT / "baseline" / "statistics.json")["columns"])


def _kept() -> dict[str, Any]:
    """Return what the preparation kept of the targets, where this evaluation is given it."""
    path = INPUT / "baseline" / "statistics.json"
    return read_json(path) if path.exists() else {}


def _slices(problem: Problem, rows: pd.DataFrame) -> list[tuple[str, str, metrics.Array]]:
    rules = problem.spec["evaluate"]
    return slices_of(problem.with_derived(rows), rules["slices"], rules["least_slice_rows"])


def evaluation(
    problem: Problem, truth: metrics.Array, score: metrics.Array, rows: pd.DataFrame
) -> dict[str, Any]:
    """Return evaluation.json: each metric with its 95 % bootstrap interval, and per slice."""
    rules = problem.spec["evaluate"]
    measured = problem.measured(truth, score)
    for name in (*rules["metrics"], rules["compare"]["metric"]):
        if name not in measured:
            raise JobError(f"model.toml asks for {name}, which {problem.lacks(name)}")
    units = problem.units()
    spread = metrics.intervals(measured, len(truth), confidence=0.95, count=_RESAMPLES, units=units)
    everything = np.ones(len(truth))
    values = {name: metric(everything) for name, metric in measured.items()}
    for name in rules.get("own") or {}:
        if not np.isfinite(values[name]):
            raise JobError(
                f"metrics.py of the model: {name}() answered {values[name]} on the holdout; a "
                "finite number belongs there"
            )
    slices = []
    sure = {rules["compare"]["metric"], *rules["metrics"]} - {*(rules.get("own") or {})}
    for column, value, index in _slices(problem, rows):
        part = part_of(problem, index)
        of = part.measured(truth[index], score[index])
        here = {name: {"value": metric(np.ones(len(index)))} for name, metric in of.items()}
        asked = {name: metric for name, metric in of.items() if name in sure}
        between = metrics.intervals(
            asked, len(index), confidence=0.95, count=_RESAMPLES, units=part.units()
        )
        for name, (low, high) in between.items():
            here[name] |= {"low": low, "high": high}
        slices.append({"column": column, "value": value, "rows": len(index), "metrics": here})
    detail = problem.detail(truth, score)
    return {
        "version": 1,
        "problem": problem.spec["problem"],
        "rows": len(truth),
        "metrics": {
            name: {"value": value, "low": spread[name][0], "high": spread[name][1]}
            for name, value in values.items()
        },
        "slices": slices,
        "small_slices": small_slices_of(
            problem.with_derived(rows), rules["slices"], rules["least_slice_rows"]
        ),
        **({"detail": detail} if detail else {}),
    }


if __name__ == "__main__":
    run(main)
