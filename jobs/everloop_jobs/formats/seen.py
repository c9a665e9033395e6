"""What was seen of a dropped file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Type(NamedTuple):
    """The type of a column as a file itself says it: CSV says none."""

    kind: str = ""  # number, text, boolean, time, record, list, bytes; empty: not known, or mixed
    written: str = ""  # as the format calls it, for people


UNKNOWN = Type()


@dataclass
class FileCheck:
    """What a file turned out to be."""

    rows: int | None = None  # unknown where they were not read
    empty: str = ""  # why it holds no data
    bad: list[str] = field(default_factory=list)  # why it cannot be used
    # Targets that no model trains on, unless preprocess.py makes others of them or leaves them out.
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # worth saying, and no reason to refuse
    # In the file's order; only where the file was read.
    columns: Mapping[str, Type] = field(default_factory=dict)

    def named(self, name: str) -> "FileCheck":
        """Put the file's name in front of every sentence."""
        self.bad = [f"{name}: {each}" for each in self.bad]
        self.doubts = [f"{name}: {each}" for each in self.doubts]
        self.notes = [f"{name}: {each}" for each in self.notes]
        self.empty = f"{name}: {self.empty}" if self.empty else ""
        return self
