"""Rules about files: none runs when it is read, none tells an auditor to look away."""

import re
from typing import TYPE_CHECKING, Final

from proofs.audit.rules import Found, Rule

if TYPE_CHECKING:
    from proofs.audit.subject import Subject

# Each with one letter in brackets, so that this file silences nobody.
_SILENCING: Final = re.compile(r"#\s*nose[c]|checkov:ski[p]|pragma:\s*allowlis[t]|ignore_check[s]")
_PICKLED: Final = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill")
_PICKLE_HEADS: Final = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


def silenced(subject: "Subject") -> Found:
    """A comment tells an auditor to look away; accepted.toml is the one place, with a reason."""
    for path in subject.files():
        if path.suffix in (".py", ".yaml", ".yml", ".json", ".toml", ".sh", ""):
            name = subject.name(path)
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if found := _SILENCING.search(line):
                    yield name, f"line {number}: {found[0]}"


def pickle_shipped(subject: "Subject") -> Found:
    """A pickle in the repository: what it does when it is read, nobody can review."""
    for path in subject.files():
        with path.open("rb") as opened:
            head = opened.read(2)
        if path.suffix in _PICKLED or head in _PICKLE_HEADS:
            yield subject.name(path), "a pickle"


RULES: Final[tuple[Rule, ...]] = (silenced, pickle_shipped)
