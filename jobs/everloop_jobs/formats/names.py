"""The format of a file that no spec declares, such as one of labels: its name says it."""

from .compressed import plain_name
from .format import NAMES, named


def format_of(name: str) -> str:
    """Return the format by a file's name; CSV where the name says nothing."""
    plain = plain_name(name).lower()
    return next((each for each in NAMES if plain.endswith(named(each).endings)), "csv")
