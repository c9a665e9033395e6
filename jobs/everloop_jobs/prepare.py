"""Prepare a training run: the frozen dataset's exact objects, checked, then the model's split."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import splits
from container import INPUT, JobError, read_json, read_spec, run, run_script, unpacked
from dataset import Dataset
from formats.dialect import Dialect

_NEEDED = ("bucket", "key", "etag")


def main() -> str:
    spec = read_spec()
    manifest = _manifest()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        raw = work / "raw"
        raw.mkdir()
        dataset = Dataset(manifest, spec, raw)
        dataset.fetch()
        dataset.check()
        dataset.settle()
        code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
        rows = _split(dataset, code, work, spec)
    counts = ", ".join(f"{part} {count}" for part, count in rows.items())
    return f"Completed: {dataset.summary()}, rows: {counts}"


def _split(dataset: Dataset, code: Path, work: Path, spec: dict[str, Any]) -> dict[str, int]:
    """Run preprocess.py; once more without the files that brought it targets of no use."""
    for made in (work / "made", work / "again"):
        made.mkdir()
        try:
            _preprocess(code, dataset.folder, made, spec)
            rows = splits.checked(made, spec)
            splits.handed_on(made, spec)
            return rows
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
    dialect = json.dumps(Dialect.of(spec["data"]).for_pandas())
    failed, last = run_script(command, code, {"EVERLOOP_READ_CSV": dialect})
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
