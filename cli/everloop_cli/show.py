"""What people see: aligned tables and progress, in colour only on a terminal; JSON on request."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

GOOD, BAD, WAIT, QUIET = "green", "red", "yellow", "dim"

_UNBROKEN = 100_000  # columns: a path or a command that goes into a pipe or a file is in one piece


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # main ends the command


def _console(stream: TextIO, **more: Any) -> Console:
    return _Console(highlight=False, width=None if stream.isatty() else _UNBROKEN, **more)


out = _console(sys.stdout)
err = _console(sys.stderr, stderr=True)


def emit_json(value: Any) -> None:
    """Print a value as JSON on standard output; times as ISO 8601."""
    json.dump(value, sys.stdout, indent=2, default=_plain, ensure_ascii=False)
    sys.stdout.write("\n")


def emit_line(value: Any) -> None:
    """Print a value as one line of JSON, at once: whoever reads a stream waits for it."""
    print(json.dumps(value, default=_plain, ensure_ascii=False), flush=True)


def progress(text: str, *, as_json: bool = False) -> None:
    """Say on standard error how far it is; as a line of JSON, like all there, with --json."""
    if as_json:
        print(json.dumps({"progress": text}, ensure_ascii=False), file=sys.stderr, flush=True)
    else:
        err.print(text, style=QUIET if text.startswith("watching") else None, markup=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a title; numbers are aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    kept = [list(row) for row in rows]
    for index, name in enumerate(columns):
        cells = [row[index] for row in kept if row[index] is not None]
        numeric = bool(cells) and all(isinstance(cell, int | float) for cell in cells)
        made.add_column(name, justify="right" if numeric else "left", header_style=QUIET)
    for row in kept:
        # As text: a reason may name a section of model.toml, and [retrain] is no markup.
        made.add_row(*(cell if isinstance(cell, Text) else Text(_text(cell)) for cell in row))
    out.print(made if kept else Text(f"{title}: none", style=QUIET))


class Money(float):
    """An amount of money: to the hundredth, or as small as it is."""

    def __str__(self) -> str:
        return f"{float(self):,.2f}" if self >= 0.005 or not self else f"{float(self):.4f}"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float) and not isinstance(value, Money):
        return f"{value:.4g}"
    return str(value)


def mark(word: str, style: str) -> Text:
    return Text(word, style=style)


def bytes_text(count: float) -> str:
    """Return a size as people read it: 11.3 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
