"""Rules of our own, for what the tools do not see: plain functions that return places and texts.

A rule's name is its function's name; its docstring says what is wrong with what it finds.
"""

from collections.abc import Callable, Iterable
from typing import Any

Found = Iterable[tuple[str, str]]  # where, what
Rule = Callable[[Any], Found]


def name_of(rule: Rule) -> str:
    return rule.__name__.replace("_", "-")
