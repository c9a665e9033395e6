"""Incidents: people are notified when one begins and when it is over, not in between.

A message's id says which fact it began with. The same incident found by another fact, at the next
look or at the next tick, is not reported again.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from everloop.aws import incidents, people
from everloop.messages import Message


def open_incident(
    message: Message, spec: Mapping[str, Any] | None, time: datetime, *subjects: str
) -> bool:
    """Notify people of what is wrong, unless they were when it began; True if they are now.

    `subjects` name what is wrong, so that its end finds it: "monitor", "alarm/errors". Where one of
    them is new, the message is.
    """
    facts = [incidents.open_(message, subject, time).fact for subject in subjects]
    fact = message.id if message.id in facts else facts[0]
    return people.notify(replace(message, id=fact), spec, time)


def over(
    model: str,
    subject: str,
    spec: Mapping[str, Any] | None,
    time: datetime,
    why: str,
    *,
    until: datetime | None = None,
) -> bool:
    """Tell that what was wrong is over; False where nothing was.

    `until` is when it became right: what began later is not over.
    """
    incident = incidents.find(model, subject)
    if incident is None or (until is not None and until < incident.since):
        return False
    people.notify(
        Message(
            kind="ok-again",
            model=model,
            happened=f"OK again: {incident.happened}",
            why=f"{why}\nIt began at {incident.since:%Y-%m-%d %H:%M} UTC.",
            id=f"{subject}:{incident.fact}",
            version=incident.version,
        ),
        spec,
        time,
    )
    incidents.close(model, incident)
    return True


def passed_over(model: str, subject: str) -> None:
    """Forget an incident whose end another message reports, or is no news."""
    incident = incidents.find(model, subject)
    if incident is not None:
        incidents.close(model, incident)
