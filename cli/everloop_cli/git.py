"""What Git says of a folder; the one place that asks it."""

import subprocess
from pathlib import Path

_SECONDS = 10


def commit(folder: Path) -> dict[str, str]:
    """Return the commit of the repository that tracks the folder, and how many of its files are
    not as committed. Nothing without Git, without a repository, or before its first commit.
    """
    head = _git(folder, "rev-parse", "--verify", "HEAD")
    tracked = _git(folder, "ls-files", "--error-unmatch", ".")
    if not head or tracked is None:
        return {}
    changed = _git(folder, "status", "--porcelain", "--untracked-files=all", "--", ".") or ""
    return {"git-commit": head.strip(), "git-changed": str(len(changed.splitlines()))}


def _git(folder: Path, *words: str) -> str | None:
    """Return what Git says; None where it cannot."""
    try:
        done = run(folder, *words)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def run(folder: Path, *words: str, seconds: float = _SECONDS) -> "subprocess.CompletedProcess[str]":
    """Ask Git. Raises OSError where there is none, subprocess.TimeoutExpired where it hangs.

    Names that are no UTF-8 come as Python has them for files.
    """
    return subprocess.run(
        ["git", "-C", str(folder), *words],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=seconds,
        check=False,
    )
