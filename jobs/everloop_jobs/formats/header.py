"""Why a file's first line does not name the expected columns: what is there instead."""

import csv
import difflib
import re
from collections.abc import Iterable, Sequence

from .dialect import Dialect

_SEPARATORS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'", ":": "':'", " ": "spaces"}
_NUMBER = re.compile(r"[ \t]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t]*")
_DECIMAL_COMMA = re.compile(r"[ \t]*[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+[ \t]*")
_SHOWN = 60  # characters of a file's own text in a message


def clipped(text: str) -> str:
    """Return a text of the file's for a message: as Python shows it, and not too long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def elsewhere(lines: Sequence[str], expected: Iterable[str], dialect: Dialect) -> str:
    """Return where the expected names are: behind other separators, or further down; else nothing.

    `lines` are the first of the file.
    """
    names = {_plain(name) for name in expected}
    for number, line in enumerate(lines):
        for mark, what in _SEPARATORS.items():
            if number < dialect.skip_lines or (
                number == dialect.skip_lines and mark == dialect.separator
            ):
                continue
            fields = _split(line, mark, dialect)
            if not names or not names <= {_plain(name) for name in fields}:
                continue
            return _advice(lines, number, mark, what, dialect)
    return ""


def _advice(lines: Sequence[str], number: int, mark: str, what: str, dialect: Dialect) -> str:
    problems, fixes, keys = [], [], []
    if mark != dialect.separator:
        problems.append(f"its fields are separated by {what}")
        kept = "commas" if dialect.separator == "," else _SEPARATORS.get(dialect.separator, "")
        fixes.append(f"separate them by {kept or repr(dialect.separator)}")
        keys.append(f"separator = {_toml(mark)}")
        rows = [_split(line, mark, dialect) for line in lines[number + 1 : number + 20]]
        if dialect.decimal == "." and any(_DECIMAL_COMMA.fullmatch(f) for row in rows for f in row):
            problems[-1] += " and its numbers have decimal commas"
            keys.append('decimal = ","')
    if number > dialect.skip_lines:
        problems.append(f"its header is in line {number + 1}, below a comment or title")
        fixes.append("remove the lines above it")
        keys.append(f"skip_lines = {number}")
    declared = f"declare [data.dialect] {', '.join(keys)}"
    return f"{', and '.join(problems)}; {' and '.join(fixes)}, or {declared}"


def _toml(mark: str) -> str:
    return '"\\t"' if mark == "\t" else f'"{mark}"'


def _split(line: str, mark: str, dialect: Dialect) -> list[str]:
    if mark not in line and mark != dialect.separator:
        return []
    try:
        return next(csv.reader([line.strip("\r\n")], delimiter=mark), [])
    except csv.Error:
        return []


def _plain(name: str) -> str:
    """Return a name without what nobody sees or means in it: case, spaces, marks, quotes."""
    return name.strip(" \t\n\r\v\f\xa0\ufeff\u200b'\"`’‘“”").casefold()


def is_values(head: Sequence[str]) -> bool:
    """Whether a first line looks like values: a name is no number, and stands there once."""
    return any(_NUMBER.fullmatch(field) for field in head)


def missing(name: str, head: Sequence[str], known: Iterable[str]) -> str:
    """Say that a column is missing, and which one of the header may be meant."""
    problem = f"column {name!r} is missing"
    alike = [column for column in head if _plain(column) == _plain(name)]
    if alike:
        return (
            f"{problem}; there is {clipped(alike[0])}: names are the same only letter by letter, "
            "with case, spaces and quotes"
        )
    declared = set(known)
    close = difflib.get_close_matches(
        name, [column[:200] for column in head if column not in declared][:1000], n=1, cutoff=0.5
    )
    return f"{problem}; was it renamed to {close[0]!r}?" if close else problem
