"""Requirements: pinned, whole, and of one mind; with a network, free of known vulnerabilities."""

import re
import subprocess
from pathlib import Path
from typing import Final

from proofs.audit.auditors import Report, parsed, ran
from proofs.audit.findings import AuditError, Finding
from proofs.audit.subject import Subject

_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?==[^=*\s]+(\s*;.*)?$")
_NAME: Final = re.compile(r"^[A-Za-z0-9._-]+")
_BROKEN: Final = re.compile(r"^(\S+) \S+ (has requirement|requires|is not supported)")


def dependencies(subject: Subject) -> Report:
    """Whether a pinned version has a known hole, only a network can tell: see `known_holes`."""
    compiled = sorted((subject.root / "requirements").glob("*.txt"))
    layers = sorted((subject.root / "layers").glob("*/requirements.txt"))
    if not compiled or not layers:
        raise AuditError(f"no requirements in {subject.root}/requirements and layers/")
    findings = [f for path in (*compiled, *layers) for f in _unpinned(subject, path)]
    for path in sorted((subject.root / "requirements").glob("*.in")):
        findings += _not_compiled(subject, path)
    environments = sorted(subject.root.glob(".venv*/bin/python"))
    for python in environments:
        findings += _broken(python)
    seen = f"{len(compiled) + len(layers)} files, {len(environments)} environments"
    return Report(seen, findings)


def known_holes(subject: Subject) -> Report:
    """pip-audit, which asks the network and says that all is well where nobody answers.

    Its --strict ends with the exit code of a finding, and no output. So: a package that it skipped
    is an audit that did not take place.
    """
    findings = []
    files = [p for p in sorted((subject.root / "requirements").glob("*.txt")) if p.stem != "npm"]
    for path in files:
        arguments = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
        text = ran("pip-audit", [*arguments, "-r", path], at=subject.root, ok=(0, 1))
        for package in parsed("pip-audit", text)["dependencies"]:
            if "skip_reason" in package:
                raise AuditError(f"pip-audit could not ask: {package['skip_reason']}")
            where = f"{path.name} {package['name']}"
            findings += [
                Finding("known holes", hole["id"], where, f"in {package['version']}")
                for hole in package["vulns"]
            ]
    return Report(f"{len(files)} files", findings)


def _lines(path: Path) -> list[str]:
    lines = (line.partition(" #")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _unpinned(subject: Subject, path: Path) -> list[Finding]:
    if path.name == "npm.txt":
        loose = [line for line in _lines(path) if not re.match(r"^@?[^@]+@\d[\w.-]*$", line)]
    else:
        loose = [line for line in _lines(path) if not _PINNED.match(line)]
    name = subject.name(path)
    return [Finding("dependencies", "unpinned", f"{name} {line}", "write ==") for line in loose]


def _not_compiled(subject: Subject, path: Path) -> list[Finding]:
    """Return what is asked for in an .in file and lies in no .txt beside it."""
    compiled = path.with_suffix(".txt")
    name = subject.name(path)
    if not compiled.is_file():
        return [Finding("dependencies", "not-compiled", name, f"no {compiled.name}")]
    have = {_normal(line) for line in _lines(compiled)}
    asked = [line for line in _lines(path) if not line.startswith("-")]
    return [
        Finding("dependencies", "not-compiled", f"{name} {line}", f"not in {compiled.name}")
        for line in asked
        if _normal(line) not in have
    ]


def _normal(line: str) -> str:
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else line


def _broken(python: Path) -> list[Finding]:
    """Ask pip whether an environment's packages agree; it needs no network."""
    done = subprocess.run(
        [python, "-I", "-m", "pip", "check", "--disable-pip-version-check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    where = python.parents[1].name
    lines = done.stdout.splitlines()
    broken = [line for line in lines if _BROKEN.match(line)]
    if done.returncode and not broken:
        raise AuditError(
            f"pip check failed in {where}: {(done.stderr or done.stdout).strip()[-200:]}"
        )
    return [
        Finding("dependencies", "pip-check", f"{where} {line.partition(' ')[0]}", line)
        for line in broken
    ]
