"""Asking what serves a model: which version answers, and rows in requests not too large."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from everloop.aws import endpoints, ledger, storage
from everloop.decisions.answer_lines import lines_of
from everloop.decisions.seals import uri
from everloop.errors import BadInput
from everloop_cli.trouble import Trouble

_CALL_ROWS: Final = 500
_CALL_BYTES: Final = 1_000_000  # AWS takes 25 MB; a row of a table is small
_OF_SEVERAL: Final = "score:"


def serving_version(model: str, version: int | None = None) -> int:
    """Return the version that answers. Raises Trouble where it is not the one that is meant."""
    serving = endpoints.serving(model)
    if serving is None or serving.version is None:
        raise Trouble(
            f"no endpoint of {model!r} serves a version, so nothing can be asked; "
            f"everloop versions {model} says which may be released"
        )
    if serving.status not in ("InService", "Updating"):
        raise Trouble(f"the endpoint of {model!r} is {serving.status}; try again when it serves")
    if serving.pending_config and serving.pending_config != serving.config:
        raise Trouble(f"another version of {model!r} is being released; try again when that ends")
    if version is not None and version != serving.version:
        raise Trouble(
            f"version {version} of {model!r} has no endpoint; version {serving.version} serves. "
            "What cannot be asked cannot be explained"
        )
    return serving.version


def requests(
    lines: Sequence[bytes], rows: int = _CALL_ROWS, size: int = _CALL_BYTES
) -> Iterator[list[bytes]]:
    """Yield lines in requests of at most so many rows and bytes."""
    part: list[bytes] = []
    held = 0
    for line in lines:
        if part and (len(part) >= rows or held + len(line) > size):
            yield part
            part, held = [], 0
        part.append(line)
        held += len(line)
    if part:
        yield part


def csv_line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def features_of(metadata: Mapping[str, str], arn: str) -> list[str]:
    """Return the columns that a version is sent, as its evaluation names them; maybe none."""
    place = uri(metadata, "evaluation-uri", arn)
    place = place if place.endswith(".json") else f"{place.rstrip('/')}/evaluation.json"
    return list(storage.read_json(place).get("features") or ())


def text_of(file: Path) -> str:
    """Read a file, or of - standard input. Raises Trouble."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise Trouble(f"{file} cannot be read: {error}") from error


def table(text: str) -> tuple[list[str], list[list[str]]]:
    """Read a CSV text: its header, and its rows. Raises Trouble where it is none."""
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    except csv.Error as error:
        raise Trouble(f"it is no CSV: {error}") from error
    if len(lines) < 2:
        raise Trouble("a header with the names of the columns and one row belong into it")
    head, rows = lines[0], lines[1:]
    twice = [name for name in head if head.count(name) > 1]
    if twice:
        raise Trouble(f"its header names {twice[0]!r} twice")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise Trouble(f"row {number} has {len(row)} fields, and its header {len(head)}")
    return head, rows


def answers(
    model: str, head: Sequence[str], rows: Sequence[Sequence[str]], batch: int
) -> tuple[int, list[list[str]]]:
    """Ask the endpoint rows of a table; return which version answers, and its fields a row.

    All columns are sent but the target: the key is what late labels are joined by. Raises Trouble
    for what cannot be asked, and where the model does not answer.
    """
    spec: Mapping[str, Any] = ledger.installed(model).spec
    version = serving_version(model)
    data, bare = spec["data"], bool(spec["train"].get("algorithm"))
    columns = [name for name in head if name != data.get("target")]
    if bare:
        columns = _trained_on(model, version, head)
    at = [head.index(name) for name in columns]
    lines = [csv_line([row[place] for place in at]) for row in rows]
    classes = tuple(map(str, data.get("classes") or ()))
    header = [] if bare else [csv_line(columns)]
    found: list[list[str]] = []
    for part in requests(lines, batch):
        first = len(found) + 1
        status, text, _ = endpoints.invoke(model, b"".join([*header, *part]), "text/csv")
        where = f"row {first}" if len(part) == 1 else f"rows {first} to {first + len(part) - 1}"
        if status != 200:
            raise Trouble(
                f"version {version} of {model} did not answer {where} ({status}): "
                f"{_said(text)}. What it printed: everloop logs {model} --endpoint"
            )
        got = list(csv.reader(lines_of(text, bare=bare, classes=classes)))
        got = got[1:] if len(got) == len(part) + 1 else got  # a header
        if len(got) != len(part):
            raise Trouble(f"{where}: {len(part)} rows in, {len(got)} lines out; no answer for each")
        found += got
    return version, found


def _trained_on(model: str, version: int, head: Sequence[str]) -> list[str]:
    """Return the columns that a built-in algorithm takes, in their order."""
    seal = ledger.seal(model, version)
    if seal is None:
        raise Trouble(f"version {version} of {model!r} was never sealed: train it again")
    try:
        columns = features_of(seal.metadata, seal.package_arn)
    except BadInput as error:
        raise Trouble(f"nobody knows which columns the model takes: {error}") from error
    lost = [name for name in columns if name not in head]
    if lost:
        raise Trouble(f"the rows have no column {lost[0]!r}, which the model was trained on")
    return columns


def _said(text: str) -> str:
    """Return what a container said of its failure, without what AWS says around it."""
    plain = text.partition('message "')[2].partition('". See http')[0] or text
    return " ".join(plain.split())[:300].rstrip(".")
