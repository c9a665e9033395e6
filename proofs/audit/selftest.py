"""Plant every flaw into a copy of the product, audit it, and say which rule found which flaw.

A finder counts only where it is quiet on the product as it is, and where no acceptance covers what
it found: neither one that always fires nor one that is always excused proves anything.
"""

import time
from collections.abc import Callable
from pathlib import Path

from proofs.audit.auditors.every import OFFLINE
from proofs.audit.auditors.own import ALL
from proofs.audit.findings import Acceptance, Finding, judge
from proofs.audit.flaws import Flaw
from proofs.audit.flaws.every import FLAWS
from proofs.audit.rules import name_of
from proofs.audit.run import run
from proofs.audit.subject import Subject


def selftest(
    root: Path, folder: Path, acceptances: list[Acceptance], say: Callable[[str], None]
) -> int:
    """Return the exit code: 0 if every flaw was found and every finder has a flaw."""
    began = time.monotonic()
    original = Subject(root)
    original.copy_to(folder)
    for flaw in FLAWS:
        flaw.plant(folder)
    say(f"auditing a copy with {len(FLAWS)} flaws")
    flawed = run(Subject(folder), OFFLINE, say)
    say("auditing the product as it is")
    plain = run(original, OFFLINE, say)
    failures = [f"{o.tool} could not look: {o.failure}" for o in (*flawed, *plain) if o.failure]
    before = {finding for outcome in plain for finding in outcome.findings}
    ran = [outcome.tool for outcome in flawed]
    after = judge((f for o in flawed for f in o.findings), acceptances, ran).unexplained
    new = set(after) - before

    width = max(len(flaw.says) for flaw in FLAWS)
    found = 0
    for number, flaw in enumerate(FLAWS, 1):
        wanted = Finding(flaw.tool, flaw.rule, flaw.where, "")
        caught = wanted in new
        found += caught
        told = f"{flaw.tool} {flaw.rule}" if caught else _missed(flaw, before)
        print(f"{number:3}  {flaw.says:{width}}  {told}")
    failures += _untested()
    share = 100 * found / len(FLAWS)
    print(f"\n{found} of {len(FLAWS)} planted flaws found ({share:.0f} %).")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"Done after {time.monotonic() - began:.0f} s.")
    return 0 if found == len(FLAWS) and not failures else 1


def _missed(flaw: Flaw, before: set[Finding]) -> str:
    wanted = f"{flaw.tool} {flaw.rule} at {flaw.where}"
    if Finding(flaw.tool, flaw.rule, flaw.where, "") in before:
        return f"NOT PROVED: {wanted} is found without the flaw, too"
    return f"NOT FOUND by {wanted}"


def _untested() -> list[str]:
    """Return what is left open: auditors and rules of ours without a flaw, findings with two."""
    finders = [(flaw.tool, flaw.rule, flaw.where) for flaw in FLAWS]
    twice = sorted({" ".join(f) for f in finders if finders.count(f) > 1})
    tested = {flaw.rule for flaw in FLAWS if flaw.tool == "own"}
    rules = [f"no flaw for the rule {name_of(r)}" for r in ALL if name_of(r) not in tested]
    tools = [f"no flaw for {tool}" for tool in OFFLINE if tool not in {f.tool for f in FLAWS}]
    return rules + tools + [f"two flaws for one finding: {finder}" for finder in twice]
