"""What jobs write and models answer: small, deterministic, and in the product's own formats."""

import csv
import io
import json
from typing import Any

Json = Any
_ROWS = 12


def score(x: float, version: int) -> float:
    """Return what a version predicts for x: each version something else."""
    return round((x * 0.37 + version * 0.113) % 1.0, 6)


def run_files(model: str, version: int) -> dict[str, bytes]:
    """Return the files of a training run, by their place below it."""
    holdout = "id,x,late\n" + "".join(f"r{i},{i * 0.5},{i % 2}\n" for i in range(_ROWS))
    predictions = "row,score\n" + "".join(f"{i},{score(i * 0.5, version)}\n" for i in range(_ROWS))
    evaluation = {"metrics": {"auc": {"value": 0.71}}, "rows": _ROWS}
    return {
        "model/model.tar.gz": f"{model} {version}".encode(),
        "holdout/data.csv": holdout.encode(),
        "evaluation/predictions.csv": predictions.encode(),
        "evaluation/evaluation.json": json.dumps(evaluation).encode(),
        "baseline/statistics.json": b'{"version": 0, "dataset": {"item_count": 40}}',
        "baseline/constraints.json": b'{"version": 0}',
    }


def scores(rows: str, version: int, faithful: bool) -> str:
    """Return an endpoint's answer to rows of CSV with a header."""
    off = 0.0 if faithful else 0.25
    table = list(csv.DictReader(io.StringIO(rows)))
    return "".join(f"{score(float(row['x']), version) + off}\n" for row in table)


def comparison(*, better: bool) -> bytes:
    gain = 0.02 if better else -0.02
    return json.dumps(
        {
            "metric": "auc",
            "rows": 500,
            "candidate": {"value": 0.7 + gain},
            "champion": {"value": 0.7},
            "gain": {"value": gain, "low": gain - 0.01, "high": gain + 0.01, "confidence": 0.95},
            "slices": [],
        }
    ).encode()


def files(objects: list[Json], bad: set[int], *, nothing: bool) -> bytes:
    """Return files.json of a dataset of which these are bad; `nothing` could be trained on."""
    rows = [
        {
            "key": each["key"],
            "version_id": each["version_id"],
            "status": "set-aside" if number in bad else "used",
            "reason": "row 2 has 1 field" if number in bad else "",
            "rows": 40,
        }
        for number, each in enumerate(objects)
    ]
    outcome, why = ("bad-files", "bad data: the new files are bad") if nothing else ("ok", "")
    return json.dumps({"objects": rows, "outcome": outcome, "why": why, "counts": {}}).encode()


def findings(model: str, *, violated: bool) -> bytes:
    check = {
        "monitor": "data",
        "feature": "x",
        "statistic": "psi",
        "value": 0.4 if violated else 0.01,
        "threshold": 0.1,
        "violated": violated,
    }
    return json.dumps({"model": model, "rows": 400, "labelled_rows": 0, "checks": [check]}).encode()


def read_json(body: Json) -> Json:
    """Read a body as botocore has it by now: bytes, or a stream of them."""
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    return json.loads(body)


def find_step(definition: Json, kind: str) -> Json:
    """Return the arguments of the first step of a type, wherever it stands in a definition."""
    todo = list(definition["Steps"])
    while todo:
        step = todo.pop(0)
        if step["Type"] == kind:
            return step["Arguments"]
        todo += [*step["Arguments"].get("IfSteps", ()), *step["Arguments"].get("ElseSteps", ())]
    raise LookupError(f"no step of type {kind}")


def filled(values: dict[str, Json], known: dict[str, str], root: str) -> dict[str, str]:
    """Return the metadata of a package with its references resolved, as the pipeline does."""

    def one(value: Json) -> str:
        if isinstance(value, str):
            return value
        if "Get" in value:
            path = value["Get"]
            if path in known:
                return known[path]
            if "Outputs['" in path:  # an output of a processing step lies below the run
                return f"{root}/{path.partition(chr(39))[2].partition(chr(39))[0]}"
            raise LookupError(path)
        parts = value["Std:Join"]
        return str(parts["On"]).join(one(part) for part in parts["Values"])

    return {name: one(value) for name, value in values.items()}
