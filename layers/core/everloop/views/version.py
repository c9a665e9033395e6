"""A version of a model: what it was made of, who decided, its tests, and what it replaced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from everloop.decisions.approvals import PIN, POLICY
from everloop.decisions.releases import Package, Serving
from everloop.records.approval import Approval
from everloop.records.seal import Seal
from everloop.views.timeline import Outcome, TimelineEntry, approval_outcome, of_version


@dataclass(frozen=True)
class RegisteredVersion:
    """A version's package as the registry has it."""

    arn: str
    approval: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ApprovalWord:
    """The last word on a version: whose, when, which, and in which words."""

    by: str
    at: str
    status: str
    words: str
    waives: str = ""  # the bars of fairness that it broke, and that these words waive
    barred: str = ""  # why the approval does not count
    emergency: str = ""  # why it waits for no deploy window or freeze


@dataclass(frozen=True)
class Test:
    """A test of a version's endpoint."""

    time: str
    test: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Service:
    """When a version came into service, or did not; or by which it was replaced."""

    time: str
    outcome: str
    replaced: int | None = None
    by: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Reproduced:
    """What came of training a version again; `outcome` is "started" until that is known."""

    time: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Version:
    """Why a version serves, or does not; without a package it is what the ledger kept of it."""

    version: int
    package: str
    registered: bool
    approval: str
    approval_outcome: Outcome
    made_of: Mapping[str, str]
    instances: Mapping[str, str]  # what each step of its training ran on, and its endpoint
    pinned: str
    model_digest: str
    container_digest: str
    decided_by: ApprovalWord | None
    endorsed_by: ApprovalWord | None
    tests: Sequence[Test]
    service: Sequence[Service]
    reproduced: Sequence[Reproduced]
    decisions: Sequence[TimelineEntry]


@dataclass(frozen=True)
class Listed:
    """A version as a list of them shows it."""

    version: int
    package: str
    approval: str
    approval_outcome: Outcome
    registered_at: datetime
    serves: bool


def listed(packages: Iterable[Package], serving: Serving | None) -> list[Listed]:
    """Return the registered versions, the newest first, by what the registry lists."""
    return [
        Listed(
            version=package.version,
            package=package.arn,
            approval=package.approval,
            approval_outcome=approval_outcome(package.approval),
            registered_at=package.modified_at,
            serves=serving is not None and serving.version == package.version,
        )
        for package in sorted(packages, key=lambda package: package.version, reverse=True)
    ]


def version(
    number: int,
    package: RegisteredVersion | None,
    seal: Seal | None,
    word: Approval | None,
    decided: Sequence[TimelineEntry],
) -> Version | None:
    """Return what is known of a version; None for one that nobody knows."""
    about = of_version(decided, number)
    if package is None and seal is None and not about:
        return None
    made_of = {**(seal.metadata if seal else {}), **(package.metadata if package else {})}
    made_of |= _commit(made_of.get("bundle-digest", ""), decided)
    pinned = made_of.pop(PIN, "")
    approval = package.approval if package else "deleted"
    return Version(
        version=number,
        package=package.arn if package else seal.package_arn if seal else "",
        registered=package is not None,
        approval=approval,
        approval_outcome=approval_outcome(approval),
        made_of=made_of,
        instances=_instances(number, decided),
        pinned=pinned,
        model_digest=seal.model_digest if seal else "",
        container_digest=seal.container_digest if seal else "",
        decided_by=_word(word, about),
        endorsed_by=_endorsement(about),
        tests=_tests(about),
        service=_service(number, decided),
        reproduced=reproductions(about),
        decisions=about,
    )


def _instances(number: int, decided: Iterable[TimelineEntry]) -> dict[str, str]:
    """Return what a version was trained on, and where it served last; ledgers of before say not."""
    found: dict[str, str] = {}
    for each in decided:
        told = each.facts.get("instances")
        arn = str(each.facts.get("package_arn") or "")
        if each.kind == "train-end" and told and arn.endswith(f"/{number}"):
            found |= {str(section): str(instance) for section, instance in told.items()}
        elif each.kind == "serve" and told and each.version == number:
            found["production"] = ", ".join(map(str, told))
    return found


def _commit(bundle: str, decided: Iterable[TimelineEntry]) -> dict[str, str]:
    """Return the commit that the newest push of this code said it was made from."""
    pushes = [each for each in decided if each.kind == "install" and each.facts.get("commit")]
    mine = [each for each in pushes if bundle and each.facts.get("bundle_digest") == bundle]
    if not mine:
        return {}
    changed = int(mine[-1].facts.get("changed_files") or 0)
    note = f", with {changed} files not as committed" if changed else ""
    return {"commit": f"{mine[-1].facts['commit']}{note}"}


def _word(approval: Approval | None, about: Sequence[TimelineEntry]) -> ApprovalWord | None:
    spoken = [each for each in about if each.kind == "approve" and "stage" not in each.facts]
    if spoken:
        last = spoken[-1]
        status = str(last.facts.get("approval") or "")
        return ApprovalWord(
            last.actor,
            str(last.facts.get("at") or last.time),
            status,
            last.reason,
            str(last.facts.get("waives") or ""),
            str(last.facts.get("barred") or ""),
            str(last.facts.get("emergency") or ""),
        )
    if approval is not None:
        return ApprovalWord(
            approval.by, f"{approval.at:%Y-%m-%d %H:%M}", approval.status, approval.reason
        )
    judged = [each for each in about if each.kind == "judge"]
    if not judged:
        return None
    verdict = str(judged[-1].facts.get("verdict") or "")
    by = "nobody yet: a person is asked" if verdict == "ask" else POLICY
    return ApprovalWord(by, judged[-1].time, verdict, judged[-1].reason)


def _endorsement(about: Sequence[TimelineEntry]) -> ApprovalWord | None:
    """Return the yes that its stage is, where two persons are asked."""
    spoken = [each for each in about if each.kind == "approve" and "stage" in each.facts]
    if not spoken:
        return None
    last = spoken[-1]
    return ApprovalWord(last.actor, str(last.facts["at"]), str(last.facts["stage"]), last.reason)


def _tests(about: Iterable[TimelineEntry]) -> list[Test]:
    return [
        Test(each.time, str(test.get("test")), bool(test.get("passed")), str(test.get("reason")))
        for each in about
        if each.kind == "test"
        for test in each.facts.get("tests") or ()
    ]


def reproductions(about: Iterable[TimelineEntry]) -> list[Reproduced]:
    """Return what came of each wish to train a version again, by the decisions about it."""
    found: dict[str, Reproduced] = {}
    for each in about:
        if each.kind == "reproduce":
            outcome = str(each.facts.get("outcome") or "")
            fact = str(each.facts.get("execution") or each.seq)  # its end takes its start's place
            found[fact] = Reproduced(each.time, outcome, each.reason)
    return list(found.values())


def _service(number: int, decided: Iterable[TimelineEntry]) -> list[Service]:
    services = []
    for each in decided:
        if each.kind not in ("serve", "rollback"):
            continue
        before = each.facts.get("from_version")
        if each.version == number:
            outcome = str(each.facts.get("outcome") or "")
            services.append(Service(each.time, outcome, before, None, each.reason))
        elif each.kind == "serve" and before == number:
            services.append(Service(each.time, "replaced", None, each.version))
    return services
