"""The alarms of an endpoint: there from its first minute to its end; people hear when they ring."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from everloop import names
from everloop.aws import alarms, production
from everloop.aws.alarms import QUIET, RINGS, Alarm
from everloop.aws.settings import settings
from everloop.flows import incidents
from everloop.messages import Message, endpoint_page
from everloop.pipelines.rollouts import serving_alarms
from everloop.records.installation import Installation
from everloop.spec import forms, policy

# What has been quiet for longer was reported when it became so, by its action or by a tick.
_LATELY = timedelta(hours=2)
_HAPPENED = {
    names.ERRORS: "its endpoint answers errors",
    names.LATENCY: "its endpoint answers too slowly",
}


def desired_alarms(installed: Installation) -> dict[str, dict[str, Any]]:
    """Return the alarms that a model's endpoint should have, by name."""
    if not forms.of(installed.spec).has_endpoint:
        return {}
    bars = policy.deploy(installed.spec).alarms
    stack = settings()
    alarms = serving_alarms(stack.stack, installed.model, bars, stack.violation_function)
    return {str(alarm["AlarmName"]): alarm for alarm in alarms}


def ensure(installed: Installation) -> None:
    """Put the endpoint's alarms, as the spec has them now; twice is once."""
    for alarm in desired_alarms(installed).values():
        alarms.put(alarm)


def repair(installed: Installation, known: Mapping[str, Alarm], *, serves: bool) -> Iterator[str]:
    """Make alarms again that are missing or other than desired, and delete those of no endpoint.

    One that calls a function of another name was made by another version of the stack. `known` are
    the stack's alarms by name. Yields what was done, for people.
    """
    model = installed.model
    there = {
        name: known[name]
        for name in (names.serving_alarm(settings().stack, model, word) for word in names.ALARMS)
        if name in known
    }
    should = desired_alarms(installed) if serves else {}
    for name, alarm in should.items():
        has = there.get(name)
        acts = has is not None and set(alarm["AlarmActions"]) <= set(has.actions)
        if has and acts and has.threshold == alarm["Threshold"]:
            continue
        alarms.put(alarm)
        yield f"the alarm {name} {'was not as it should be' if has else 'was missing'}"
    stack = settings().stack
    old = {name for name in known if names.is_release_alarm(stack, model, name)}
    left = sorted((set(there) - set(should)) | old)
    if left:
        alarms.delete(left)
        yield f"{', '.join(left)} watched what is gone: an endpoint, a bar, or a release"


def catch_up(installed: Installation, known: Mapping[str, Alarm], now: datetime) -> None:
    """Tell of alarms what their actions did not: that they ring, or have become quiet lately."""
    for word in names.ALARMS:
        alarm = known.get(names.serving_alarm(settings().stack, installed.model, word))
        if alarm is None:
            continue
        if alarm.state == RINGS or (alarm.state == QUIET and now - alarm.changed_at < _LATELY):
            changed(installed, word, alarm.state, alarm.reason, alarm.changed_at, now)


def changed(
    installed: Installation, word: str, state: str, reason: str, since: datetime, now: datetime
) -> bool:
    """Notify people that an endpoint's alarm rings, or is quiet again, once."""
    model, subject = installed.model, f"alarm/{word}"
    if state == QUIET:
        why = f"The alarm is quiet: {reason}"
        return incidents.over(model, subject, installed.spec, now, why, until=since)
    if state != RINGS:
        return False
    serving = production.serving(installed)
    version = serving.version if serving else None
    return incidents.open_incident(
        Message(
            kind="endpoint-alarm",
            model=model,
            happened=_HAPPENED[word],
            why=f"The alarm {names.serving_alarm(settings().stack, model, word)} rings: {reason}",
            id=f"alarm/{word}:{since.isoformat()}",
            version=version,
            to_do=(
                "What its container says:",
                f"  aws logs filter-log-events --log-group-name /aws/sagemaker/Endpoints/{model}",
                "If the version is at fault, this brings back the one before:",
                f"  everloop reject {model} --version {version or 'N'} --reason '...'",
            ),
            links={"endpoint": endpoint_page(model, settings().region)},
        ),
        installed.spec,
        since,
        subject,
    )
