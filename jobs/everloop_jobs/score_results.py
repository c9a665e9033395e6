"""Put what a transform job answered beside the rows that it was asked, with a manifest.

Rows and answers become captured traffic as well, as if they had been sent to an endpoint: the
monitor looks at what was scored, and late labels find it.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

import problems
import transform_files
from container import INPUT, JobError, output, read_json, read_spec, run, write_json
from metrics import Array
from problems import Problem
from score_rows import INDEX, NAMES, PART

_REQUEST = ".csv"


def main() -> str:
    spec = read_spec()
    problem = problems.of(spec, read_json(INPUT / "reference" / "evaluation.json"))
    index = read_json(INPUT / "files" / INDEX)
    names = pd.DataFrame(index=range(index["rows"]))
    if problem.row_names.columns:
        names = pd.read_csv(INPUT / "files" / NAMES, dtype=str, keep_default_na=False)
    score = transform_files.scores(INPUT / "answers", PART, index["rows"], problem)
    results = _results(problem, index["files"], names, score, output("scores"))
    manifest = {
        "version": 1,
        "model": spec["name"],
        "model_version": int(_setting("VERSION")),
        "time": _setting("TIME"),
        "window": int(_setting("WINDOW")),
        "rows": index["rows"],
        "objects": results,
    }
    write_json(output("scores") / "manifest.json", manifest)
    captured = 0
    if spec["deploy"]["capture_percent"]:
        captured = _capture(names, _setting("TIME"), output("capture"))
    return f"Completed: {index['rows']} rows of {len(results)} objects scored, {captured} requests"


def _results(
    problem: Problem,
    files: Sequence[Mapping[str, Any]],
    names: pd.DataFrame,
    score: Array,
    folder: Path,
) -> list[dict[str, Any]]:
    """Write each object's scores below a folder; return what the manifest says of them."""
    columns = problem.columns(np.zeros(len(score)), score)
    columns.pop("target", None)
    table = pd.concat([names, pd.DataFrame(columns)], axis=1)
    taken: set[str] = set()
    results = []
    for each in files:
        first = int(each["first"])
        rows = table.iloc[first : first + int(each["rows"])]
        name = _name(str(each["name"]), taken)
        rows.to_csv(folder / name, index=False, float_format="%.17g", lineterminator="\n")
        kept = {key: each[key] for key in ("bucket", "key", "version_id", "etag", "rows")}
        results.append({**kept, "scores": f"{_setting('SCORES_URI')}/{name}"})
    return results


def _name(name: str, taken: set[str]) -> str:
    """Return a file's name for the scores of an object: its own, as CSV."""
    short = f"{PurePosixPath(name).stem}.csv"
    made = short if short not in taken else f"{name}.csv"
    taken.add(made)
    return made


def _capture(names: pd.DataFrame, time: str, folder: Path) -> int:
    """Write requests and answers as an endpoint's data capture would; return how many."""
    answers = {path.name: path for path in (INPUT / "answers").rglob("*.out")}
    hour = folder / time[:13].replace("-", "/").replace("T", "/")
    hour.mkdir(parents=True, exist_ok=True)
    place = hour / f"{_setting('WINDOW')}-{_setting('VERSION')}.jsonl"
    records = _records(names, answers, time)
    with place.open("w", encoding="utf-8") as file:
        return sum(file.write(json.dumps(record) + "\n") > 0 for record in records)


def _records(
    names: pd.DataFrame, answers: Mapping[str, Path], time: str
) -> Iterator[dict[str, Any]]:
    sent = list(_header()) or None
    for path in sorted((INPUT / "requests").rglob(f"{PART}-*{_REQUEST}")):
        first, last = (int(each) for each in path.stem.split("-")[1:])
        head: dict[str, Any] = {"header": None, "names": sent} if sent else {}
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, **head)
        own = names.iloc[first : last + 1].reset_index(drop=True)
        own = own[[name for name in own.columns if name not in rows.columns]]
        asked = pd.concat([own, rows], axis=1).to_csv(index=False, lineterminator="\n")
        answer = answers.get(f"{path.name}.out")
        if answer is None:
            raise JobError(f"{path.name} has no answer")
        yield {
            "captureData": {
                "endpointInput": _body("INPUT", asked),
                "endpointOutput": _body("OUTPUT", answer.read_text(errors="replace")),
            },
            "eventMetadata": {
                "eventId": f"{_setting('WINDOW')}-{first}",
                "inferenceTime": time,
            },
            "eventVersion": "0",
        }


def _header() -> Sequence[str]:
    """Return the columns of requests that have no header, as built-in algorithms take them."""
    spec = read_spec()
    if not spec["train"].get("algorithm"):
        return ()
    found: Sequence[str] = read_json(INPUT / "reference" / "evaluation.json")["features"]
    return found


def _body(mode: str, text: str) -> dict[str, str]:
    return {
        "observedContentType": "text/csv" if mode == "INPUT" else "",
        "mode": mode,
        "data": text,
        "encoding": "CSV",
    }


def _setting(name: str) -> str:
    value = os.environ.get(f"EVERLOOP_{name}")
    if not value:
        raise JobError(f"the environment variable EVERLOOP_{name} is missing")
    return value


if __name__ == "__main__":
    run(main)
