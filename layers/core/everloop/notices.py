"""Messages about a model's versions and violations, each made from its fact."""

from collections.abc import Mapping
from typing import Any

from everloop.decisions.governor import COOLING_DOWN, NO_NEW_DATA, USELESS, Permission
from everloop.messages import Kind, Message
from everloop.moments import text
from everloop.records.release import ROLLED_BACK, WITHDRAWN, Release

_SHOWN_CHECKS = 8
UNANSWERED = "violation/unanswered"  # the incident of violations that no training answers


def released(
    model: str, version: int, before: int | None, *, name: str, reason: str, by: str, cause: str
) -> Message:
    """Say that a version came into service: a new one, or one from before, by hand or by policy."""
    back = before is not None and version < before
    if back:
        happened = f"is back in service, in place of version {before}"
    elif before is None or before == version:
        happened = "came into service"
    else:
        happened = f"came into service, in place of version {before}"
    again = f"everloop reject {model} --version {version} --reason '...'"
    return Message(
        kind="rolled-back" if back else "released",
        model=model,
        happened=happened,
        why=f"{reason}\nIt was released because of: {cause}. It was approved by {by}.",
        id=name,
        version=version,
        to_do=(
            "Why it serves, and on which data it was trained:",
            f"  everloop why {model}",
            "To take it out of service again:",
            f"  {again}",
        ),
    )


def not_released(
    model: str, release: Release, *, final: bool, serves: int | None, report_uri: str
) -> Message:
    """Say that a release failed, once for all tries that fail alike, and once that it was the last.

    A version that the endpoint's own alarms took back was in production, or on its way there.
    """
    outcome, version = release.outcome, release.version
    again = f"everloop approve {model} --version {version} --reason '...'"
    kind: Kind = "release-failed"
    happened = "was not released"
    to_do: tuple[str, ...] = ("It is tried again; you are notified once more if that fails, too.",)
    if outcome == WITHDRAWN:
        kind, to_do = "release-withdrawn", ()
    elif outcome == ROLLED_BACK:
        kind, happened = "rolled-back", "was rolled back"
    if outcome != WITHDRAWN and final:
        happened += ", and is not tried again"
        to_do = ("Once its cause is fixed, approving it again tries it again:", f"  {again}")
    on = f"version {serves} serves" if serves is not None else "nothing serves"
    last = "last" if final else "again"
    tries = f"{release.execution}:" if outcome == WITHDRAWN else ""
    return Message(
        kind=kind,
        model=model,
        happened=happened,
        why=f"{outcome}: {release.reason}\nIn production, {on}.",
        id=f"v{version}:{text(release.approved_at)}:{outcome}:{tries}{last}",
        version=version,
        to_do=to_do,
        links={"report": report_uri},
    )


def judged(
    model: str,
    version: int,
    *,
    arn: str,
    approved: bool,
    reason: str,
    numbers: Mapping[str, float | int | str],
    links: Mapping[str, str],
    unfair: bool = False,
) -> Message:
    """Say that policy approved or rejected a version; `unfair` where it broke bars of fairness."""
    how = "--waive 'why it may serve all the same'" if unfair else "--reason '...'"
    word, other = ("approved", "reject") if approved else ("rejected", "approve")
    follows = "Its release follows." if approved else "What serves goes on serving."
    return Message(
        kind="approved" if approved else "rejected",
        model=model,
        happened=f"was {word} by policy",
        why=f"{reason}\n{follows}",
        id=f"{arn}:{word}",
        version=version,
        numbers=numbers,
        to_do=(
            "If you see it otherwise:",
            f"  everloop {other} {model} --version {version} {how}",
        ),
        links=links,
    )


def violation(
    model: str,
    version: int | None,
    *,
    fact: str,
    reason: str,
    checks: Mapping[str, float | int | str],
    answer: Permission,
    paused: str,
    links: Mapping[str, str],
) -> Message:
    """Say what a monitor found and what it is answered with."""
    if answer.go:
        answered = f"A training was started: {answer.reason}."
        to_do: tuple[str, ...] = ("Follow it:", f"  everloop watch {model}")
    elif answer.under_way:
        answered = f"A training is under way already: {answer.reason}."
        to_do = ("Follow it:", f"  everloop watch {model}")
    else:
        answered = f"No training was started: {answer.reason}."
        to_do = remedies(model, answer, paused)
    answers = answer.go or answer.under_way
    happened = "a violation was found" + ("" if answers else ", and no training answers it")
    return Message(
        kind="violation",
        model=model,
        happened=happened,
        why=f"{reason}\n{answered}",
        # A step that is tried again may find that nothing answers by then what it reported before.
        id=fact if answers else f"{fact}:unanswered",
        version=version,
        numbers=checks,
        to_do=to_do,
        links=links,
    )


def worst_checks(facts: Mapping[str, Any]) -> dict[str, float | int | str]:
    """Return the checks that are violated most, by name, with value and threshold."""
    checks: dict[str, float | int | str] = {}
    for check in (facts.get("worst") or [])[:_SHOWN_CHECKS]:
        name = f"{check.get('monitor')} {check.get('feature') or ''} {check.get('statistic')}"
        value, threshold = _number(check.get("value")), _number(check.get("threshold"))
        checks[" ".join(name.split())] = f"{value} (threshold {threshold})"
    return checks


def remedies(model: str, answer: Permission, paused: str) -> tuple[str, ...]:
    """Return what a person can do where the governor lets a violation start no training."""
    if paused:
        return ("Let it train again:", f"  everloop resume {model}")
    if answer.obstacle == NO_NEW_DATA:
        return (
            "Bring newer data; the next look that still finds it starts a training:",
            f"  everloop drop {model} FILES",
        )
    if answer.obstacle == COOLING_DOWN:
        return (f"Nothing, if it can wait until {answer.until}: the next look then trains.",)
    if answer.obstacle == USELESS:
        return (
            "Bring better data, or a better model; both start again:",
            f"  everloop drop {model} FILES",
            f"  everloop push models/{model}",
        )
    return ("Why, and what else stands in the way:", "  everloop doctor")


def _number(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.4g}"
    return str(value)
