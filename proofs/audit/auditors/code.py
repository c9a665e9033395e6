"""bandit on all Python that ships or runs, and detect-secrets on every file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proofs.audit.auditors import Report, parsed, ran
from proofs.audit.findings import AuditError, Finding
from proofs.audit.rules.syntax import Module
from proofs.audit.subject import Subject


def bandit(subject: Subject) -> Report:
    """Comments that silence it are not heeded: accepted.toml is the one list."""
    names = [subject.name(path) for path in subject.python()]
    text = ran("bandit", ["-q", "-f", "json", "--ignore-nosec", *names], at=subject.root, ok=(0, 1))
    told = parsed("bandit", text)
    if told["errors"]:
        raise AuditError(f"bandit could not read {told['errors']}")
    seen = set(told["metrics"]) - {"_totals"}
    if missed := sorted(set(names) - {name.removeprefix("./") for name in seen}):
        raise AuditError(f"bandit did not look at {missed[:3]}")
    modules: dict[str, Module] = {}
    findings = []
    for found in told["results"]:
        name = found["filename"].removeprefix("./")
        if name not in modules:
            modules[name] = Module(name, subject.root / name)
        where = modules[name].place(found["line_number"])
        line = f"line {found['line_number']}: {found['issue_text']}"
        findings.append(Finding("bandit", found["test_id"], where, line))
    return Report(f"{len(names)} files", findings)


def secrets(subject: Subject) -> Report:
    """All files, whether git knows them or not: inside a repository alone it would skip some.

    It says nothing of what it read, so a secret of ours goes along. Unless that is found, it
    looked at nothing.
    """
    heeds_comments = "detect_secrets.filters.allowlist.is_line_allowlisted"
    options = ["scan", "--all-files", "--no-verify", "--disable-filter", heeds_comments]
    with _canary(subject.root) as canary:
        names = [*(subject.name(path) for path in subject.files()), canary]
        text = ran("detect-secrets", [*options, *names], at=subject.root, ok=(0,))
    told = parsed("detect-secrets", text)["results"]
    if not told.pop(canary, None):
        raise AuditError("detect-secrets did not find the secret that was planted for it")
    return Report(
        f"{len(subject.files())} files",
        [
            Finding("secrets", found["type"], name, f"line {found['line_number']}")
            for name, all_found in told.items()
            for found in all_found
        ],
    )


@contextmanager
def _canary(root: Path) -> Iterator[str]:
    """Plant a secret inside of the root: outside of it, detect-secrets sees nothing at all."""
    path = root / "build" / "audit" / "canary.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('key = "AKIA' + "QWERTYUIOPASDFGH" + '"\n')
    try:
        yield path.relative_to(root).as_posix()
    finally:
        path.unlink()
