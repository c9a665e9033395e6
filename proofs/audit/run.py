"""Every auditor over one subject, on all cores, with a word as each is done."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from proofs.audit.auditors import Report
from proofs.audit.findings import Finding
from proofs.audit.subject import Subject

Auditor = Callable[[Subject], Report]


@dataclass(frozen=True)
class Outcome:
    """What one auditor did; either it reports, or it says why it could not look."""

    tool: str
    seconds: float
    report: Report | None
    failure: str = ""

    @property
    def findings(self) -> list[Finding]:
        return self.report.findings if self.report else []


def run(
    subject: Subject, auditors: dict[str, Auditor], say: Callable[[str], None]
) -> list[Outcome]:
    """Run all auditors. One that fails is an outcome, too: it hides nothing that another found."""
    subject.plain_file  # noqa: B018 - made once, before the threads want it
    with ThreadPoolExecutor(max_workers=min(len(auditors), os.cpu_count() or 1)) as pool:
        asked = {pool.submit(_one, tool, auditors[tool], subject): tool for tool in auditors}
        done = {}
        for future in as_completed(asked):
            outcome = future.result()
            done[outcome.tool] = outcome
            seen = outcome.report.looked_at if outcome.report else "could not look"
            say(f"{outcome.tool}: {seen} after {outcome.seconds:.0f} s")
    return [done[tool] for tool in sorted(auditors)]


def _one(tool: str, auditor: Auditor, subject: Subject) -> Outcome:
    began = time.monotonic()
    try:
        report = auditor(subject)
    except Exception as error:  # strangers' code: whatever it raises, it did not look
        return Outcome(tool, time.monotonic() - began, None, f"{type(error).__name__}: {error}")
    return Outcome(tool, time.monotonic() - began, report)
