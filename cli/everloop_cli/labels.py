"""everloop label: what came true, looked at with the job's own reader, then uploaded."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from everloop.aws import buckets, ledger
from everloop.aws.settings import settings
from everloop.decisions.late_labels import label_ending, no_labels, wrong_name
from everloop.spec import policy
from everloop.spec.metrics import targets
from everloop_cli import models
from everloop_cli.trouble import Trouble
from everloop_jobs.formats.check import check
from everloop_jobs.formats.dialect import Dialect
from everloop_jobs.formats.expected import Expected
from everloop_jobs.formats.names import format_of


def upload(model: str, paths: list[Path]) -> dict[str, Any]:
    """Check files of labels and upload them below `labels/<model>/`.

    Each gets a name of its own by its content: the same file twice is one, and another of the same
    name replaces nothing. Raises Trouble, before anything is uploaded, for files that the monitor
    would refuse.
    """
    spec = ledger.installed(models.known(model)).spec
    named, target = policy.named(spec), spec["data"]["target"]
    if not named:
        raise Trouble(
            f"{model} has no [data].key in its model.toml: labels find their predictions by it. "
            "Name the column and push again"
        )
    files = _files(paths)
    dialect = Dialect.of(spec["data"])
    kinds = (
        {}
        if targets(spec["problem"], spec["data"].get("positive")) in ("any", "free")
        else {target: "number"}
    )
    expected = Expected((*named, target), kinds, dialect=dialect)
    problems, rows = [], 0
    for path in files:
        wrong, count = _problems(path, expected)
        problems += wrong
        rows += count
    if problems:
        raise Trouble(
            "no labels were uploaded, as these files cannot be used:\n" + "\n".join(problems)
        )
    bucket = settings().data_bucket
    for path in files:
        buckets.upload(path, bucket, f"labels/{model}/{_name(path)}")
    return {
        "model": model,
        "files": len(files),
        "rows": rows,
        "to": f"s3://{bucket}/labels/{model}/",
        "names": [_name(path) for path in files],
    }


def _files(paths: list[Path]) -> list[Path]:
    files = []
    for path in paths:
        if path.is_dir():
            below = sorted(child for child in path.rglob("*") if child.is_file())
            files += [child for child in below if not no_labels(child.relative_to(path).as_posix())]
        elif path.is_file():
            files.append(path)
        else:
            raise Trouble(f"{path} is neither file nor folder")
    if not files:
        raise Trouble("no labels to upload: name files, or folders that hold some")
    return files


def _problems(path: Path, expected: Expected) -> tuple[list[str], int]:
    """Return why a file is none of labels, and how many rows it has."""
    why = wrong_name(path.name)
    if why:
        return [f"{path}: {why.partition(': ')[2]}"], 0
    expected = replace(expected, format=format_of(path.name))
    seen = check(path, str(path), expected)
    return [*seen.bad, *([seen.empty] if seen.empty else [])], seen.rows or 0


def _name(path: Path) -> str:
    with path.open("rb") as file:
        made = hashlib.file_digest(file, "sha256").hexdigest()[:8]
    ending = label_ending(path.name)
    return f"{path.name.removesuffix(ending)}-{made}{ending}"
