"""`make iam`: what each role of the stack may do, beside what runs of the stack demanded of it.

The runs are tests: handlers by the roles of their functions, and the stack on the local cloud.
Whatever else records demands (docs/permissions.md) can be added with --evidence.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from everloop_localcloud.kernel.access.record import FOLDER
from proofs.audit.escalation import Claim, claims
from proofs.audit.grants import Finding, Grant, compare, evidence
from proofs.audit.reasons import reasons
from proofs.stack import stack
from proofs.template import ROOT, TEMPLATE

DEMANDS = ROOT / "build" / "demands"
LOG = ROOT / "build" / "demands.log"
_RUNS = (
    *("tests/functions", "tests/audit", "tests/e2e/test_loop.py", "tests/e2e/test_watching.py"),
    *("tests/e2e/test_own_pipeline.py", "tests/e2e/test_operating.py"),
    *("tests/e2e/test_withdrawal.py", "tests/e2e/test_removal.py", "tests/e2e/test_features.py"),
    *("tests/e2e/test_built_in.py", "tests/e2e/test_privacy.py", "tests/e2e/test_batches.py"),
    "tests/e2e/test_forms.py",
)
_COLUMNS = ("grants", "used", "missing", "unused", "wildcards", "unexplained")


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make iam", description=__doc__)
    parser.add_argument("--evidence", type=Path, action="append", default=[], metavar="FOLDER",
                        help="a folder with more records, such as a simulation's")  # fmt: skip
    parser.add_argument("--only", action="store_true", help="run nothing, take what is given")
    given = parser.parse_args(words)
    if not given.only:
        trouble = _run()
        if trouble:
            print(trouble, file=sys.stderr)
            return 2
    folders = [*given.evidence, *([] if given.only else [DEMANDS])]
    found = evidence(stack(), folders)
    why = reasons(TEMPLATE)
    findings = [compare(stack(), role, found.of(role), why) for role in stack().roles.values()]
    held = claims(stack())
    print("\n".join(report(findings, held)))
    told = ", ".join(f"{count} of {run}" for run, count in sorted(found.runs.items()))
    print(f"\nDemands recorded: {told or 'none'}.")
    return 0 if all(f.good for f in findings) and not any(c.breaches for c in held) else 1


def _run() -> str:
    """Run what gives the evidence; returns what went wrong."""
    shutil.rmtree(DEMANDS, ignore_errors=True)
    DEMANDS.mkdir(parents=True)
    tests = ["--numprocesses", "2", "--dist", "loadfile", "-q", *_RUNS]
    with LOG.open("w") as log:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *tests],
            cwd=ROOT,
            env={**os.environ, FOLDER: str(DEMANDS)},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode == 0:
        return ""
    last = "\n".join(LOG.read_text().splitlines()[-15:])
    return f"{last}\n\nThe runs that give the evidence failed: see {LOG.relative_to(ROOT)}."


def report(findings: Iterable[Finding], held: Iterable[Claim]) -> list[str]:
    """Write the table, what misses the bar, every wildcard with its reason, and the claims."""
    findings = list(findings)
    width = max(len(finding.role) for finding in findings)
    lines = [" ".join(["role".ljust(width), *(name.rjust(11) for name in _COLUMNS)])]
    total = [0] * len(_COLUMNS)
    for finding in findings:
        row = _row(finding)
        total = [a + b for a, b in zip(total, row, strict=True)]
        lines.append(" ".join([finding.role.ljust(width), *(str(n).rjust(11) for n in row)]))
    lines.append(" ".join(["all".ljust(width), *(str(n).rjust(11) for n in total)]))
    lines += ["", *_below_the_bar(findings), "", "Wildcards, and why:"]
    lines += _wildcards(findings)
    lines += ["", "No way to more than was given:"]
    for claim in held:
        lines.append(f"  {'holds' if not claim.breaches else 'BROKEN':6} {claim.text}")
        lines += [f"         {breach}" for breach in claim.breaches]
    return lines


def _row(finding: Finding) -> list[int]:
    counted = (finding.grants, finding.used, finding.missing, finding.unused)
    return [len(each) for each in (*counted, finding.wildcards, finding.unexplained)]


def _below_the_bar(findings: list[Finding]) -> list[str]:
    lines = []
    for finding in findings:
        missing = [f"{d.action} on {d.resource or 'what it asked for'}" for d in finding.missing]
        for title, found in (
            ("missing", missing),
            ("unused", map(_text, finding.unused)),
            ("unexplained", map(_text, finding.unexplained)),
        ):
            lines += [f"  {title:11}  {finding.role}: {text}" for text in found]
    if lines:
        return ["Not good:", *lines]
    return ["Nothing is missing, nothing is unused, every wildcard has its reason."]


def _wildcards(findings: list[Finding]) -> list[str]:
    """Return each wildcard once, with the roles that have it."""
    found: dict[tuple[str, str], set[str]] = {}
    for finding in findings:
        for grant in finding.wildcards:
            key = grant.resource, grant.reason or "NO REASON"
            found.setdefault(key, set()).add(finding.role.removesuffix("Role"))
    return [
        f"  {resource}\n      {reason}  ({', '.join(sorted(roles))})"
        for (resource, reason), roles in sorted(found.items())
    ]


def _text(grant: Grant) -> str:
    return f"{grant.action} on {grant.resource}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
