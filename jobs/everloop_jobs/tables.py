"""Checks of dropped CSV files, before anything is computed from them."""

import csv
import difflib
import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd


def problems_of(
    path: Path, name: str, columns: Mapping[str, str], required: list[str]
) -> list[str]:
    """Return what is wrong with a CSV file, in words that name file, column and fix; else nothing.

    `columns` are expected columns and their kinds (`number` or `text`); `required` must be there.
    """
    head, rows, trouble = _read(path, name)
    if trouble:
        return [trouble]
    if len(head) == 1 and ";" in head[0]:
        return [f"{name}: its fields are separated by ';'; separate them by commas"]
    found = []
    for wanted in dict.fromkeys([*columns, *required]):
        if wanted not in head:
            unknown = [column for column in head if column not in columns]
            close = difflib.get_close_matches(wanted, unknown, n=1, cutoff=0.5)
            hint = f"; was it renamed to {close[0]!r}?" if close else ""
            found.append(f"{name}: column {wanted!r} is missing{hint}")
    if rows == 0:
        found.append(f"{name}: has a header and no rows")
    if not found and columns:
        found += _kinds(path, name, columns)
    return found


def _read(path: Path, name: str) -> tuple[list[str], int, str]:
    """Return header, number of rows, and what breaks the file's form."""
    raw = path.read_bytes()
    if not raw.strip():
        return [], 0, f"{name}: is empty"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [], 0, f"{name}: is no UTF-8 text: {error}"
    head: list[str] = []
    count = 0
    try:
        for line in csv.reader(io.StringIO(text, newline=""), strict=True):
            if not line:
                continue
            if not head:
                head = line
                continue
            count += 1
            if len(line) != len(head):
                last = (
                    "; the file looks cut off, upload it again" if not text.endswith("\n") else ""
                )
                return (
                    head,
                    count,
                    f"{name}: row {count} has {len(line)} fields where the header has "
                    f"{len(head)}{last}",
                )
    except csv.Error as error:
        return head, count, f"{name}: row {count + 1} cannot be read: {error}; is the file cut off?"
    if len(set(head)) != len(head):
        return head, count, f"{name}: the header names a column twice: {head}"
    return head, count, ""


def _kinds(path: Path, name: str, columns: Mapping[str, str]) -> list[str]:
    numbers = [column for column, kind in columns.items() if kind == "number"]
    frame = pd.read_csv(path, usecols=numbers, dtype=str, keep_default_na=True)
    found = []
    for column in numbers:
        values = frame[column].dropna()
        wrong = values[pd.to_numeric(values, errors="coerce").isna()]
        if len(wrong):
            found.append(
                f"{name}: column {column!r} holds {wrong.iloc[0]!r} in row {wrong.index[0] + 1}; "
                "numbers belong there"
            )
    return found
