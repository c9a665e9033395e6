"""What would be dropped, looked at before it is uploaded: with the code that the job reads with."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from everloop.spec import policy
from everloop.spec.metrics import targets
from everloop_cli.trouble import Trouble
from everloop_jobs.formats.check import check
from everloop_jobs.formats.no_data import no_data_by_name
from everloop_jobs.formats.schemas import Schemas
from everloop_jobs.formats.tables import table_of, tables_of


@dataclass
class Drop:
    """Files by the names that they get, and what was seen of the others."""

    files: dict[str, Path] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())

    def in_order(self, marker: str) -> list[tuple[str, Path]]:
        """Return names and files, markers last: they say that all the others are there."""
        return sorted(self.files.items(), key=lambda each: (_last(each[0]) == marker, each[0]))


def collected(paths: list[Path], marker: str, *, anyway: bool) -> Drop:
    """Return all files below paths. Left out is what holds no data by its name.

    Raises Trouble for a path that is none, a hidden file that was named, and two of one name.
    """
    drop = Drop()
    for path in paths:
        if path.is_dir():
            for child, name in _below(path, drop, anyway):
                _take(drop, child, name, marker, anyway)
        elif path.is_file():
            why = no_data_by_name(path.name, marker)
            if why and path.name != marker and not anyway:
                raise Trouble(f"{path} {why}: it is no data. Upload it all the same: --anyway")
            _take(drop, path, path.name, marker, anyway)
        else:
            raise Trouble(f"{path} is neither file nor folder")
    return drop


def _below(folder: Path, drop: Drop, anyway: bool) -> Iterator[tuple[Path, str]]:
    def unreadable(error: OSError) -> None:
        raise Trouble(f"{error.filename} cannot be read: {error.strerror}")

    for root, folders, names in os.walk(folder, onerror=unreadable):
        for name in sorted(folders):
            if Path(root, name).is_symlink():
                drop.left_out.append(f"{Path(root, name)}: is a link to a folder; name it itself")
            elif not anyway and (why := no_data_by_name(f"{name}/file")):
                drop.left_out.append(f"{Path(root, name)}: what is below {why}")
                folders.remove(name)
        folders.sort()
        for name in sorted(names):
            child = Path(root, name)
            if child.is_file():
                yield child, child.relative_to(folder).as_posix()
            else:
                drop.left_out.append(f"{child}: is no file, or a link to nothing")


def _take(drop: Drop, path: Path, name: str, marker: str, anyway: bool) -> None:
    why = "" if anyway or _last(name) == marker else no_data_by_name(name, marker)
    if why:
        drop.left_out.append(f"{path}: {why}")
    elif name in drop.files:
        raise Trouble(
            f"{drop.files[name]} and {path} would both become {name!r}, and one replace the "
            "other. Drop the folder above them, or each with a --prefix of its own"
        )
    else:
        drop.files[name] = path


def inspect(
    drop: Drop, spec: Mapping[str, Any], progress: Callable[[int], None], prefix: str = ""
) -> None:
    """Read every file as the job will; those without data are left out, and what is wrong noted.

    `prefix` is what stands before their names below data/<model>/: it may say their table.
    """
    kind = targets(spec["problem"], spec["data"].get("positive"))
    tables = tables_of(spec, kind, policy.named(spec))
    schemas = {table.name: Schemas() for table in tables}
    marker = spec["data"]["marker"]
    for name, path in list(drop.files.items()):
        if _last(name) == marker:
            continue
        table = table_of(tables, prefix + name)
        try:
            seen = check(path, str(path), table.expected)
        except OSError as error:
            raise Trouble(f"{path} cannot be read: {error.strerror}") from error
        progress(path.stat().st_size)
        drop.problems += seen.bad or schemas[table.name].compare(str(path), seen)
        drop.warnings += [*seen.doubts, *seen.notes]
        if seen.empty:
            del drop.files[name]
            drop.left_out.append(seen.empty)


def _last(name: str) -> str:
    return name.rpartition("/")[2]
