"""The reader of dropped files beside pandas: it takes what pandas takes, as pandas takes it."""

import csv
import math
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from everloop_jobs.formats.check import check
from everloop_jobs.formats.dialect import MISSING, Dialect, OpenQuotes, Rows
from everloop_jobs.formats.expected import Expected

NAMES = ("id", "price")
# What makes parsers differ, far more often than chance would.
PIECES = st.sampled_from(
    [
        *(",", ",", "\n", "\n", '"', '""', "\r\n", " ", "\t", "\0", "#", ";", "é", "\u2028"),
        *(
            "a",
            "1",
            "2.5",
            "1e5",
            "-3",
            "inf",
            "nan",
            "NA",
            "None",
            "1_0",
            "٣",
            "0x1",
            "1,5",
            "True",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
FILES = st.one_of(
    TEXTS, TEXTS.map("id,price\n".__add__), TEXTS.map("id,colour,price\n1,a,2\n".__add__)
)
DIALECTS = st.sampled_from(
    [
        Dialect(),
        Dialect(separator=";", decimal=","),
        Dialect(separator="\t", quote=None),
        Dialect(comment="#"),
        Dialect(quote="'", thousands=","),
    ]
)


def read(path: Path, dialect: Dialect) -> pd.DataFrame | None:
    """Return what pandas reads, or nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns with several kinds of values
        try:
            return pd.read_csv(path, **dialect.for_pandas())
        except (ValueError, OverflowError):  # ParserError, EmptyDataError, UnicodeDecodeError
            return None


@given(text=FILES, dialect=DIALECTS)
@example(text="id,price\n1,2,\n", dialect=Dialect())
@example(text='#"\nid,price\n""#1,5#x\n', dialect=Dialect(comment="#"))
@example(text="id,price\r1,2\r3,much\r", dialect=Dialect())
@example(text='id,price\n"1"x"y",2\n', dialect=Dialect())
@example(text="id,price\n1,2\n3\n", dialect=Dialect())
@example(text='id,price\n1,2\n"" \n  \n', dialect=Dialect())
@example(text="id,price\n1,2\n3", dialect=Dialect())
@example(text="id,price\nr,1,2\n3\n", dialect=Dialect())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_pandas_reads_is_taken_and_what_is_taken_pandas_reads(
    tmp_path: Path, text: str, dialect: Dialect
) -> None:
    path = tmp_path / "drop.csv"
    path.write_bytes(text.encode())
    seen = check(path, "drop.csv", Expected(NAMES, target="price", dialect=dialect))
    frame = read(path, dialect)
    there = frame is not None and set(NAMES) <= set(frame.columns)
    if seen.bad:
        ours = ("cut off", "row 1 has ", "twice")
        assert not there or frame.empty or any(word in seen.bad[0] for word in ours), seen.bad
    elif not seen.empty:
        assert there
        assert seen.rows == len(frame)
        assert bool(seen.doubts) == bool(doubtful(frame["price"])), seen.doubts


def doubtful(column: "pd.Series[Any]") -> int:
    """Return how many of a column's values are no finite numbers, as pandas has read them."""
    if pd.api.types.is_bool_dtype(column):
        return len(column)
    return sum(not _is_number(value) for value in column)


def _is_number(value: Any) -> bool:
    # In a column with words in it, pandas leaves numbers as they stood in the file.
    number = pd.to_numeric(pd.Series([value], dtype=object), errors="coerce").iloc[0]
    return not isinstance(value, bool) and math.isfinite(number)


def test_missing_values_are_those_of_pandas(tmp_path: Path) -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(MISSING) == set(STR_NA_VALUES)


@pytest.mark.parametrize("length", [131_073, 3_000_000])
def test_a_long_field_is_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "drop.csv"
    path.write_text(f"id,price\n{'x' * length},2\n")
    assert check(path, "drop.csv", Expected(NAMES, target="price")).rows == 1


def test_a_file_that_ends_inside_quotes_says_where_they_open(tmp_path: Path) -> None:
    path = tmp_path / "drop.csv"
    path.write_text('id,price\n1,2\n"3,4\n5,6\n')
    rows = Rows(path, Dialect())
    with pytest.raises(OpenQuotes) as found:
        list(rows)
    assert (found.value.first_line, found.value.last_line) == (3, 4)


def test_a_quote_mark_that_is_never_closed_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "drop.csv"
    path.write_text('id,price\n1,2\n"3,4\n' + "5,6\n" * 500)
    usual = csv.field_size_limit(1000)
    try:
        (said,) = check(path, "drop.csv", Expected(NAMES, target="price")).bad
    finally:
        csv.field_size_limit(usual)
    assert usual >= 2**27
    assert said.startswith("drop.csv: row 2 (line ")
    assert said.endswith("is a quote mark never closed?")


def test_a_file_of_one_line_is_not_taken_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "drop.csv"
    path.write_text('[{"id": 1, "text": "' + "x" * 17_000_000 + '"}]')
    assert check(path, "drop.csv", Expected(NAMES)).bad == [
        "drop.csv: is JSON; write it as CSV with a header"
    ]
    path.write_text("x" * 17_000_000)
    assert check(path, "drop.csv", Expected(NAMES)).bad == [
        "drop.csv: its first 16 MB are one line; a header belongs there"
    ]
