"""Views as tables and lines: what people see in a terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from everloop import moments
from everloop.views.attention import Attention
from everloop.views.data import Data
from everloop.views.endpoint import Endpoint
from everloop.views.look import Look
from everloop.views.model import Model
from everloop.views.overview import Overview
from everloop.views.release import Release
from everloop.views.run import Run
from everloop.views.timeline import Outcome, TimelineEntry
from everloop.views.version import Listed
from everloop_cli import show

# How something looks, by what it means.
STYLES = {"good": show.GOOD, "bad": show.BAD, "waiting": show.WAIT, "info": show.QUIET}
_NEWEST = 5  # rows of a table on a model's page
_DECISIONS = 12
_LEAST_WORDS, _INDENT = 30, 4  # columns beside a decision's head, else its words go below it


def moment(at: datetime | str) -> str:
    """Write a moment as people read it: UTC, to the second."""
    text = at if isinstance(at, str) else f"{at:%Y-%m-%dT%H:%M:%S}"
    return text[:19].replace("T", " ")


def span(took: timedelta | None) -> str:
    if took is None:
        return "-"
    seconds = round(took.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 60 else f"{minutes / 60:.1f} h"


# Beside the colour, for who sees none.
MARKS = {"good": "✓", "bad": "✗", "waiting": "?", "info": "·"}
_APPROVALS = {
    "PendingManualApproval": "waits",
    "Approved": "approved",
    "Rejected": "rejected",
}
_PARTS = (
    show.Part("model", least=8),
    show.Part("serves", number=True),
    show.Part("endpoint", least=9),
    show.Part("newest", number=True),
    show.Part("approval"),
    show.Part("training", least=12),
    show.Part("last decision", least=14),
)
_ORDER = ("serves", "newest", "model", "approval", "training", "last decision", "endpoint")


def ago(at: datetime | str, now: datetime) -> str:
    """Say how long ago a moment was, by the same clock as `now`; of one to come, in how long."""
    when = moments.moment(at)
    seconds = round((now - when).total_seconds())
    past = seconds >= 0
    seconds = abs(seconds)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            said = f"{seconds // size} {unit}"
            return f"{said} ago" if past else f"in {said}"
    return "just now" if past else "in a minute"


def marked(word: str, outcome: Outcome) -> Text:
    """Return a word in its colour, and with its mark."""
    return show.mark(f"{MARKS[outcome]} {word}", STYLES[outcome])


def models(entries: Iterable[Model], now: datetime | None = None) -> None:
    """Print models, a line each, with what serves and what waits; `now` is the cloud's."""
    rows = [
        (
            each.model,
            each.serves,
            f"{each.endpoint}, not monitored" if each.unwatched else each.endpoint,
            each.newest,
            marked(_APPROVALS.get(each.approval, each.approval), each.approval_outcome)
            if each.approval
            else None,
            _training(each),
            _last(each, now),
        )
        for each in entries
    ]
    show.lines("Models", _PARTS, _ORDER, rows)


def _training(model: Model) -> str:
    if model.run is None:
        return "never"
    # Where it is, in a word: which steps are behind it is shown with --json.
    going = [step for step in model.steps if step.status != "Succeeded"] or model.steps[-1:]
    steps = ", ".join(f"{step.step} {step.status.lower()}" for step in going)
    window = f"window {model.run.window} " if model.run.window is not None else ""
    return f"{window}{model.run.status}{f': {steps}' if steps else ''}"


def _last(model: Model, now: datetime | None) -> str:
    if model.paused:
        return model.paused
    if model.last is None:
        return "none"
    when = f"{ago(model.last.time, now)}, " if now is not None else ""
    return f"{when}{model.last.kind}: {model.last.reason}"


def overview(page: Overview, now: datetime | None = None) -> None:
    """Print all about a model; of what came one after another the newest."""
    models([page.model], now)
    attention(page.attention)
    show.out.print()
    versions(page.versions)
    show.out.print()
    runs(page.runs)
    show.out.print()
    releases(page.releases)
    show.out.print()
    looks(page.looks)
    show.out.print()
    decisions(page.decisions[-_DECISIONS:])


def attention(entries: Iterable[Attention]) -> None:
    """Print what needs attention, each with the command that helps; nothing where nothing does."""
    for number, each in enumerate(entries):
        if not number:
            show.out.print()
        # Not a table: a command that a cell breaks in two cannot be copied.
        word = "wrong" if each.wrong else "note"
        show.out.print(show.mark(f"{word:<5}", STYLES[each.outcome]), each.found, soft_wrap=True)
        if each.fix:
            show.out.print("      ", each.fix, soft_wrap=True)


def versions(entries: Sequence[Listed]) -> None:
    rows = [
        (
            each.version,
            show.mark(each.approval, STYLES[each.approval_outcome]),
            moment(each.registered_at),
            "serves" if each.serves else "",
        )
        for each in entries[:_NEWEST]
    ]
    show.table(_title("Versions", entries), ("version", "approval", "registered", ""), rows)


def runs(entries: Sequence[Run]) -> None:
    rows = [
        (
            each.window,
            show.mark(each.status, STYLES[each.outcome]),
            moment(each.started_at),
            span(each.took),
            "-" if each.rows is None else f"{each.rows:,}",
            each.cause,
        )
        for each in entries[:_NEWEST]
    ]
    columns = ("window", "outcome", "began", "took", "rows", "because of")
    show.table(_title("Trainings", entries), columns, rows)


def releases(entries: Sequence[Release]) -> None:
    rows = [
        (
            each.version,
            each.replaces,
            show.mark(each.status, STYLES[each.outcome]),
            moment(each.ended_at),
            f"{each.reason} (given up)" if each.given_up else each.reason,
        )
        for each in entries[:_NEWEST]
    ]
    columns = ("version", "in place of", "outcome", "ended", "why")
    show.table(_title("Releases", entries), columns, rows)


def looks(entries: Sequence[Look]) -> None:
    rows = [
        (
            moment(each.time),
            each.version,
            show.mark(_saw(each), STYLES[each.outcome]),
            "-" if each.rows is None else f"{each.rows:,}",
            each.reason,
        )
        for each in entries[:_NEWEST]
    ]
    columns = ("time", "version", "found", "rows", "why")
    show.table(_title("Looks of the monitor", entries), columns, rows)


def _saw(look: Look) -> str:
    if look.violated:
        return "violation"
    return "nothing" if look.judged_all else "not judged"


def decisions(entries: Iterable[TimelineEntry]) -> None:
    rows = [
        (
            moment(each.time),
            each.kind,
            "yes" if each.go else "no",
            show.mark(each.outcome, STYLES[each.outcome]),
            each.reason,
        )
        for each in entries
    ]
    show.table("Decisions", ("time", "what", "go", "outcome", "why"), rows)


def decision(model: str, entry: TimelineEntry) -> None:
    """Print a decision as they come: beside its head, or below it where there is no room."""
    at = moment(entry.time)
    head = _head(at, model, entry)
    width, begin = show.out.width, head.cell_len
    beside = width >= begin + _LEAST_WORDS
    if not beside:
        head, begin = _head(at[11:], model, entry), _INDENT
        show.out.print(head)
    for number, line in enumerate(Text(entry.reason).wrap(show.out, max(1, width - begin))):
        before = head if beside and not number else Text(" " * begin)
        show.out.print(Text.assemble(before, line.plain.rstrip()), soft_wrap=True)


def _head(at: str, model: str, entry: TimelineEntry) -> Text:
    word = show.mark(f"{MARKS[entry.outcome]} {entry.kind:<9} ", STYLES[entry.outcome])
    return Text.assemble((at, show.QUIET), f"  {model}  ", word)


def data(view: Data) -> None:
    """Print a model's objects, and its newest dataset."""
    for each in view.objects:
        # Not a table: a key that a cell breaks in two cannot be copied.
        word = show.mark(f"{each.state:<9}", STYLES[each.outcome])
        by = f" by {each.by}" if each.by else ""
        line = f"  {moment(each.at)}{by}: {each.reason}" if each.reason else ""
        show.out.print(word, f"{each.key}{line}", soft_wrap=True)
    if not view.objects:
        show.out.print(f"nothing of {view.model} was withdrawn or set aside", style=show.QUIET)
    if view.dataset:
        newest = view.dataset
        line = f"newest dataset: window {newest.window}, {newest.digest[:12]}"
        show.out.print(line, style=show.QUIET)


def _title(name: str, entries: Sequence[object]) -> str:
    return f"{name} (the newest {_NEWEST} of {len(entries)})" if len(entries) > _NEWEST else name


def steps(pairs: Iterable[tuple[str, str]]) -> str:
    """Write steps of a pipeline in one line."""
    return ", ".join(f"{name} {status.lower()}" for name, status in pairs)


def endpoints(entries: Iterable[Endpoint]) -> str:
    """Write endpoints and what comes to them in one line."""
    return ", ".join(
        f"{each.endpoint} {each.status}" + (f" (coming: {each.pending})" if each.pending else "")
        for each in entries
    )
