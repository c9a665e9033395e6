"""Which models' folders changed since a commit, as Git says: what CI checks and pushes."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from everloop.bundle import REQUIRED
from everloop_cli import git
from everloop_cli.trouble import Trouble

_SECONDS = 60
_TOML = REQUIRED[0]


@dataclass(frozen=True)
class Changed:
    """Models' folders that changed, and the names of models whose folders are gone."""

    folders: list[Path] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def since(folder: Path, ref: str) -> Changed:
    """Return what changed below a folder since HEAD left the history of `ref`.

    What is not committed yet counts, too. Each folder right below with a model.toml is a model, or
    the folder itself is one. All of them changed where `ref` is nothing but zeros, as CI services
    say of a branch's first push, and before a repository's first commit. Raises Trouble where Git
    cannot tell.
    """
    if not folder.is_dir():
        raise Trouble(f"{folder} is no folder: name the one that has the models, e.g. models")
    _ask(folder, "rev-parse", "--show-toplevel")
    one = (folder / _TOML).is_file()
    if not ref.strip("0 ") or not _try(folder, "rev-parse", "--verify", "--quiet", "HEAD"):
        return Changed([folder] if one else _models(folder))
    names = _names(folder, _base(folder, ref))
    if one:
        return Changed([folder] if names else [])
    children = sorted({name.split("/")[0] for name in names if "/" in name and name[0] != "."})
    found = Changed()
    for child in children:
        if (folder / child / _TOML).is_file() or f"{child}/{_TOML}" in names:
            if _is_left(folder, child):
                found.folders.append(folder / child)
            else:
                found.gone.append(child)
    return found


def told(found: Changed, folder: Path, ref: str) -> list[str]:
    """Return what people read of it: what there is to do is told by who does it."""
    lines = [f"the folder of {name} is gone: everloop remove {name}" for name in found.gone]
    if not found.folders:
        lines.append(f"no model below {folder} differs from {ref}")
    return lines


def _models(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"[!.]*/{_TOML}"))


def _base(folder: Path, ref: str) -> str:
    known = _try(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    if known is None:
        raise Trouble(
            f"Git knows no commit {ref!r} here. CI services fetch little of the history: have them "
            "fetch all of it (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0)"
        )
    base = _try(folder, "merge-base", known.strip(), "HEAD")
    if base is None:
        raise Trouble(f"HEAD and {ref!r} have no history in common: is all of it fetched?")
    return base.strip()


def _names(folder: Path, base: str) -> set[str]:
    """Return which files differ, relative to the folder; those that are gone included."""
    quoted = ("-z", "--", ".")
    differing = _ask(folder, "diff", "--name-only", "--no-renames", "--relative", base, *quoted)
    new = _ask(folder, "ls-files", "--others", "--exclude-standard", *quoted)
    return {name for name in (*differing.split("\0"), *new.split("\0")) if name}


def _is_left(folder: Path, child: str) -> bool:
    """Whether a folder holds anything but what Git ignores."""
    kept = ("--cached", "--others", "--exclude-standard", "-z", "--", child)
    return any(
        (folder / name).exists() for name in _ask(folder, "ls-files", *kept).split("\0")[:-1]
    )


def _ask(folder: Path, *words: str) -> str:
    done = _run(folder, *words)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[0]
        raise Trouble(f"Git cannot tell what changed in {folder}: {said}")
    return done.stdout


def _try(folder: Path, *words: str) -> str | None:
    done = _run(folder, *words)
    return None if done.returncode else done.stdout


def _run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return git.run(folder, *words, seconds=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Trouble(f"Git cannot be asked what changed: {error}") from error
