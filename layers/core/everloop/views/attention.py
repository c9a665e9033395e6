"""What needs somebody's attention: incidents, waits, releases given up, data nobody trains on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from everloop.decisions.infrastructure import to_do
from everloop.decisions.releases import gives_up
from everloop.moments import text
from everloop.notices import UNANSWERED
from everloop.records.approval import Approval
from everloop.records.incident import Incident
from everloop.records.release import RELEASED, Release
from everloop.records.shortage import Shortage
from everloop.views.timeline import Outcome, TimelineEntry


@dataclass(frozen=True)
class Attention:
    """What was found, and the command that fixes it (empty: it repairs itself)."""

    outcome: Outcome
    found: str
    fix: str = ""

    @property
    def wrong(self) -> bool:
        """Whether a person must do something."""
        return self.outcome == "bad"


def incidents(model: str, standing: Sequence[Incident]) -> Iterator[Attention]:
    """Yield what people were notified of, and is not over."""
    unanswered = any(incident.subject == UNANSWERED for incident in standing)
    for incident in standing:
        if incident.subject == UNANSWERED:
            continue  # the violation itself reports it
        violation = incident.subject.startswith("violation/")
        of = f"version {incident.version}: " if incident.version is not None else ""
        about = f" ({incident.subject.rpartition('/')[2]})" if violation else ""
        why = " ".join(incident.why.split())
        message = f"{of}{incident.happened}{about}, since {incident.since:%Y-%m-%d %H:%M}: {why}"
        commands = [line.strip() for line in incident.to_do if line.startswith("  ")]
        command = commands[0] if commands else f"everloop status {model}"
        yield Attention("bad" if not violation or unanswered else "info", message, command)


def given_up(
    model: str,
    versions: Iterable[tuple[int, str]],
    releases: Sequence[Release],
    approvals: Mapping[int, Approval],
) -> Attention | None:
    """Return the newest version that is approved, and whose release is not tried again.

    `versions` are numbers with the registry's approval, `releases` those that ended, the newest
    first in both. An older one that failed, too, is not what anybody waits for.
    """
    for version, approval in versions:
        last = next((release for release in releases if release.version == version), None)
        if approval != "Approved" or last is None or last.outcome == RELEASED:
            continue
        word = approvals.get(version)
        again_since = word is not None and word.at > last.approved_at
        if again_since or not gives_up(last, releases):
            continue
        message = f"version {version} is approved, and its release was given up: {last.reason}"
        again = f"everloop approve {model} --version {version} --reason 'its cause is fixed'"
        return Attention("bad", message, again)
    return None


def held(
    model: str, versions: Iterable[tuple[int, str]], decided: Sequence[TimelineEntry]
) -> Attention | None:
    """Return the approved version that waits for a deploy window, or for the end of a freeze."""
    approved = {version for version, approval in versions if approval == "Approved"}
    waiting: dict[int, str] = {}
    for each in decided:
        if each.kind != "release" or each.version is None:
            continue
        if "opens" in each.facts:
            waiting[each.version] = each.reason
        elif each.go:  # what begins to serve overtakes what is older
            waiting = {number: why for number, why in waiting.items() if number > each.version}
    newest = max(waiting.keys() & approved, default=None)
    if newest is None:
        return None
    how = f"everloop approve {model} --version {newest} --now --reason 'why'"
    return Attention("waiting", waiting[newest], how)


def waits(model: str, shortages: Iterable[Shortage]) -> Iterator[Attention]:
    """Yield what waits for a quota or for capacity of AWS's."""
    for shortage in shortages:
        trouble = shortage.trouble
        what = trouble.quota or trouble.code or "capacity"
        numbers = ""
        if trouble.there is not None and trouble.needed is not None:
            numbers = f" ({trouble.there} allowed, {trouble.needed} needed)"
        how = "held until you resume or push"
        if shortage.until is not None:
            how = f"tried again at {text(shortage.until)}"
        activity, _, version = shortage.activity.partition("#")
        activity += f" of version {version}" if version else ""
        since = text(shortage.since)
        message = f"its {activity} waits for AWS since {since}: {what}{numbers}; {how}"
        if shortage.held:
            yield Attention("bad", message, f"everloop resume {model}")
        else:
            lines = to_do(trouble, model, held=False)
            commands = [line.strip() for line in lines if line.startswith("  ")]
            yield Attention("waiting", message, commands[0] if commands else "")


def refused(model: str, decided: Sequence[TimelineEntry]) -> Attention | None:
    """Return that the last push of an installed model was refused; what it has been still is."""
    answers = [each for each in decided if each.kind == "install"]
    if not answers or answers[-1].go:
        return None
    message = (
        f"its last push was refused, and what was installed before still is: {answers[-1].reason}"
    )
    return Attention("waiting", message, f"everloop push models/{model}")


def not_installed(
    model: str, pushed_at: datetime, waits_for: Shortage | None, decided: Sequence[TimelineEntry]
) -> Attention:
    """Say why a model whose folder was pushed is not installed; decisions are all about it."""
    again = f"everloop push models/{model}"
    if waits_for is not None:
        (wait,) = waits(model, [waits_for])
        message = f"it was pushed and never installed: {wait.found}"
        return Attention("waiting", message, wait.fix or again)
    answers = [each for each in decided if each.kind == "install"]
    if answers and not answers[-1].go:
        message = (
            f"it was pushed and never installed, as the push was refused: {answers[-1].reason}"
        )
        return Attention("bad", message, again)
    message = (
        f"it was pushed at {text(pushed_at)} and is not installed; that takes a minute. Where it "
        "failed, its event lies in the queue of failed ones"
    )
    return Attention("waiting", message, "everloop redrive")


def untrained(
    model: str, waiting: int, causes: Sequence[str], decided: Sequence[TimelineEntry]
) -> Attention | None:
    """Say why nothing will be trained on so many objects that came; None where something will."""
    if not waiting:
        return None
    if "data" not in causes and any(d.kind == "train-end" and d.go for d in decided):
        on = list(causes)
        message = f"{waiting} objects wait: [retrain] on = {on} lets data alone train nothing"
        return Attention("waiting", message, f"everloop push models/{model}")
    trainings = [each for each in decided if each.kind == "train"]
    if trainings and not trainings[-1].go:
        message = f"{waiting} objects wait, and nothing is trained on them: {trainings[-1].reason}"
        return Attention("waiting", message, f"everloop status {model}")
    return None
