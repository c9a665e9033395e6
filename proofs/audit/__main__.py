"""`python -m proofs.audit`: run every auditor, say what is not explained. See docs/audit.md."""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from proofs.audit.auditors.every import OFFLINE, ONLINE
from proofs.audit.findings import AuditError, Verdict, judge, read_acceptances
from proofs.audit.run import Outcome, run
from proofs.audit.subject import Subject

ROOT = Path(__file__).parents[2]
ACCEPTED = Path(__file__).with_name("accepted.toml")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m proofs.audit", description=__doc__)
    parser.add_argument("--online", action="store_true", help="ask for known vulnerabilities, too")
    parser.add_argument("--selftest", action="store_true", help="plant flaws; is each found?")
    arguments = parser.parse_args()
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # its own metrics' troubles
    try:
        acceptances = read_acceptances(ACCEPTED)
        if arguments.selftest:
            from proofs.audit.selftest import selftest

            with tempfile.TemporaryDirectory() as folder:
                return selftest(ROOT, Path(folder), acceptances, _say)
        began = time.monotonic()
        auditors = {**OFFLINE, **(ONLINE if arguments.online else {})}
        outcomes = run(Subject(ROOT), auditors, _say)
    except AuditError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    ran = [outcome.tool for outcome in outcomes if outcome.report]
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    verdict = judge(findings, acceptances, ran)
    _print(outcomes, verdict, time.monotonic() - began, online=arguments.online)
    failed = any(outcome.failure for outcome in outcomes)
    return 1 if failed or verdict.unexplained or verdict.stale else 0


def _say(text: str) -> None:
    print(f"audit: {text}", file=sys.stderr, flush=True)


def _print(outcomes: list[Outcome], verdict: Verdict, seconds: float, *, online: bool) -> None:
    rows = [["tool", "looked at", "findings", "accepted", "unexplained"]]
    for outcome in outcomes:
        seen = outcome.report.looked_at if outcome.report else "COULD NOT LOOK"
        accepted = sum(f.tool == outcome.tool for f in verdict.accepted)
        left = sum(f.tool == outcome.tool for f in verdict.unexplained)
        rows.append([outcome.tool, seen, *map(str, (accepted + left, accepted, left))])
    accepted, left = len(verdict.accepted), len(verdict.unexplained)
    rows.append(["all", "", *map(str, (accepted + left, accepted, left))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        texts = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        numbers = [text.rjust(width) for text, width in zip(row, widths, strict=True)]
        print("  ".join(texts[:2] + numbers[2:]))
    for finding in verdict.unexplained:
        print(f"\nUNEXPLAINED {finding.tool} {finding.rule} at {finding.where}\n  {finding.what}")
    for stale in verdict.stale:
        print(f"\nSTALE {stale}: accepted.toml accepts what nobody finds; delete it there")
    for outcome in outcomes:
        if outcome.failure:
            print(f"\nFAILED {outcome.tool}: {outcome.failure}")
    if not online:
        print("\nNot asked: known vulnerabilities; that takes a network (make audit ONLINE=1).")
    print(f"Done after {seconds:.0f} s.")


if __name__ == "__main__":
    sys.exit(main())
