"""Values of traffic, read as training read its own: by pandas' reader of CSV.

What is missing, what is a number and what is true must mean the same on both sides, or data that
did not change would look as if it had. So the very reader decides, for each distinct value.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

_TRUE, _FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")  # as pandas knows them
_ONES, _ZEROS = ("1", "1.0"), ("0", "0.0")


def numbers(column: pd.Series, *, booleans: bool) -> tuple[pd.Series, pd.Series]:
    """Return a column's numbers (NaN where there is none), and where it holds something else.

    `booleans` says that training's numbers were 0 and 1, which true and false mean as well.
    """
    codes, distinct = _distinct(column, {})
    words = pd.Series(distinct, dtype=object)
    parsed = np.array(pd.to_numeric(words, errors="coerce"), dtype=float)
    if booleans:
        parsed[words.isin(_TRUE).to_numpy()] = 1.0
        parsed[words.isin(_FALSE).to_numpy()] = 0.0
    other = np.isnan(parsed) & ~_missing(distinct)
    index = column.index
    if not len(distinct):
        return pd.Series(np.nan, index=index), pd.Series(False, index=index)
    values = np.where(codes < 0, np.nan, parsed[codes])
    return pd.Series(values, index=index), pd.Series((codes >= 0) & other[codes], index=index)


def categories(column: pd.Series, domain: Sequence[str]) -> pd.Series:
    """Return a column's values as texts, spelt as in training; None where they are missing."""
    codes, distinct = _distinct(column, _spellings(domain))
    if domain and set(domain) <= {"True", "False"}:
        truth = dict.fromkeys((*_TRUE, *_ONES), "True") | dict.fromkeys((*_FALSE, *_ZEROS), "False")
        distinct = [truth.get(word.strip(), word) for word in distinct]
    gone = _missing(distinct)
    spelt = np.array([None if lost else w for w, lost in zip(distinct, gone, strict=True)] + [None])
    return pd.Series(spelt[codes], index=column.index, dtype=object)


def _spellings(domain: Sequence[str]) -> dict[Any, str]:
    """Return how training wrote numbers and booleans among its texts, by their value.

    JSON has numbers and true where CSV had words: 5 is '5', and 5.0 is '5' where that was known.
    """
    spellings: dict[Any, str] = {}
    for word in domain:
        if word.lower() in ("true", "false"):
            spellings.setdefault(("bool", word.lower() == "true"), word)
            continue
        try:
            number = float(word)
        except ValueError:
            continue
        if math.isfinite(number):
            spellings.setdefault(("number", number), word)
    return spellings


def _distinct(column: pd.Series, spellings: Mapping[Any, str]) -> tuple[Any, list[str]]:
    """Return a code for each value, -1 where there is none, and the distinct values as texts."""
    texts = [_text(value, spellings) for value in column]
    codes, distinct = pd.factorize(np.array([*texts, None], dtype=object)[:-1])
    return codes, [str(word) for word in distinct]


def _text(value: Any, spellings: Mapping[Any, str]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return spellings.get(("bool", bool(value)), str(bool(value)))
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, int | float):
        known = spellings.get(("number", float(value))) if abs(value) < 1e300 else None
        return known if known is not None else repr(value)
    return json.dumps(value, sort_keys=True, default=str)


def _missing(words: Sequence[str]) -> Any:
    """Return which words pandas takes for a missing value where it reads CSV."""
    if not words:
        return np.array([], dtype=bool)
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([word] for word in words)
    read = pd.read_csv(
        io.StringIO(text.getvalue()), header=None, dtype=str, skip_blank_lines=False, names=["word"]
    )
    return read["word"].isna().to_numpy()
