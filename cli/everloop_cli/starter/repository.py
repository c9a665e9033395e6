"""A repository of models for a team: CI, hooks, an agent's skill and the day's commands."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from everloop_cli import stack_files
from everloop_cli.trouble import Trouble

_SAMPLE = 1_000_000  # bytes of rows that are committed


@dataclass
class Written:
    """What was written, and what was there and is kept."""

    files: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def write(folder: Path) -> Written:
    """Write what `examples/models-repository` has; files that are there stay as they are."""
    source = stack_files.repository()
    done = Written()
    try:
        (folder / "models").mkdir(parents=True, exist_ok=True)
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            name = path.relative_to(source).as_posix()
            if (folder / name).exists():
                done.kept.append(name)
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
            done.files.append(name)
    except OSError as error:
        raise Trouble(f"{folder} cannot be written: {error}") from error
    return done


def sample(model: Path, data: Path) -> Path | None:
    """Put the first rows of a file into a model's .sample/, where CI looks for them.

    None where they cannot be told apart: of a big compressed file, or of one line.
    """
    try:
        with data.open("rb") as file:
            head = file.read(_SAMPLE + 1)
        if len(head) > _SAMPLE:
            head = head[: _end_of_row(head[:_SAMPLE])]
        if not head or (data.stat().st_size > _SAMPLE and b"\0" in head):
            return None
        target = model / ".sample" / data.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(head)
    except OSError as error:
        raise Trouble(f"{model / '.sample'} cannot be written: {error}") from error
    return target


def _end_of_row(head: bytes) -> int:
    """Return where the last whole row ends: a line break within quotes ends none."""
    end = len(head)
    while (end := head.rfind(b"\n", 0, end)) > 0:
        if head.count(b'"', 0, end) % 2 == 0:
            return end + 1
    return 0
