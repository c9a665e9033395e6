"""[data] of a model's spec: what a drop is, how it is written, checked and split."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from everloop.spec.values import (
    Class,
    Classes,
    Column,
    Count,
    Encoding,
    LastPart,
    Mark,
    Part,
    Section,
    Share,
    ShareOrNone,
)

_TOLD_APART = (
    *(("separator", "quote"), ("separator", "comment"), ("quote", "comment")),
    *(("decimal", "thousands"), ("decimal", "quote"), ("decimal", "comment")),
    *(("thousands", "quote"), ("thousands", "comment")),
)


class Dialect(Section):
    """How the files of a drop are written; by default what pandas takes as CSV."""

    separator: Mark = ","
    decimal: Literal[".", ","] = "."
    thousands: Mark | None = None
    encoding: Encoding = "utf-8"
    quote: Mark | None = '"'
    comment: Mark | None = None
    skip_lines: Annotated[int, Field(ge=0, le=1000)] = 0

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        # A separator may stand inside numbers, "1,5", where these are quoted.
        for one, other in _TOLD_APART:
            mark = getattr(self, one)
            if mark is not None and mark == getattr(self, other):
                raise ValueError(f"{one} and {other} are both {mark!r}; give another to one")
        return self


class Split(Section):
    """How Everloop splits the rows of a drop itself."""

    by: Literal["time", "key", "group", "series"]
    group: Column | None = None
    validation: Part = 0.2
    holdout: Part = 0.2

    @model_validator(mode="after")
    def _something_to_train_on(self) -> Self:
        if self.validation + self.holdout > 0.9:
            raise ValueError(
                f"validation {self.validation:g} and holdout {self.holdout:g} leave less than a "
                "tenth to train on; make them smaller"
            )
        return self


def _prefix(value: str) -> str:
    if not value.endswith("/") or value.startswith("/") or value == "labelled-traffic/":
        raise ValueError(
            "give a path below data/<model>/ that ends with a slash, e.g. 'customers/'"
        )
    return value


class Table(Section):
    """A table beside the one with the targets."""

    prefix: Annotated[str, AfterValidator(_prefix)]
    keys: Annotated[list[Column], Field(min_length=1)]
    columns: dict[str, Literal["number", "text"]] = {}
    format: Literal["csv", "parquet", "jsonl"] | None = None


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"it is no regular expression of Python's: {error}") from None
    return value


class ColumnCheck(Section):
    """What a column of a drop has to hold."""

    not_null: bool = False
    unique: bool = False
    between: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    one_of: Annotated[list[str | int | float], Field(min_length=1, max_length=1000)] | None = None
    regex: Annotated[str, AfterValidator(_pattern)] | None = None
    max_missing: ShareOrNone | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError(f"between is {self.between}; give the smaller number first")
        return self


class Checks(Section):
    """What a drop has to hold; files that do not are bad files."""

    min_rows: Count | None = None
    max_rows: Count | None = None
    columns: dict[Column, ColumnCheck] = {}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_rows and self.max_rows and self.min_rows > self.max_rows:
            raise ValueError(f"min_rows is {self.min_rows} and max_rows {self.max_rows}; swap them")
        return self


class Data(Section):
    target: Column
    format: Literal["csv", "parquet", "jsonl", "files"] = "csv"
    flatten: bool = False
    dialect: Dialect = Dialect()
    check: Literal["all", "names-only"] = "all"
    bad_files: Literal["refuse", "set-aside"] = "refuse"
    max_bad_share: Share = 0.5
    key: Column | None = None
    timestamp: Column | None = None
    columns: dict[str, Literal["number", "text"]] = {}
    classes: Classes = []
    positive: Class | None = None
    marker: LastPart = "_SUCCESS"
    quiet_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    keep: Count | None = None
    learn_from_traffic: bool = False
    split: Split | None = None
    checks: Checks = Checks()
    tables: dict[str, Table] = {}

    @property
    def is_read(self) -> bool:
        """Whether the prepare job reads rows itself, and so makes a data report."""
        return self.check == "all" and self.format != "files"

    @property
    def quiet(self) -> timedelta:
        return timedelta(minutes=self.quiet_minutes)
