"""Which commit a folder is at, as Git says."""

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
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
