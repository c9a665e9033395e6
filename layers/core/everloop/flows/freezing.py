"""Freezing: S3 is read for what is still there of the arrivals, and the manifest says the rest."""

import json
from datetime import datetime
from typing import Any

from everloop.aws import arrivals, objects, people, storage
from everloop.aws.settings import settings
from everloop.decisions.windows import Selection, chosen, kept_windows, manifest
from everloop.flows import report, withdrawing
from everloop.messages import Message
from everloop.moments import text
from everloop.records.installation import Installation
from everloop.records.object_state import WITHDRAWN, ObjectState
from everloop.records.window import NOTHING_LEFT, ClosedWindow
from everloop.spec import policy


def freeze(installed: Installation, closed: ClosedWindow, now: datetime) -> ClosedWindow:
    """Write a closed window's manifest, or write it again where objects were taken out since.

    A window that is answered stays as it is. One where nothing is left ends, with a message.
    """
    if closed.outcome is not None:
        return closed
    model, bucket = installed.model, settings().data_bucket
    states = objects.states(model)
    numbers, selection = _select(installed, closed.number, states)
    _remember(model, closed, selection, states, now)
    frozen = manifest(model, bucket, numbers, selection, closed.closed_at)
    if not frozen["objects"]:
        return _nothing_left(installed, closed, frozen["left_out"], now)
    if closed.digest != frozen["digest"]:
        _write(model, closed, frozen)
    written = arrivals.closed_window(model, closed.number)
    assert written is not None
    _decided(model, closed, written, frozen["left_out"], now)
    return written


def differs(installed: Installation, closed: ClosedWindow, *, but: str) -> bool:
    """Whether a window's dataset would be another one now: objects were taken out since.

    What the run itself set aside, named `but`, does not count: it may be written down already.
    """
    states = objects.states(installed.model)
    others = {id: state for id, state in states.items() if state.by != but}
    numbers, selection = _select(installed, closed.number, others)
    bucket = settings().data_bucket
    frozen = manifest(installed.model, bucket, numbers, selection, closed.closed_at)
    return bool(frozen["digest"] != closed.digest)


def next_dataset(installed: Installation, now: datetime) -> dict[str, Any]:
    """Return what the next dataset would be, if the open window were frozen now."""
    number, states = arrivals.open_window(installed.model).number, objects.states(installed.model)
    numbers, selection = _select(installed, number, states)
    dataset = manifest(installed.model, settings().data_bucket, numbers, selection, now)
    return {
        "window": number,
        "digest": dataset["digest"],
        "objects": len(dataset["objects"]),
        "left_out": dataset["left_out"],
    }


def _select(
    installed: Installation, number: int, states: dict[str, ObjectState]
) -> tuple[list[int], Selection]:
    """Choose what is in a window's dataset, as S3 has it now."""
    numbers = kept_windows(number, policy.data(installed.spec).keep)
    came = arrivals.arrivals(installed.model, numbers)
    keys = {arrival.key for of_window in came.values() for arrival in of_window}
    prefix = f"data/{installed.model}/"
    listed = storage.versions_among(settings().data_bucket, prefix, keys)
    return numbers, chosen(came, listed, states)


def _write(model: str, closed: ClosedWindow, frozen: dict[str, Any]) -> None:
    uri = storage.write_once(
        settings().artefact_bucket,
        f"datasets/{model}/{frozen['digest']}.json",
        json.dumps(frozen, ensure_ascii=False).encode(),
        "application/json",
    )
    size = sum(entry["size"] for entry in frozen["objects"])
    new_bytes = sum(e["size"] for e in frozen["objects"] if e["window"] == closed.number)
    arrivals.note_manifest(model, closed.number, frozen["digest"], uri, size, new_bytes)


def _decided(
    model: str, before: ClosedWindow, written: ClosedWindow, left_out: dict[str, int], now: datetime
) -> None:
    again = before.digest not in (None, written.digest)
    since = "; objects were taken out since it was frozen first" if again else ""
    report.decided(
        "freeze",
        id=f"{model}:{written.number}:{written.digest}",
        model=model,
        time=now,
        go=True,
        reason=f"{written.reason}{since}",
        facts={
            "window": written.number,
            "new_objects": written.objects,
            "dataset_digest": written.digest,
            "bytes": written.bytes,
            "left_out": left_out,
        },
        subject=written.uri or "",
    )


def _remember(
    model: str,
    closed: ClosedWindow,
    selection: Selection,
    states: dict[str, ObjectState],
    now: datetime,
) -> None:
    """Write down what S3 shows as withdrawn, and no event reported."""
    changed = []
    for each in selection.left_out:
        known, marker = states.get(each.arrival.id), each.marker
        if each.state != WITHDRAWN or (known is not None and known.state == WITHDRAWN):
            continue
        why = f"it was deleted: delete marker of {text(marker.modified)}" if marker else "S3 has it"
        why = why if marker else f"{why} no more"
        at = marker.modified if marker else now
        key, version = each.arrival.key, each.arrival.version_id
        marked = marker.version_id if marker else ""
        changed.append(ObjectState(key, version, WITHDRAWN, why, at, "", marked))
    how = f"no event reported it; S3 was read when window {closed.number} was frozen"
    withdrawing.record(model, changed, now, how)
    for state in changed:
        objects.put(model, state)


def _nothing_left(
    installed: Installation, closed: ClosedWindow, left_out: dict[str, int], now: datetime
) -> ClosedWindow:
    model = installed.model
    counts = ", ".join(f"{count} {state}" for state, count in left_out.items() if count)
    reason = f"nothing is left to train on: of its objects {counts or 'none came'}"
    report.decided(
        "freeze",
        id=f"{model}:{closed.number}:{NOTHING_LEFT}",
        model=model,
        time=now,
        go=False,
        reason=reason,
        facts={"window": closed.number, "left_out": left_out},
    )
    people.notify(
        Message(
            kind="data-waits",
            model=model,
            happened=f"nothing is left to train on in window {closed.number}",
            why=f"{reason}. No training was started; the next data that comes is trained.",
            id=f"{NOTHING_LEFT}:{closed.number}",
            numbers={state: count for state, count in left_out.items() if count},
            to_do=("See what was taken out, and why:", f"  everloop data list {model}"),
        ),
        installed.spec,
        now,
    )
    arrivals.note_outcome(model, closed.number, NOTHING_LEFT)
    return arrivals.closed_window(model, closed.number) or closed
