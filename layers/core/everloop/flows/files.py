"""Files of a run's dataset: what the job put down of each, and what of them was set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.aws import objects, people, storage
from everloop.aws.settings import settings
from everloop.errors import BadInput
from everloop.flows import withdrawing
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.records.installation import Installation
from everloop.records.object_state import SET_ASIDE, WITHDRAWN, ObjectState

_SHOWN = 8  # files in a message; `everloop data list` has them all


@dataclass(frozen=True)
class Files:
    """What files.json says of a run: `bad` where its files are why nothing was trained."""

    bad: bool
    why: str
    counts: Mapping[str, int]
    set_aside: Sequence[ObjectState]
    refused: Sequence[str]  # keys, each with its reason
    without_data: int = 0  # files that hold none; the marker that ends a drop is no such file
    report: str = ""  # where the data report lies

    @property
    def links(self) -> Mapping[str, str]:
        return {"data report": self.report} if self.report else {}


def of_run(model: str, arn: str, time: datetime) -> Files | None:
    """Read what a run's job put down of its files; None where it put down nothing (yet).

    It was written beside a model's own scripts: what is no such record counts as none.
    """
    run = arn.rpartition("/")[2]
    uri = f"s3://{settings().artefact_bucket}/runs/{model}/{run}/files/files.json"
    return recorded(model, uri, actor(arn), time) if run else None


def recorded(model: str, uri: str, by: str, time: datetime, folder: str = "data") -> Files | None:
    """Read what a job put down of files below a folder of the data bucket."""
    try:
        document = storage.find_json(uri)
    except BadInput as error:
        logger.warning("could not read files", model=model, why=str(error))
        return None
    if document is None:
        return None
    rows = [each for each in _list(document.get("objects")) if _is_file(f"{folder}/{model}/", each)]
    aside = [
        ObjectState(each["key"], each["version_id"], SET_ASIDE, str(each["reason"]), time, by)
        for each in rows
        if each["status"] == SET_ASIDE
    ]
    refused = [_line(each) for each in rows if each["status"] == "refused"]
    counts = document.get("counts")
    return Files(
        bad=document.get("outcome") == "bad-files",
        why=str(document.get("why") or ""),
        counts={
            str(name): count
            for name, count in (counts.items() if isinstance(counts, dict) else ())
            if isinstance(count, int)
        },
        set_aside=aside,
        refused=refused,
        without_data=sum(
            each["status"] == "no-data" and not str(each["reason"]).endswith(": is a marker")
            for each in rows
        ),
        report=f"{uri.rpartition('/')[0]}/data.html" if document.get("report") else "",
    )


def actor(arn: str) -> str:
    """Name a run as who set files aside."""
    return f"run {arn.rpartition('/')[2]}"


def set_aside(installed: Installation, files: Files, arn: str, time: datetime) -> None:
    """Notify people which files were set aside, and remember it: they are in no later dataset."""
    model = installed.model
    known = objects.states_of(model, [each.id for each in files.set_aside])
    fresh = [
        each
        for each in files.set_aside
        if each.id not in known
        or (known[each.id].state not in (WITHDRAWN, SET_ASIDE) and known[each.id].at <= time)
    ]
    if not fresh:
        return
    withdrawing.record(model, fresh, time, "the data's own rules refused it")
    if not files.bad:  # else the message of the training's end has them
        people.notify(
            Message(
                kind="files-set-aside",
                model=model,
                happened=f"{_files(len(fresh))} set aside",
                why="\n".join(lines([f"{each.key}: {each.reason}" for each in fresh])),
                id=arn,
                numbers=dict(files.counts),
                to_do=what_to_do(model),
                links=files.links,
            ),
            installed.spec,
            time,
        )
    for state in fresh:
        objects.put(model, state)


def lines(texts: Sequence[str]) -> list[str]:
    """Return so many lines as a message has room for."""
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return [*texts[:_SHOWN], *more]


def what_to_do(model: str) -> tuple[str, ...]:
    return (
        "See them all, with their reasons:",
        f"  everloop data list {model}",
        "Drop a good file under the same name, or take a bad one out for good:",
        f"  everloop data undrop {model} KEY",
        "Or bring one back as it is, into the next dataset:",
        f"  everloop data restore {model} KEY",
    )


def _files(count: int) -> str:
    return "1 file was" if count == 1 else f"{count} files were"


def _line(entry: Mapping[str, Any]) -> str:
    return f"{entry['key']}: {entry['reason']}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_file(prefix: str, entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("key", "status", "reason"))
        and isinstance(entry.get("version_id"), str)
        and entry["key"].startswith(prefix)
    )
