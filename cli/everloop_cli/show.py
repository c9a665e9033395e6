"""What people see: aligned tables and progress, in colour only on a terminal; JSON on request."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

GOOD, BAD, WAIT, QUIET = "green", "red", "yellow", "dim"

_LONGEST = 24  # of a word that makes a column wider; longer ones are broken
_UNBROKEN = 100_000  # columns: a path or a command that goes into a pipe or a file is in one piece


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # main ends the command


def _console(stream: TextIO, **more: Any) -> Console:
    # Words are printed as they are: [retrain] in a reason is no style, and :x: in a log no picture.
    width = None if stream.isatty() else _UNBROKEN
    return _Console(highlight=False, markup=False, emoji=False, width=width, **more)


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
        err.print(text, style=QUIET if text.startswith("watching") else None)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a title; numbers are aligned to the right, and never cut.

    On a terminal that is too narrow for its columns each row is a block of lines.
    """
    kept = [list(row) for row in rows]
    if not kept:
        out.print(Text(f"{title}: none", style=QUIET))
        return
    # As text: a reason may name a section of model.toml, and [retrain] is no markup.
    cells = [
        [cell if isinstance(cell, Text) else Text(_text(cell)) for cell in row] for row in kept
    ]
    numeric = [_is_numeric([row[index] for row in kept]) for index in range(len(columns))]
    needs = [
        max(_need(each, whole=number) for each in (Text(name), *(row[index] for row in cells)))
        for index, (name, number) in enumerate(zip(columns, numeric, strict=True))
    ]
    if sum(needs) + 2 * (len(needs) - 1) > out.width:
        _blocks(title, columns, cells)
        return
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    whole = [
        max(cell_len(name), *(max(map(cell_len, row[index].plain.split("\n"))) for row in cells))
        for index, name in enumerate(columns)
    ]
    for name, number, width in zip(columns, numeric, _shared(needs, whole, out.width), strict=True):
        justify: JustifyMethod = "right" if number else "left"
        made.add_column(name, justify=justify, header_style=QUIET, width=width)
    for texts in cells:
        made.add_row(*texts)
    out.print(made)


def _shared(needs: Sequence[int], whole: Sequence[int], width: int) -> list[int]:
    """Return widths of columns: what each needs at least, and of the rest as much as is there."""
    widths, left = list(needs), width - sum(needs) - 2 * (len(needs) - 1)
    while left > 0:
        growing = [index for index, each in enumerate(widths) if each < whole[index]]
        if not growing:
            break
        share = max(1, left // len(growing))
        for index in growing:
            more = min(share, whole[index] - widths[index], left)
            widths[index] += more
            left -= more
    return widths


def _is_numeric(cells: Sequence[Any]) -> bool:
    there = [cell for cell in cells if cell is not None]
    return bool(there) and all(isinstance(cell, int | float) for cell in there)


def _need(cell: Text, *, whole: bool) -> int:
    """Return how wide a cell must be: as long as its longest word, a number as it is."""
    if whole:
        return cell_len(cell.plain)
    return min(_LONGEST, max((cell_len(word) for word in cell.plain.split()), default=0))


def _blocks(title: str, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """Print each row as lines of a name and a value; what is empty is left out."""
    out.print(Text(title, style="bold"))
    for number, row in enumerate(rows):
        if number:
            out.print()
        for name, cell in zip(columns, row, strict=True):
            if cell.plain and cell.plain != "-":
                out.print(Text.assemble((f"{name} " if name else "", QUIET), cell))


@dataclass(frozen=True)
class Part:
    """A column of a list of which each row is one line: how narrow it may be, 0 for as it is."""

    name: str
    least: int = 0
    number: bool = False


def lines(
    title: str, parts: Sequence[Part], order: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Print each row in one line, cut where the terminal is narrow.

    `order` has the columns by how much they matter: what there is no room for is left out from its
    end, and what is cut ends in an ellipsis. Columns that are shown as they are, are never cut.
    """
    kept = [[cell if isinstance(cell, Text) else Text(_text(cell)) for cell in row] for row in rows]
    if not kept:
        out.print(Text(f"{title}: none", style=QUIET))
        return
    needs = {
        part.name: max(cell_len(part.name), *(cell_len(row[index].plain) for row in kept))
        for index, part in enumerate(parts)
    }
    least = {each.name: min(needs[each.name], each.least or needs[each.name]) for each in parts}
    widths = _widths(order, needs, least, out.width)
    shown = [(index, part) for index, part in enumerate(parts) if part.name in widths]
    out.print(Text(title, style="bold"))
    head = [_fitted(Text(part.name), widths[part.name], part.number) for _, part in shown]
    _line(head, QUIET)
    for row in kept:
        _line([_fitted(row[index], widths[part.name], part.number) for index, part in shown])


def _widths(
    order: Sequence[str], needs: Mapping[str, int], least: Mapping[str, int], width: int
) -> dict[str, int]:
    """Return how wide the columns are that have room."""
    widths: dict[str, int] = {}
    left = width
    for name in order:
        gap = 2 if widths else 0
        if least[name] + gap <= left:
            widths[name] = least[name]
            left -= least[name] + gap
    for name in widths:
        more = min(needs[name] - widths[name], left)
        widths[name] += more
        left -= more
    return widths


def _fitted(cell: Text, width: int, number: bool) -> Text:
    fitted = cell.copy()
    fitted.truncate(width, overflow="ellipsis")
    fitted.align("right" if number else "left", width)
    return fitted


def _line(cells: Sequence[Text], style: str = "") -> None:
    line = Text("  ", style=style).join(cells)
    line.rstrip()
    out.print(line, soft_wrap=True)


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
