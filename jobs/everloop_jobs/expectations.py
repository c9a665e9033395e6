"""[data.checks]: what a column of a drop has to hold. Files that break one are bad files."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from formats.dialect import MISSING
from formats.header import clipped
from formats.values import HIDDEN, more

_MISSING = list(MISSING)


@dataclass
class _Broken:
    row: int
    text: str
    count: int


@dataclass
class _Column:
    """What was seen of a column in one file."""

    rows: int = 0
    missing: int = 0
    broken: dict[str, _Broken] = field(default_factory=dict)  # by the rule, in its own words
    hashes: list[Any] = field(default_factory=list)


class Expectations:
    """Sees the rows of one file after the other; a value is unique over all of them."""

    def __init__(
        self,
        checks: Mapping[str, Any] | None,
        *,
        optional: bool = False,
        hidden: Collection[str] = (),
    ) -> None:
        """`optional` names are missing values where a file lacks them, as in JSON Lines.

        Of `hidden` columns no value is told.
        """
        self._optional, self._hidden = optional, hidden
        self._rules: Mapping[str, Mapping[str, Any]] = (checks or {}).get("columns") or {}
        self._checks = checks or {}
        self._seen: dict[str, _Column] = {}
        self._known: dict[str, list[tuple[str, Any]]] = {}  # hashes of each file before

    @property
    def columns(self) -> list[str]:
        return list(self._rules)

    def begin(self) -> None:
        self._seen = {name: _Column() for name in self._rules}

    def add(self, rows: pd.DataFrame, first: int) -> None:
        for name, rule in self._rules.items():
            if name in rows:
                self._add(self._seen[name], rows[name], rule, first)
            elif self._optional:
                nothing = pd.Series([""] * len(rows), dtype=object)
                self._add(self._seen[name], nothing, rule, first)

    def _add(self, seen: _Column, values: pd.Series, rule: Mapping[str, Any], first: int) -> None:
        lost = values.isin(_MISSING).to_numpy()
        seen.rows += len(values)
        seen.missing += int(lost.sum())
        for what, wrong in _wrong(values, lost, rule):
            if wrong.any():
                at = int(np.argmax(wrong))
                new = _Broken(first + at + 1, str(values.iloc[at]), int(wrong.sum()))
                old = seen.broken.setdefault(what, new)
                old.count += new.count if old is not new else 0
        if rule.get("unique"):
            known = values[~lost]
            seen.hashes.append(
                np.column_stack(
                    [
                        pd.util.hash_array(known.to_numpy(dtype=object), categorize=False),
                        (np.flatnonzero(~lost) + first + 1).astype(np.uint64),
                    ]
                )
            )

    def end(self, file: str) -> list[str]:
        """Return what a file breaks, by column; it has been shown to its end."""
        lines = []
        for name, rule in self._rules.items():
            seen = self._seen[name]
            if not seen.rows:
                lines.append(f"column {name!r} is missing, which [data.checks] names")
                continue
            for what, each in seen.broken.items():
                held = HIDDEN if name in self._hidden else clipped(each.text)
                lines.append(
                    f"column {name!r} holds {held} in row {each.row}"
                    f"{more(each.count)}; [data.checks] wants {what}"
                )
            share, most = seen.missing / seen.rows, rule.get("max_missing")
            if most is not None and share > most:
                lines.append(
                    f"column {name!r} is missing in {share:.1%} of rows; [data.checks] lets "
                    f"{most:.1%} be missing"
                )
            lines += self._twice(name, file, seen) if rule.get("unique") else []
        return lines

    def _twice(self, name: str, file: str, seen: _Column) -> Iterator[str]:
        whole = np.concatenate(seen.hashes) if seen.hashes else np.empty((0, 2), np.uint64)
        hashes, rows = whole[:, 0], whole[:, 1]
        distinct, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        again = int((counts - 1).sum())
        if again:
            at = distinct[counts > 1][0]
            one, other = rows[hashes == at][:2]
            yield (
                f"column {name!r} has the same value in rows {one} and {other}{more(again)}; "
                "[data.checks] wants unique values"
            )
        for before, known in self._known.get(name, []):
            both = np.isin(distinct, known)
            if both.any():
                row = rows[first[both]].min()
                yield (
                    f"column {name!r} has in row {row}{more(int(both.sum()))} a value that "
                    f"{before} has, too; [data.checks] wants unique values"
                )
                break
        self._known.setdefault(name, []).append((file, distinct))

    def of_drop(self, rows: int) -> str:
        """Return why a drop of so many rows is too small or too large; nothing if it is not."""
        least, most = self._checks.get("min_rows"), self._checks.get("max_rows")
        if least is not None and rows < least:
            return f"the new files have {rows:,} rows; [data.checks] min_rows wants {least:,}"
        if most is not None and rows > most:
            return f"the new files have {rows:,} rows; [data.checks] max_rows lets {most:,} be"
        return ""


def _wrong(values: pd.Series, lost: Any, rule: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each rule in words, and which values break it."""
    if rule.get("not_null"):
        yield "a value in every row", lost
    between, pattern, some = rule.get("between"), rule.get("regex"), rule.get("one_of")
    if between is not None:
        low, high = between
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
        fits = (numbers >= low) & (numbers <= high)
        yield f"numbers from {low:g} to {high:g}", ~fits & ~lost
    if some is not None:
        yield f"one of {_listed(some)}", ~_among(values, some) & ~lost
    if pattern is not None:
        codes, distinct = pd.factorize(values)
        test = re.compile(pattern)
        fits = np.array([test.fullmatch(str(text)) is not None for text in distinct], dtype=bool)
        yield f"what matches {pattern!r}", ~fits[codes] & ~lost


def _among(values: pd.Series, some: list[Any]) -> Any:
    """Whether each value is one of some; 1 is 1.0."""
    plain = values.isin([str(each) for each in some]).to_numpy()
    numbers = [float(each) for each in some if not isinstance(each, str)]
    if not numbers:
        return plain
    return plain | pd.to_numeric(values, errors="coerce").isin(numbers).to_numpy()


def _listed(some: list[Any]) -> str:
    shown = ", ".join(map(str, some[:8]))
    return f"{shown} and {len(some) - 8} more" if len(some) > 8 else shown
