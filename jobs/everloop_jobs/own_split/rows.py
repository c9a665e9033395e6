"""Splitting a dataset's files into three tables, some rows at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import formats.format
from formats.header import clipped
from formats.seen import Type
from own_split import rule as rules
from own_split.rule import LEFT_OUT, PARTS, BadRows


@dataclass
class Source:
    """A file whose rows are split, and what is wrong with them."""

    path: Path
    name: str
    window: int
    columns: Mapping[str, Type]
    bad: str = ""


@dataclass
class Done:
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    left_out: int = 0
    rule: Mapping[str, Any] = field(default_factory=dict)

    def record(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return split.json."""
        by = {**data["split"], **self.rule}
        return {"version": 1, **by, "rows": self.rows, "left_out": self.left_out}

    def said(self, data: Mapping[str, Any]) -> str:
        whose = self.rule.get("kept_together")
        start = self.rule.get("holdout_from")
        parts = [f"split by {data['split']['by']}"]
        parts += [f"holdout from {start}"] if start is not None else []
        if self.left_out and whose:
            parts.append(f"{self.left_out} rows left out whose {whose} comes again in a later part")
        parts += self.rule.get("remarks") or []
        return ", ".join(parts)


def split(sources: Sequence[Source], data: Mapping[str, Any], made: Path) -> Done:
    """Write `<part>/data.csv` below a folder. What is wrong with a file is noted in it.

    Where something is, the tables are of no use.
    """
    rule, done = rules.of(data), Done()
    sources = sorted(sources, key=lambda each: each.window)
    columns = _columns(sources, formats.format.of(data).names_are_optional)
    if rule.shown:
        for source in sources:
            with _noted(source):
                for rows, first in _rows(source, data, rule.columns):
                    rule.show(rows, first, source.window)
    if any(source.bad for source in sources):
        return done
    rule.settle()
    with ExitStack() as stack:
        tables = []
        for part in PARTS:
            (made / part).mkdir(parents=True, exist_ok=True)
            table = (made / part / "data.csv").open("w", encoding="utf-8", newline="")
            tables.append(stack.enter_context(table))
            pd.DataFrame(columns=columns).to_csv(table, index=False, lineterminator="\n")
        for source in sources:
            with _noted(source):
                for rows, first in _rows(source, data, columns):
                    _write(rows, rule.parts(rows, first, source.window), tables, done)
    done.rule = rule.record()
    return done


@contextmanager
def _noted(source: Source) -> Iterator[None]:
    try:
        yield
    except BadRows as error:
        source.bad = f"{source.name}: {error}"
    except (ValueError, OSError) as error:  # half a character, and what else no table can hold
        source.bad = f"{source.name}: its rows cannot be split: {error}"


def _columns(sources: Sequence[Source], optional: bool) -> list[str]:
    """Return the columns of the tables: the oldest file's; where names are optional, all."""
    wanted = dict(sources[0].columns)
    if optional:
        for source in sources:
            wanted |= {name: kind for name, kind in source.columns.items() if name not in wanted}
    for source in sources:
        lost = [name for name in wanted if name not in source.columns]
        nested = [name for name in wanted if _is_nested(source.columns.get(name))]
        if lost and not optional:
            source.bad = (
                f"{source.name}: column {clipped(lost[0])} is missing, which {sources[0].name} "
                "has; [data.split] makes one table of all files"
            )
        elif nested:
            source.bad = (
                f"{source.name}: column {clipped(nested[0])} holds "
                f"{source.columns[nested[0]].written}; [data.split] makes tables of texts and "
                "numbers: set [data] flatten = true for records, or drop files without it"
            )
    return list(wanted)


def _is_nested(kind: Type | None) -> bool:
    return kind is not None and kind.kind in ("record", "list", "bytes")


def _rows(
    source: Source, data: Mapping[str, Any], columns: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield some rows after the other, and how many were before them."""
    first = 0
    for rows in formats.format.of(data).rows(source.path, data, columns):
        yield rows, first
        first += len(rows)


def _write(rows: pd.DataFrame, codes: Any, tables: Sequence[Any], done: Done) -> None:
    for code, part in enumerate(PARTS):
        own = rows[codes == code]
        own.to_csv(tables[code], index=False, header=False, lineterminator="\n")
        done.rows[part] += len(own)
    done.left_out += int((codes == LEFT_OUT).sum())
