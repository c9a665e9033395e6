"""Score candidate and champion on the same rows, and say how sure the gain is.

The gain is oriented: positive means that the candidate is better, whichever way the metric runs.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import fairness
import fairness.groups
import metrics
import own_evaluation
import own_metrics
import problems
import report
import requirements
import trained_keys
import transform_files
from container import INPUT, JobError, output, read_json, read_spec, run, unpacked, write_json
from metrics import Metric
from privacy.masking import personal
from problems import Problem
from scoring import (
    keys_of,
    part_of,
    rows_of,
    scores,
    served,
    slices_of,
    small_slices_of,
    target_of,
)

_RESAMPLES = 1000
_SLICE_RESAMPLES = 200
_CODE = {"candidate": "code", "champion": "champion-code"}  # inputs: bundle, and spec beside it
Rows = NDArray[np.intp]
Spec = Mapping[str, Any]


def main() -> str:
    spec = read_spec()
    data = spec["data"]
    known = {"candidate": _kept("reference"), "champion": _kept("champion-reference")}
    specs = {side: read_json(INPUT / code / "spec.json") for side, code in _CODE.items()}
    problem = problems.of(spec, known["candidate"])
    other = problems.of(problems.as_answered(spec, specs["champion"]), known["champion"])
    every = rows_of(INPUT / "holdout")
    fair = _fair(every, problem, specs["champion"])
    kept, left_out = fair.kept, fair.left_out
    rows = every.iloc[kept].reset_index(drop=True)
    groups = fairness.groups.of_holdout(every, INPUT / "holdout", spec)
    truth = np.zeros(len(rows))
    if not problem.by_evaluation:
        truth = target_of(rows, data["target"], problem)
    keys = keys_of(rows, problem)
    problem, other = problem.among(keys), other.among(keys)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        scored = {}
        for side, of in (("candidate", problem), ("champion", other)):
            code = unpacked(INPUT / _CODE[side] / "bundle.tar.gz", work / side / "code")
            if (answered := _answered(side, of, len(every))) is not None:
                scored[side] = answered[kept]
                continue
            model = unpacked(INPUT / side / "model.tar.gz", work / side / "model")
            if problem.by_evaluation:
                made = work / side / "evaluated"
                losses = own_evaluation.scores(code, model, made, of, len(every), side)
                scored[side] = losses[kept]
                continue
            features = rows.drop(columns=[data["target"]], errors="ignore")
            features = features[problems.of(specs[side]).sent(list(features.columns))]
            code, sent = served(specs[side], code, features, known[side].get("features"), side)
            scored[side] = scores(code, model, sent, work / side / "scored", of, side)
        other, scored["champion"] = problem.translated(other, scored["champion"])
        code = work / "candidate" / "code"
        with own_metrics.of(spec, code, requirements.installed(code)) as own:
            problem.own = other.own = own
            result = comparison(
                problem, truth, scored["candidate"], scored["champion"], rows, other
            )
    result |= {"left_out": left_out, "trained_on": fair.trained_on}
    if groups is not None:
        sides = (("candidate", problem), ("champion", other))
        result["fairness"] = {
            side: fairness.measured(of, truth, scored[side], groups.iloc[kept])
            for side, of in sides
        }
    target = output("comparison")
    write_json(target / "comparison.json", result)
    suspects = (known["candidate"].get("explanations") or {}).get("suspects") or []
    both = (scored["candidate"], scored["champion"])
    page = report.comparison(problem, result, truth, *both, suspects)
    (target / "report.html").write_text(page)
    gain = result["gain"]
    return (
        f"Completed: {result['metric']} {result['candidate']['value']:.4f} against "
        f"{result['champion']['value']:.4f}; gain {gain['value']:+.4f} "
        f"({gain['low']:+.4f} to {gain['high']:+.4f})"
        + (f"; {left_out} rows that one of them was trained on are left out" if left_out else "")
    )


def _answered(side: str, problem: Problem, rows: int) -> metrics.Array | None:
    """Return what a version's serving container answered each row of the holdout, if it did.

    The candidate's answers were read when it was evaluated, on the same rows.
    """
    if side == "champion" and (folder := INPUT / "champion-answers").exists():
        return transform_files.scores(folder, "holdout", rows, problem, side)
    if side == "candidate" and transform_files.is_transformed(problem.spec):
        path = INPUT / "reference" / "predictions.csv"
        if not path.exists():
            raise JobError("reference/predictions.csv is missing among the job's inputs")
        where = "predictions.csv of the candidate's evaluation"
        return own_evaluation.kept_scores(path, problem, rows, where)
    return None


class _Fair(NamedTuple):
    """Rows that neither version was trained on; counts are None where that is not known."""

    kept: Rows
    left_out: int | None
    trained_on: dict[str, int | None]  # rows of the holdout, by side


def _fair(rows: pd.DataFrame, problem: Problem, champion: Spec) -> _Fair:
    """Return which rows neither version was trained on, and how many are left out.

    None of them where it is not known what the champion was trained on, or where tokens stand for
    the keys of one of the two alone. Raises JobError where no row is left.
    """
    keys = keys_of(rows, problem)
    if not keys:
        return _Fair(np.arange(len(rows)), None, {"candidate": None, "champion": None})
    by_champion = None
    if _hidden(problem.spec, problem) == _hidden(champion, problem):
        by_champion = trained_keys.seen(keys, INPUT / "champion-baseline")
    by_candidate = trained_keys.seen(keys, INPUT / "baseline")
    trained = np.zeros(len(rows), dtype=bool)
    for seen in (by_champion, by_candidate):
        trained |= False if seen is None else seen
    if trained.all() and len(rows):
        columns = problem.row_names.columns
        named = f"[data].key {columns[0]!r}" if len(columns) == 1 else " and ".join(columns)
        raise JobError(
            f"each of the {len(rows)} rows of the holdout, by {named}, was trained on "
            "by the champion or the candidate: nothing is left to compare them on. Let a row stay "
            "in its part, by its time or by a hash of its key ([data.split] does it)"
        )
    known = by_champion is not None or trained.any()
    sides = {"candidate": by_candidate, "champion": by_champion}
    return _Fair(
        np.flatnonzero(~trained),
        int(trained.sum()) if known else None,
        {side: None if seen is None else int(seen.sum()) for side, seen in sides.items()},
    )


def _hidden(spec: Spec, problem: Problem) -> set[str]:
    """Return which of the columns that name a row are tokens by a spec."""
    return {*personal(spec)} & {*problem.row_names.columns}


def _kept(reference: str) -> dict[str, Any]:
    """Return what was kept with a version, of before this was an input of the job nothing."""
    path = INPUT / reference / "evaluation.json"
    return read_json(path) if path.exists() else {}


def comparison(
    problem: Problem,
    truth: metrics.Array,
    candidate: metrics.Array,
    champion: metrics.Array,
    rows: pd.DataFrame,
    other: Problem,
) -> dict[str, Any]:
    """Return comparison.json: both values, and the paired bootstrap of the gain."""
    rules = problem.spec["evaluate"]
    metric, confidence = (rules["compare"][key] for key in ("metric", "confidence"))
    sign = 1 if problem.higher_is_better(metric) else -1
    new = _of(problem, truth, candidate, metric)
    old = _of(other, truth, champion, metric, "champion")
    units = problem.units()
    drawn = metrics.resamples(len(truth), _RESAMPLES, units=units)
    pairs = [(new(weight), old(weight)) for weight in drawn]
    everything = np.ones(len(truth))

    def side(values: list[float], value: float) -> dict[str, float]:
        low, high = metrics.interval(values, confidence, units)
        return {"value": value, "low": low, "high": high}

    gain = side([sign * (a - b) for a, b in pairs], sign * (new(everything) - old(everything)))
    slices = []
    parts = slices_of(problem.with_derived(rows), rules["slices"], rules["least_slice_rows"])
    for column, value, index in parts:
        ones, part = np.ones(len(index)), part_of(problem, index)
        mine = _of(part, truth[index], candidate[index], metric)
        theirs = _of(part_of(other, index), truth[index], champion[index], metric, "champion")
        a, b = mine(ones), theirs(ones)
        apart = []
        if metric not in (rules.get("own") or {}):  # each of those is a call of another process
            again = metrics.resamples(len(index), _SLICE_RESAMPLES, units=part.units())
            apart = [sign * (mine(weight) - theirs(weight)) for weight in again]
        low, high = metrics.interval(apart, confidence, part.units())
        slices.append(
            {
                "column": column,
                "value": value,
                "rows": len(index),
                "candidate": {"value": a},
                "champion": {"value": b},
                "gain": {"value": sign * (a - b), "low": low, "high": high},
            }
        )
    return {
        "version": 1,
        "metric": metric,
        "rows": len(truth),
        "candidate": side([a for a, _ in pairs], new(everything)),
        "champion": side([b for _, b in pairs], old(everything)),
        "gain": {**gain, "confidence": confidence, "resamples": _RESAMPLES},
        "slices": slices,
        "small_slices": small_slices_of(
            problem.with_derived(rows), rules["slices"], rules["least_slice_rows"]
        ),
    }


def _of(
    problem: Problem, truth: metrics.Array, score: metrics.Array, metric: str, side: str = ""
) -> Metric:
    measured = problem.measured(truth, score)
    if metric not in measured and side == "champion":
        raise JobError(
            f"the comparison is by {metric}, which what the champion answers does not have, as it "
            "was pushed with other keys: name another [evaluate.compare].metric until a version "
            "that answers as this one serves, or approve this one yourself"
        )
    if metric not in measured:
        raise JobError(f"the comparison is by {metric}, which {problem.lacks(metric)}")
    return measured[metric]


if __name__ == "__main__":
    run(main)
