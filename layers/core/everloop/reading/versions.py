"""Versions as whoever speaks on them must know them: with pins, and when each was spoken on."""

from dataclasses import replace

from everloop.aws import approvals, ledger, registry
from everloop.decisions import emergency, two_persons, waivers
from everloop.decisions.approvals import APPROVED
from everloop.decisions.releases import Package
from everloop.spec import policy


def versions(model: str) -> list[Package]:
    """Return all versions, the newest first; of those approved also which is pinned."""
    words, verdicts = approvals.all_of(model), approvals.verdicts_of(model)
    installed = ledger.find_installed(model)
    two = installed is not None and policy.two_persons(installed.spec)
    endorsements = approvals.endorsements_of(model) if two else {}
    packages = []
    for package in registry.packages(model):
        word = words.get(package.version)
        described = registry.find(package.arn) if package.approval == APPROVED else None
        pinned = described.package.pinned if described else ""
        at = word.at if word else None
        verdict = verdicts.get(package.version)
        barred = waivers.barred(model, word, verdict) if described else ""
        if described and two and not barred:
            endorsement = endorsements.get(package.version)
            barred = two_persons.barred(model, word, endorsement, package.stage)
        urgent = emergency.reason(word) if described else ""
        packages.append(
            replace(package, approved_at=at, pinned=pinned, barred=barred, emergency=urgent)
        )
    return sorted(packages, key=lambda package: package.version, reverse=True)
