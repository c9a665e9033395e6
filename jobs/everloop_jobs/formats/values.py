"""Values that matter: numbers where the spec says so, and targets. What is none is counted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .dialect import MISSING, Dialect
from .expected import Expected
from .header import clipped

HIDDEN = "another value (hidden, as [privacy] says)"
_RULES = {"zero-one": "targets are 0 or 1", "numbers": "targets are numbers"}


class Values:
    """The values of the columns whose values matter."""

    def __init__(self, head: Sequence[str], expected: Expected) -> None:
        self._expected = expected
        at = {name: head.index(name) for name in expected.required}
        self._numbers = [
            (name, at[name]) for name, kind in expected.columns.items() if kind == "number"
        ]
        self._target = at[expected.target] if expected.target is not None else -1
        dialect = expected.dialect
        self._plain = dialect.plain if dialect.thousands or dialect.decimal != "." else str
        self._words: dict[str, Wrong] = {}
        self._lacking = Wrong()
        self._classes = Wrong()

    def add(self, row: list[str], number: int) -> None:
        value_of = self._value
        for name, at in self._numbers:
            if value_of(row[at]) is None:
                self._words.setdefault(name, Wrong()).add(number, row[at])
        if self._target >= 0:
            text = row[self._target]
            if self._expected.targets == "free":
                return
            if text in MISSING:
                self._lacking.add(number, text)
                return
            if self._expected.targets == "any":
                return
            value = self._value(text)
            if value is None or (self._expected.targets == "zero-one" and value not in (0, 1)):
                self._classes.add(number, text)

    def _value(self, text: str) -> float | None:
        """Return the number that pandas reads, NaN where one is missing, None where it is none."""
        plain = self._plain(text)
        try:
            value = float(plain)
        except ValueError:
            return math.nan if text in MISSING else None
        if value - value == 0:  # finite
            return None if "_" in plain or not plain.isascii() else value
        return math.nan if text in MISSING else None

    def bad(self) -> list[str]:
        hidden = self._expected.hidden
        return [
            f"column {name!r} holds {wrong.hidden if name in hidden else wrong.first}; "
            f"{self._belongs(wrong.text)}"
            for name, wrong in self._words.items()
        ]

    def doubts(self) -> list[str]:
        target, doubts = self._expected.target, []
        if self._classes.count and target not in self._words:
            rule = _RULES[self._expected.targets]
            hint = _hint(self._classes.text, self._expected.dialect)
            doubts.append(f"the target {target!r} is {self._classes.first}; {hint or rule}")
        if self._lacking.count:
            doubts.append(
                f"the target {target!r} is missing in row {self._lacking.row}{self._lacking.more}; "
                "drop rows with their targets, or leave the others out in preprocess.py"
            )
        return doubts

    def _belongs(self, text: str) -> str:
        return _hint(text, self._expected.dialect) or "numbers belong there"


def more(count: int) -> str:
    return f" (and {count - 1} more row{'s' if count > 2 else ''})" if count > 1 else ""


@dataclass
class Wrong:
    """The first value that is wrong in a column, and how many are."""

    row: int = 0
    text: str = ""
    count: int = 0

    def add(self, row: int, text: str) -> None:
        if not self.count:
            self.row, self.text = row, text
        self.count += 1

    @property
    def more(self) -> str:
        return more(self.count)

    @property
    def hidden(self) -> str:
        return f"{HIDDEN} in row {self.row}{self.more}"

    @property
    def first(self) -> str:
        return f"{clipped(self.text)} in row {self.row}{self.more}"


def _hint(text: str, dialect: Dialect) -> str:
    """Return what to do about a value that is no number here and may be one elsewhere."""
    plain = text.strip()
    try:
        if not math.isfinite(float(plain)):
            return "finite numbers belong there"
    except ValueError:
        pass
    digits = plain.lstrip("+-")
    if dialect.decimal == "." and digits.replace(",", "", 1).isdecimal() and "," in digits:
        whole, _, rest = digits.partition(",")
        if len(rest) == 3 and len(whole) <= 3 and dialect.thousands is None:
            return (
                "numbers belong there; for a comma between thousands, declare [data.dialect] "
                'thousands = ",", for a decimal comma decimal = ","'
            )
        return 'numbers belong there; for a decimal comma, declare [data.dialect] decimal = ","'
    if dialect.decimal == "," and digits.replace(".", "", 1).isdecimal():
        return "numbers belong there, with the decimal comma that [data.dialect] declares"
    for mark in (",", ".", "'", " "):
        groups = digits.replace(".", mark, 1).split(mark) if mark == "," else digits.split(mark)
        if len(groups) > 1 and all(each.isdecimal() for each in groups) and mark != dialect.decimal:
            return (
                f"numbers belong there; where {mark!r} stands between thousands, declare "
                f'[data.dialect] thousands = "{mark}"'
            )
    return ""
