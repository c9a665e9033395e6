"""Shortages: what AWS lacks is recorded; people are notified when it matters and when it is over.

Nothing here counts as a try of a model's: the machine that met it waits, and tries the same again.
"""

import dataclasses
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from everloop.aws import people, refusals, shortages
from everloop.aws.settings import settings
from everloop.decisions.infrastructure import description, quota_code, to_do, trouble_of
from everloop.decisions.waits import HELD, Retry, again, goes_on
from everloop.errors import NoCapacity
from everloop.flows import report
from everloop.messages import Message, console
from everloop.moments import text
from everloop.records.installation import Installation
from everloop.records.lease import RELEASE, SCORING, TRAINING
from everloop.records.shortage import JUDGEMENT, LOOK, PUSH, Shortage, Trouble, kind_of

WAITS = "waits"  # the outcome of what ends for now, and is no verdict
_SETTLED = timedelta(hours=1)  # by then whoever judged a version has ended what it waited for
PUSHED_AGAIN = timedelta(days=1)  # a push that waits is requested so often
_WORDS = {
    TRAINING: "a training",
    JUDGEMENT: "the judgement of a version",
    RELEASE: "a release",
    LOOK: "the monitor",
    SCORING: "the scoring of what came",
}


def meet(
    installed: Installation, activity: str, subject: str, trouble: Trouble, now: datetime
) -> Retry:
    """Write down what was met, notify people if it matters by now, and say what is done about it.

    `now` is when the step began: the step that is tried again meets it once.
    """
    model = installed.model
    known = before = shortages.find(model, activity)
    if known is not None and (
        not goes_on(known.trouble, known.met_at, now) or _is_another(installed, known, trouble)
    ):
        known = None
    since, notified, tries = now, "", 1
    if known is not None:
        since, notified = known.since, known.notified
        tries = known.tries + (known.met_at != now)
    decided = again(trouble, since=since, tries=tries, now=now, name=f"{model} {activity}")
    wait = decided.wait_seconds
    shortage = Shortage(
        model=model,
        activity=activity,
        subject=subject,
        trouble=trouble,
        since=since,
        met_at=now,
        tries=tries,
        until=None if wait is None else now + timedelta(seconds=wait),
        notified=notified,
    )
    if decided.notice and decided.notice != notified:
        _notify(installed, shortage, decided, now)
        shortage = dataclasses.replace(shortage, notified=decided.notice)
    shortages.put(shortage)
    if before is not None and before.activity != activity:
        shortages.end(model, before.activity, now)  # an older ledger's place
    return decided


def _is_another(installed: Installation, known: Shortage, trouble: Trouble) -> bool:
    """Whether what was held is past: somebody pushed since, or it is something else that lacks."""
    met = (known.trouble.code, known.trouble.quota)
    pushed = installed.installed_at > known.met_at
    return known.held and (pushed or met != (trouble.code, trouble.quota))


def over(installed: Installation, activity: str, now: datetime) -> None:
    """End what an activity waited for, since it got it; notify whoever knows that it waits."""
    known = shortages.find(installed.model, activity)
    if known is None:
        return
    if known.notified:
        reason = f"{_reason(known)} got what it waited for since {text(known.since)}"
        _decide(known, go=True, reason=reason, now=now, notice="over")
        message = Message(
            kind="ok-again",
            model=installed.model,
            happened=f"{_reason(known)} waits for AWS no more",
            why=f"It waited since {text(known.since)}: {description(known.trouble)}.",
            id=f"{known.activity}:{text(known.since)}:over",
            numbers={"tries that met it": known.tries},
        )
        people.notify(message, installed.spec, now)
    shortages.end(installed.model, known.activity, now)


def end_settled(
    installed: Installation, pending: Collection[str], approved: Collection[str], now: datetime
) -> None:
    """End what waits to judge versions that are not pending any more, or to release what is not
    approved any more: a person was faster.
    """
    waiting = {JUDGEMENT: pending, RELEASE: approved}
    for known in shortages.of(installed.model):
        subjects = waiting.get(kind_of(known.activity))
        if subjects is None or known.subject in subjects:
            continue
        if now - known.met_at > _SETTLED:
            shortages.end(installed.model, known.activity, now)


def held(installed: Installation, activity: str) -> Shortage | None:
    """Return what holds an activity, unless somebody has pushed the model since, or resumed it."""
    known = shortages.find(installed.model, activity)
    if known is None or not known.held or installed.installed_at > known.met_at:
        return None
    return known


def let_go(installed: Installation, activity: str) -> Shortage | None:
    """Return what an activity waited for, if nothing holds it any more."""
    known = shortages.find(installed.model, activity)
    return known if held(installed, activity) is None else None


def resume(model: str, now: datetime) -> list[str]:
    """Let all that a model holds be tried again, with new patience; return what that is."""
    refusals.forget(model)
    held = [known for known in shortages.of(model) if known.held]
    for known in held:
        let_go = dataclasses.replace(
            known,
            since=now,
            met_at=now,
            tries=0,
            until=now,
            notified=WAITS if known.notified else "",
        )
        shortages.put(let_go)
    return [known.activity for known in held]


def notify_push(
    model: str, version: str, spec: Mapping[str, Any] | None, error: NoCapacity, now: datetime
) -> None:
    """Tell once what AWS lacks to install a push: its event tries again, and later a tick a day."""
    cause = json.dumps({"errorMessage": str(error)})
    trouble = trouble_of({"Error": NoCapacity.__name__, "Cause": cause})
    if trouble is None:
        return
    message = Message(
        kind="waits-for-capacity",
        model=model,
        happened=f"a push waits for AWS: {trouble.quota or trouble.code}",
        why=f"{description(trouble)}. It is no fault of the push, which is kept.",
        id=f"push:{version}",
        numbers={} if trouble.there is None else {"the quota is": trouble.there},
        to_do=to_do(trouble, model, held=False),
    )
    people.notify(message, spec, now)
    known = shortages.find(model, PUSH)
    if known is None or known.subject != version:
        until = now + PUSHED_AGAIN
        known = Shortage(model, PUSH, version, trouble, now, now, 0, until, WAITS)
    shortages.put(dataclasses.replace(known, trouble=trouble, tries=known.tries + 1))


def push_ended(model: str, now: datetime) -> None:
    """Write down that the newest push is installed or refused: it waits for nothing."""
    if shortages.find(model, PUSH) is not None:
        shortages.end(model, PUSH, now)


def answer(decided: Retry) -> dict[str, Any]:
    """Return what a machine that waits gets; 0 seconds where it is held."""
    return {
        "outcome": WAITS,
        "ok": True,
        "reason": decided.reason,
        "wait_seconds": decided.wait_seconds or 0,
    }


def _notify(installed: Installation, shortage: Shortage, decided: Retry, now: datetime) -> None:
    trouble, is_held = shortage.trouble, decided.notice == HELD
    _decide(shortage, go=False, reason=decided.reason, now=now, notice=decided.notice)
    numbers: dict[str, float | int | str] = {"tries": shortage.tries}
    if trouble.there is not None and trouble.needed is not None:
        numbers = {"the quota is": trouble.there, "it would have to be": trouble.needed, **numbers}
    what = trouble.quota or trouble.code
    code = quota_code(trouble)
    region = settings().region
    page = f"{console(region)}/servicequotas/home/services/sagemaker/quotas"
    people.notify(
        Message(
            kind="waits-for-capacity",
            model=installed.model,
            happened=f"{_reason(shortage)} "
            + (f"is held: {what}" if is_held else f"waits for AWS: {what}"),
            why=f"{decided.reason[:1].upper()}{decided.reason[1:]}.\n"
            f"It waits since {text(shortage.since)} ({trouble.code}). It is no verdict on the "
            "model, and counts as nothing: data, version and traffic are kept.",
            id=f"{shortage.activity}:{text(shortage.since)}:{decided.notice}",
            numbers=numbers if not code else {"quota code": code, **numbers},
            to_do=to_do(trouble, installed.model, held=is_held),
            links={"Service Quotas": f"{page}/{code}" if code else page} if trouble.quota else {},
        ),
        installed.spec,
        now,
    )


def _reason(shortage: Shortage) -> str:
    return _WORDS[kind_of(shortage.activity)]


def _decide(shortage: Shortage, *, go: bool, reason: str, now: datetime, notice: str) -> None:
    report.decided(
        "wait",
        id=f"{shortage.model}:{shortage.activity}:{text(shortage.since)}:{notice}",
        model=shortage.model,
        time=now,
        go=go,
        reason=reason,
        facts={
            "activity": shortage.activity,
            "kind": shortage.trouble.kind,
            "code": shortage.trouble.code,
            "quota": shortage.trouble.quota or None,
            "there": shortage.trouble.there,
            "wanted": shortage.trouble.needed,
            "tries": shortage.tries,
            "held": notice == HELD,
        },
        subject=shortage.subject,
    )
