"""Reports in S3, brought to this machine and opened in a browser."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from everloop.aws import endpoints, pipelines, registry, storage
from everloop.aws.settings import settings
from everloop.errors import EverloopError
from everloop.names import run_of_turn
from everloop.reading import models as reading
from everloop.reading import reports
from everloop.reading.story import story
from everloop.views.look import looks
from everloop_cli import frames, states
from everloop_cli.trouble import Trouble

LOOK: Final = "look"
KINDS: Final = (reports.EVALUATION, reports.COMPARISON, reports.DATA, LOOK)


@dataclass(frozen=True)
class Page:
    """A report: what it tells of, and where it lies in S3."""

    title: str
    uri: str
    own: bool = False  # written by the folder's own code, so that it is shown in a frame


def find(model: str, what: str | None, version: int | None) -> Page:
    """Find the page that is meant: of a version, a run, the data, or the newest look.

    Raises Trouble that says what there is.
    """
    if what is not None and what.isascii() and what.isdigit():
        version, what = int(what), None
    if what == LOOK:
        return _of_look(model, version)
    if what is None or what in KINDS:
        number = version if version is not None else _newest(model)
        return _of_version(model, number, what or reports.EVALUATION)
    if what.lower().endswith((".html", ".htm")):
        return _own(model, version if version is not None else _newest(model), what)
    return _of_run(model, what)


def _newest(model: str) -> int:
    """Return the version that somebody wants to see: the newest that waits, or serves, or is."""
    packages = sorted(registry.packages(model), key=lambda each: each.version)
    if not packages:
        raise Trouble(
            f"{model} has no version yet, so it has no report: everloop status {model} says what "
            "runs, everloop runs  how trainings ended"
        )
    serving = endpoints.serving(model)
    waiting = [each.version for each in packages if each.approval == "PendingManualApproval"]
    if waiting:
        return waiting[-1]
    return (serving.version if serving else None) or packages[-1].version


def _of_version(model: str, number: int, kind: str) -> Page:
    view = story(model, number)
    assert view.version is not None  # or story says which there are
    found = reports.reports(view.version)
    if kind not in found:
        there = ", ".join(found) or "none"
        hint = ": nothing served that it was compared with" if kind == reports.COMPARISON else ""
        raise Trouble(
            f"version {number} of {model} has no report of its {kind}{hint}; it has {there}"
        )
    return Page(f"{kind} of version {number}", found[kind])


def _own(model: str, number: int, name: str) -> Page:
    view = story(model, number)
    assert view.version is not None
    found = reports.own(view.version)
    if name not in found:
        there = ", ".join(found) or "none"
        raise Trouble(
            f"the evaluation of version {number} of {model} wrote no {name!r}; pages of its own: "
            f"{there}"
        )
    return Page(
        f"{name.rpartition('.')[0].replace('/', '-')} of version {number}", found[name], True
    )


def _of_look(model: str, version: int | None) -> Page:
    seen = [each for each in looks(reading.decided(model)) if each.report]
    mine = [each for each in seen if version is None or each.version == version]
    if not mine:
        of = f" at version {version}" if version is not None else ""
        raise Trouble(
            f"the monitor has not looked{of} yet, or nothing came that it could judge: everloop "
            f"status {model}"
        )
    return Page(f"look of {mine[0].time}", mine[0].report)


def _of_run(model: str, run: str) -> Page:
    executions = pipelines.newest(model)
    mine = [each for each in executions if run_of_turn(each.display_name) == run]
    if not mine:
        names = ", ".join(each.name for each in reading.trainings(model)[:5]) or "none"
        kinds = ", ".join(KINDS)
        raise Trouble(
            f"{run!r} is no version, run or kind of report of {model}: give a version's number, "
            f"one of {kinds}, or a run (the newest: {names})"
        )
    place = f"runs/{model}/{mine[0].arn.rpartition('/')[2]}"
    bucket = settings().artefact_bucket
    for key in (f"{place}/evaluation/report.html", f"{place}/files/data.html"):
        uri = f"s3://{bucket}/{key}"
        if storage.newest_version(uri) is not None:
            return Page(f"run {run}", uri)
    raise Trouble(f"run {run} left no report: everloop logs {model} --run {run}  says why")


def bring(model: str, page: Page, stack: str) -> Path:
    """Bring a page to a folder of this user's own; return the file. Raises Trouble."""
    try:
        data = storage.read(*storage.split(page.uri))
    except EverloopError as error:
        raise Trouble(f"the {page.title} of {model} is not there any more: {error}") from error
    folder = states.home() / "reports" / stack / model
    path = folder / f"{page.title.replace(' ', '-').replace(':', '')}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(frames.around(data, page.title) if page.own else data)
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}") from error
    return path
