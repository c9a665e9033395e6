"""What becomes of each file of a dataset: used, without data, set aside or refused."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

USED, NO_DATA, SET_ASIDE, REFUSED = "used", "no-data", "set-aside", "refused"
_REASON = 1000  # characters of a reason that are kept
_SHOWN = 8  # files in the message; all are in the record and in the log


@dataclass
class File:
    """An object of the manifest, and what was seen in it."""

    key: str
    version_id: str | None
    new: bool  # it came with the windows that this training is for
    status: str = USED
    rows: int | None = None  # unknown where its rows were not read
    empty: str = ""  # why it holds no data
    bad: list[str] = field(default_factory=list)  # why it cannot be used
    doubts: list[str] = field(default_factory=list)  # targets of no use, unless they are changed
    notes: list[str] = field(default_factory=list)
    columns: Mapping[str, Any] = field(default_factory=dict)  # and their types, as far as known

    @property
    def reason(self) -> str:
        """Say why, with the file's key in each sentence."""
        return "; ".join(self._reasons())

    @property
    def reason_alone(self) -> str:
        """Say why where the key stands beside it."""
        return "; ".join(each.removeprefix(f"{self.key}: ") for each in self._reasons())

    def _reasons(self) -> list[str]:
        return self.bad or ([self.empty] if self.empty else [*self.doubts, *self.notes])


def listed(manifest: dict[str, Any]) -> list[File]:
    """Return the manifest's objects. Where it names no new windows, every object counts as new."""
    objects, windows = manifest["objects"], manifest.get("new_windows")
    windows = windows if isinstance(windows, list) else []
    new = [entry.get("window") in windows for entry in objects]
    return [
        File(entry["key"], entry.get("version_id"), is_new or not any(new))
        for entry, is_new in zip(objects, new, strict=True)
    ]


def judged(files: Iterable[File], rule: str, bar: float) -> str:
    """Give each file its status; return why nothing may be trained, or an empty text.

    `rule` is [data].bad_files; `bar` is the largest share of files that may be set aside.
    """
    files = list(files)
    bad = [file for file in files if file.bad]
    for file in files:
        file.status = REFUSED if file.bad else NO_DATA if file.empty else USED
    good = [file for file in files if file.status == USED]
    if rule == "set-aside" and bad:
        alone = not any(file.new for file in good)  # then nothing is trained, so no bar is needed
        share = len(bad) / (len(bad) + len(good))
        if alone or share <= bar:
            for file in bad:
                file.status = SET_ASIDE
        else:
            return (
                f"bad data: {len(bad)} of {len(bad) + len(good)} files are bad, and "
                f"[data].max_bad_share lets {bar:g} of them be set aside: {shown(_reasons(bad))}"
            )
    elif bad:  # and whatever else the owner would hear about only after repairing these
        doubtful = [file for file in good if file.doubts]
        return f"bad data: {shown(_reasons([*bad, *doubtful]))}"
    if not good:
        if bad:
            return f"bad data: nothing is left to train on: {shown(_reasons(bad))}"
        return (
            f"the dataset holds no data, so there is nothing to train on: {shown(_reasons(files))}"
        )
    if not any(file.new for file in good):
        new = [file for file in files if file.new]
        return f"bad data: the new files hold nothing to train on: {shown(_reasons(new))}"
    return ""


def _reasons(files: Iterable[File]) -> list[str]:
    return [file.reason for file in files if file.reason]


def shown(problems: list[str]) -> str:
    """Return problems for a message: some of them, and how many more there are."""
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more


def record(
    manifest: dict[str, Any], files: list[File], why: str, report: str | None = None
) -> dict[str, Any]:
    """Return files.json; `why` is the reason why nothing is trained, or empty.

    `report` is the data report's name beside it.
    """
    return {
        "version": 1,
        "model": manifest.get("model"),
        "dataset_digest": manifest.get("digest"),
        "outcome": "bad-files" if why else "ok",
        "why": why,
        "report": report,
        "counts": dict(Counter(file.status for file in files)),
        "objects": [
            {
                "key": file.key,
                "version_id": file.version_id,
                "status": file.status,
                "reason": file.reason_alone[:_REASON],
                "rows": file.rows,
            }
            for file in files
        ],
    }
