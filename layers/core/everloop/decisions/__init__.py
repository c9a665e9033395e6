"""What is decided, as pure functions: facts and the time in, a decision with its reason out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Decision:
    """Go or not, why (for a person, with the numbers), and the facts it rests on."""

    go: bool
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)
