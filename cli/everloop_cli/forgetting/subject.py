"""Whose rows are to go: how their key is written, and what else says who they are."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from everloop_jobs.privacy.masking import Masking, same_number, same_text

_SHORT = 4  # characters of a value that is looked for inside a text
_NAMED = ("key", "__inference__")  # what a row's name is called in files of ours
FORGOTTEN = "forgotten"


@dataclass
class Subject:
    """`column` is the one whose value is the key, `written` how that is written: as it is, or as a
    token. `known` are personal values that were seen in the subject's rows."""

    column: str
    key: str
    numbers: bool  # the column holds numbers, so that 007 is 7
    hidden: Masking
    ours: bool = False  # in files that Everloop wrote, a key has names of its own as well
    written: frozenset[str] = frozenset()
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        token = str(self.hidden.cell(self.column, self.key))
        self.written = frozenset({self._alike(self.key), token})
        self.known |= {self.key.strip(), *({token} if token != self.key else ())}

    def _alike(self, text: str) -> str:
        return same_number(text) if self.numbers else same_text(text)

    def looked_for(self) -> frozenset[str]:
        """Return texts of which a table with the key holds one as it is; none where it need not.

        7000 may be 7e3, and quotes or other alphabets may be written in more ways than one.
        """
        plain = not self.numbers and re.fullmatch(r"[\w@.+ -]*", self.key, re.ASCII)
        return self.written if plain else frozenset()

    def columns(self, header: Iterable[str]) -> list[str]:
        """Return which columns of a table may hold the key."""
        named = [name for name in header if name == self.column]
        return named or [name for name in header if self.ours and name in _NAMED]

    def is_in(self, cell: object) -> bool:
        """Whether a cell is the key, alone or as a part of a name that has several."""
        if cell is None:
            return False
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        text = str(cell)
        if self._alike(text) in self.written:
            return True
        if not text.startswith("["):
            return False
        try:
            parts = json.loads(text)
        except (ValueError, RecursionError):
            return False
        return isinstance(parts, list) and any(self._alike(str(p)) in self.written for p in parts)

    def remember(self, header: Iterable[str], row: Iterable[object]) -> None:
        """Note what a row of the subject's says of them, so that it is found in texts, too."""
        for name, cell in zip(header, row, strict=False):
            if name in self.hidden.columns and cell is not None and str(cell).strip():
                self.known.add(str(cell).strip())

    def blotted(self, text: str) -> str:
        """Return a text without the values that are known of the subject, whole words alone."""
        for value in sorted(self.known, key=len, reverse=True):
            if len(value) >= _SHORT and value in text:
                text = re.sub(rf"(?<![\w.]){re.escape(value)}(?![\w.])", FORGOTTEN, text)
        return text
