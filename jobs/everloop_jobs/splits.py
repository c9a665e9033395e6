"""What preprocess.py wrote: three tables, checked before anything is trained on them, described."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

import baseline
import channels
import problems
import streamed
import trained_keys
import transform_files
from container import JobError, output, write_json
from fairness import before
from feature_store.named import keys_of
from privacy import tables
from privacy.key import masking
from privacy.masking import personal
from scoring import target_of

PARTS = ("train", "validation", "holdout")
_CELLS = 2_000_000  # read at a time, as text


class BadTargets(JobError):
    """A table holds targets that no model can be trained on or measured by."""


def checked(made: Path, spec: dict[str, Any]) -> dict[str, str]:
    """Return what each part holds, in words: its rows, or of what is no table its files.

    Train and validation may be anything that train.py reads. A version is measured on holdout's
    table row by row. Raises JobError; BadTargets for what is in the rows.
    """
    parts = {part: _files(made / part) for part in PARTS}
    for part, count in parts.items():
        if not count or (part == "holdout" and not (made / part / "data.csv").exists()):
            raise JobError(
                f"preprocess.py wrote no {part}/data.csv into --output"
                + ("; a version is measured on it, row by row" if count else "")
            )
    tables = [part for part in PARTS if (made / part / "data.csv").exists()]
    heads = {part: _head(made, part, spec["data"]["target"]) for part in tables}
    rows = {part: str(_rows(made, part, len(heads[part]), spec)) for part in tables}
    if len(heads) == len(PARTS) and set(heads["validation"]) != set(heads["train"]):
        raise JobError("train/data.csv and validation/data.csv have different columns")
    groups = (spec.get("fairness") or {}).get("groups") or []  # specs of before have none
    problem = problems.of(spec)
    slices = [name for name in spec["evaluate"]["slices"] if name not in problem.derived]
    kept = [*heads.get("train", []), *problem.needed, *slices, *groups]
    lost = [name for name in dict.fromkeys(kept) if name and name not in heads["holdout"]]
    if lost:
        raise JobError(
            f"holdout/data.csv has no column {lost[0]!r}; preprocess.py must keep there what train "
            "has, and the columns that [data].key, [evaluate].slices, [fairness].groups or the "
            "problem's section name"
        )
    for name in _channels(spec):
        if not _files(made / name):
            raise JobError(
                f"preprocess.py wrote no files to {name}/ below --output, one of [prepare].channels"
            )
    _check_shares(made, spec)
    return {part: rows.get(part, f"{count} files") for part, count in parts.items()}


def _check_shares(made: Path, spec: dict[str, Any]) -> None:
    """Raise JobError where a channel has fewer files than machines that share it."""
    if spec["train"].get("algorithm"):
        return  # whose channels are written here
    for name in spec["train"].get("shard") or ():
        count, shares = _files(made / name), channels.shares_of(spec, name)
        if count < shares:
            raise JobError(
                f"{name}/ has {count} files and [train].count is {shares}: machines that share a "
                "channel get whole files, so let preprocess.py write at least one for each, or "
                f"leave {name!r} out of [train].shard"
            )


def _channels(spec: dict[str, Any]) -> list[str]:
    return spec["prepare"].get("channels") or []


def _files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def _head(made: Path, part: str, target: str) -> list[str]:
    path = made / part / "data.csv"
    try:
        head = [str(name) for name in pd.read_csv(path, nrows=0).columns]
    except (ValueError, MemoryError) as error:
        raise JobError(f"preprocess.py wrote a {part}/data.csv that is no CSV: {error}") from error
    if target not in head:
        raise JobError(f"{part}/data.csv has no column {target!r}, the [data].target")
    return head


def _rows(made: Path, part: str, columns: int, spec: dict[str, Any]) -> int:
    """Read a table to its end, as evaluation will, some rows at a time."""
    path, rows = made / part / "data.csv", 0
    size = max(1000, _CELLS // columns)
    try:
        with pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=size) as chunks:
            for chunk in chunks:
                _check_targets(chunk, part, spec, rows)
                rows += len(chunk)
    except (ValueError, MemoryError) as error:
        raise JobError(f"preprocess.py wrote a {part}/data.csv that is no CSV: {error}") from error
    if not rows:
        raise JobError(f"preprocess.py wrote no rows to {part}/data.csv: is the drop too small?")
    return rows


def _check_targets(chunk: pd.DataFrame, part: str, spec: dict[str, Any], first: int) -> None:
    try:
        target_of(chunk, spec["data"]["target"], problems.of(spec), f"{part}/data.csv", first)
    except JobError as error:
        raise BadTargets(str(error)) from error


def handed_on(made: Path, spec: dict[str, Any]) -> None:
    """Make what was written the job's outputs, as it is, and describe the training features.

    But for columns that say how fair a model is, and that it may not be given; and for personal
    values, in whose place tokens stand from here on.
    """
    _hide_personal(made, spec)
    if spec.get("fairness"):
        write_json(output("baseline") / before.NAME, before.prepared(made, spec))
    for part in (*PARTS, *_channels(spec)):
        try:
            shutil.copytree(made / part, output(part), dirs_exist_ok=True)
        except (shutil.Error, OSError) as error:
            raise JobError(
                f"{part}/, as preprocess.py wrote it, cannot be copied: {error}"
            ) from error
    known = {*PARTS, *_channels(spec)}
    left = sorted(path.name for path in made.iterdir() if path.name not in known)
    if left:
        print(
            f"left out, since [prepare].channels does not name it: {', '.join(left)}",
            file=sys.stderr,
        )
    _describe(made, spec)
    channels.written(made, spec)
    _requests(made, spec)


def _hide_personal(made: Path, spec: dict[str, Any]) -> None:
    hidden = masking(spec, problems.of(spec).row_names.columns)
    if hidden is None:
        return
    for part in (*PARTS, *_channels(spec)):
        if left := tables.hide(made / part, hidden):
            print(
                f"{part}/: personal values are hidden in CSV alone; as they are: "
                f"{', '.join(left[:10])}",
                file=sys.stderr,
            )


def _requests(made: Path, spec: dict[str, Any]) -> None:
    """Write what a transform job sends the model, where its serving container scores it."""
    if not transform_files.is_transformed(spec):
        return
    chosen = isinstance(spec["evaluate"].get("threshold"), str)
    names = channels.sent(spec, made)
    for part in ("holdout", "validation") if chosen else ("holdout",):
        folder = output(transform_files.OUTPUT)
        transform_files.written(part, made / part / "data.csv", folder, spec, names)


def _rows_of(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    if not path.exists() and path.parent.name == "validation":
        return  # it may be anything that the script wants
    if not path.exists():
        raise JobError(
            f"preprocess.py wrote no {path.parent.name}/data.csv, and this problem has to know the "
            f"targets there; write at least the column {columns[0]!r}"
        )
    lost = [name for name in columns if name not in pd.read_csv(path, nrows=0).columns]
    if lost:
        raise JobError(
            f"{path.parent.name}/data.csv has no column {lost[0]!r}, which names its rows or is "
            "known ahead; preprocess.py must keep it"
        )
    size = max(1000, _CELLS // len(columns))
    with pd.read_csv(
        path, usecols=columns, dtype=str, keep_default_na=False, chunksize=size
    ) as chunks:
        yield from chunks


def _describe(made: Path, spec: dict[str, Any]) -> None:
    data, monitor, problem = spec["data"], spec["monitor"], problems.of(spec)
    # Where train is no table, the holdout's rows are what traffic is compared with.
    part = next(part for part in ("train", "holdout") if (made / part / "data.csv").exists())
    train = made / part / "data.csv"
    # A timestamp moves by its nature, and so says nothing about drift.
    others = [*keys_of(spec), *personal(spec)]
    unseen = {data["target"], data["key"], data["timestamp"], *others, *monitor["ignore"]}
    columns = list(pd.read_csv(train, nrows=0).columns)
    if problem.sends_some:  # what a model is never sent, no traffic has
        columns = [*problem.sent(columns), data["target"]]
    names = [name for name in columns if name not in unseen]
    statistics = streamed.statistics_of(train, names)
    # All of them in their order: requests may come without a header.
    statistics["columns"] = [str(name) for name in columns]
    if part != "train":
        statistics["dataset"] = {"item_count": None}  # nobody counts what it was trained on
    statistics |= problem.described(
        lambda part: (
            rows[data["target"]] for rows in _rows_of(made / part / "data.csv", [data["target"]])
        )
    )
    wanted = [data["target"], *problem.needed]
    statistics |= problem.laid_out(lambda part: _rows_of(made / part / "data.csv", wanted))
    suggested = baseline.constraints_of(statistics, monitor["data"]["threshold"])
    write_json(output("baseline") / "statistics.json", statistics)
    write_json(output("baseline") / "constraints.json", suggested)
    trained_keys.write(made, problem.row_names, output("baseline"))
