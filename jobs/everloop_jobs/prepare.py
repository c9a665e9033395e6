"""Prepare a training run: the frozen dataset's exact objects, checked, then the model's split."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import formats.format
import problems
import requirements
import splits
from container import (
    INPUT,
    JobError,
    output,
    read_json,
    read_spec,
    run,
    run_script,
    unpacked,
    write_json,
)
from dataset import Dataset
from feature_store.prepared import Features
from own_split.rows import split

_NEEDED = ("bucket", "key", "etag")


def main() -> str:
    spec = read_spec()
    # A class is called "True" as it is written; what is a number is 1.
    spec["data"]["target_is_class"] = problems.of(spec).targets in ("any", "free")
    manifest = _manifest()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        raw = work / "raw"
        raw.mkdir()
        dataset = Dataset(manifest, spec, raw)
        dataset.fetch()
        dataset.check()
        dataset.describe()
        dataset.settle()
        dataset.hand_on()
        features = Features(spec, work, os.environ.get("EVERLOOP_FILES_URI", ""))
        features.write(dataset)
        code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
        make = _own_split if spec["data"].get("split") else _split
        rows, how = make(dataset, code, work, spec, features)
        how += features.hand_on()
    counts = ", ".join(f"{part} {count}" for part, count in rows.items())
    return f"Completed: {dataset.summary()}, rows: {counts}{how}"


def _own_split(
    dataset: Dataset, code: Path, work: Path, spec: dict[str, Any], features: Features
) -> tuple[dict[str, str], str]:
    """Split as [data.split] says; what is split is given to preprocess.py, where there is one."""
    data = {**spec["data"], "forecast": spec.get("forecast")}
    if dataset.doubtful():
        dataset.settle_doubtful()
    made = work / "split"
    while True:
        sources = dataset.sources()
        done = split(sources, data, made)
        if not any(source.bad for source in sources):
            break
        dataset.settle_without(sources)  # raises, or leaves fewer files
    for part, count in done.rows.items():
        if not count:
            raise JobError(
                f"[data.split] leaves no rows to {part} ({done.said(data)}): is the drop too small?"
            )
    if (code / "preprocess.py").exists():
        made = work / "made"
        made.mkdir()
        for table in dataset.beside():
            table.rename(work / "split" / table.name)
        _preprocess(code, work / "split", made, spec)
    features.join(made)
    rows = splits.checked(made, spec)
    splits.handed_on(made, spec)
    write_json(output("baseline") / "split.json", done.record(data))
    return rows, f"; {done.said(data)}"


def _split(
    dataset: Dataset, code: Path, work: Path, spec: dict[str, Any], features: Features
) -> tuple[dict[str, str], str]:
    """Run preprocess.py; once more without the files that brought it targets of no use."""
    for made in (work / "made", work / "again"):
        made.mkdir()
        try:
            _preprocess(code, dataset.folder, made, spec)
            features.join(made)
            rows = splits.checked(made, spec)
            splits.handed_on(made, spec)
            return rows, ""
        except splits.BadTargets as error:
            if made.name == "again" or not dataset.doubtful():
                raise
            print(f"{error}: looking at the files that it comes from", file=sys.stderr)
            dataset.settle_doubtful()
        except JobError as error:
            doubts = "; ".join(line for file in dataset.doubtful() for line in file.doubts[:1])
            raise JobError(
                f"{error}; seen in the drop: {doubts}" if doubts else str(error)
            ) from error
    raise AssertionError("unreachable")


def _preprocess(code: Path, raw: Path, made: Path, spec: dict[str, Any]) -> None:
    command = [sys.executable, "preprocess.py", "--input", str(raw), "--output", str(made)]
    data = spec["data"]
    told = {"EVERLOOP_FORMAT": str(data.get("format") or "csv")}
    told |= formats.format.of(data).environment(data)
    told |= requirements.installed(code)
    failed, last = run_script(command, code, told)
    if failed:
        raise JobError(f"preprocess.py failed: {last}")


def _manifest() -> dict[str, Any]:
    paths = sorted((INPUT / "dataset").glob("*.json"))
    if len(paths) != 1:
        raise JobError(f"one manifest belongs into the input dataset, there are {len(paths)}")
    manifest = read_json(paths[0])
    objects = manifest.get("objects") if isinstance(manifest, dict) else None
    if not objects:
        raise JobError("the manifest lists no objects: there is nothing to train on")
    if not isinstance(objects, list) or not all(_is_object(each) for each in objects):
        raise JobError("the manifest is not what freeze_dataset writes: it was changed, or cut off")
    return manifest


def _is_object(entry: Any) -> bool:
    """Whether an entry has what is needed to fetch and check the object that it lists."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) and entry[name] for name in _NEEDED)
        and isinstance(entry.get("size"), int)
        and isinstance(entry.get("version_id"), str | None)
    )


if __name__ == "__main__":
    run(main)
