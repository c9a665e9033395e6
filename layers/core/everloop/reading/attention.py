"""What needs somebody's attention, of an installed model and of one that never was."""

from collections.abc import Iterable, Sequence

from everloop.aws import (
    approvals,
    arrivals,
    buckets,
    incidents,
    journal,
    ledger,
    removals,
    shortages,
    storage,
)
from everloop.aws.settings import settings
from everloop.decisions import two_persons
from everloop.decisions.approvals import APPROVED
from everloop.decisions.releases import Package
from everloop.facts import is_model_name
from everloop.records.release import Release
from everloop.records.shortage import PUSH
from everloop.spec import policy
from everloop.views import attention
from everloop.views.attention import Attention
from everloop.views.timeline import TimelineEntry, timeline

_FOLDER, _BUNDLE = "models/", "bundle.tar.gz"


def of_model(
    name: str,
    packages: Iterable[Package],
    decided: Sequence[TimelineEntry],
    releases: Sequence[Release],
) -> list[Attention]:
    """Return what of an installed model needs attention, by all that was decided and released."""
    needs = list(attention.incidents(name, incidents.standing(name)))
    versions = [(package.version, package.approval) for package in packages]
    given_up = attention.given_up(name, versions, releases, approvals.all_of(name))
    held = attention.held(name, versions, decided)
    needs += _two_persons(name, packages)
    needs += [each for each in (given_up, held) if each is not None]
    needs += attention.waits(name, shortages.of(name))
    window, causes = arrivals.find_window(name), ledger.installed(name).spec["retrain"]["on"]
    untrained = attention.untrained(name, window.objects if window else 0, causes, decided)
    return [*needs, *filter(None, (attention.refused(name, decided), untrained))]


def _two_persons(name: str, packages: Iterable[Package]) -> list[Attention]:
    """Return which of the newest versions one person has said yes to, and not two."""
    if not policy.two_persons(ledger.installed(name).spec):
        return []
    words, endorsements = approvals.all_of(name), approvals.endorsements_of(name)
    for package in packages:
        word, endorsement = words.get(package.version), endorsements.get(package.version)
        if package.approval == APPROVED:
            found = two_persons.barred(name, word, endorsement, package.stage)
        else:
            found = two_persons.pending(name, endorsement, package.stage, package.approval)
        if found:
            return [
                Attention("waiting", found, f"everloop approve {name} --version {package.version}")
            ]
    return []


def not_installed() -> dict[str, Attention]:
    """Return which models were pushed and never installed, and why."""
    installed = set(ledger.models())
    waiting = {}
    for name in buckets.prefixes(settings().data_bucket, _FOLDER):
        if name in installed or not is_model_name(name):
            continue
        key = f"{_FOLDER}{name}/{_BUNDLE}"
        listed = storage.listed(settings().data_bucket, key)
        pushed_at = next((at for each, at in listed if each == key), None)
        removal = removals.find(name)
        if removal is not None and pushed_at is not None and pushed_at < removal.since:
            continue  # it was installed, and somebody took it out
        if pushed_at is not None:
            decided = timeline(journal.decisions(name))
            waits = shortages.find(name, PUSH)
            waiting[name] = attention.not_installed(name, pushed_at, waits, decided)
    return waiting
