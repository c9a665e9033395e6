"""The models of the repository: each folder below models/ with a model.toml, and data to try it on.

A folder brings its own data as CSV files in `.sample/`, written as its drops are. Bundles leave
hidden files out, so they are never pushed. The models that come with Everloop take theirs from a
package.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from everloop_cli import cards, digits, flights, tumours, weather
from tools import late_flights, mortgages

MODELS = Path(__file__).parents[1] / "models"
LEAST_ROWS = 3000  # of a packaged month that is thinned until it trains in a second or two
# The sample is one file: its first month.
_PACKAGED: dict[str, Callable[[], Iterable[tuple[str, bytes]]]] = {
    "air-time": flights.air_times,
    "card-fraud": cards.drops,
    "flight-delays": flights.months,
    "handwritten-digits": digits.drops,
    "late-flights": late_flights.drops,
    "mortgage-approvals": mortgages.drops,
    "sky-temperature": weather.months,
    "tumour-diagnosis": tumours.drops,
}


@dataclass(frozen=True)
class ModelFolder:
    """A folder below models/, and whether its data comes from a package."""

    path: Path
    packaged: bool

    @property
    def name(self) -> str:
        return self.path.name

    def drop(self) -> Iterator[tuple[str, bytes]]:
        """Yield (file name, content) of the data to try it on; nothing where it has none."""
        if self.packaged:
            name, data = next(iter(_PACKAGED[self.name]()))
            yield name, thinned(data, LEAST_ROWS)
            return
        for path in sorted((self.path / ".sample").glob("[!.]*")):
            yield path.name, path.read_bytes()


def tried() -> list[Any]:
    """Return every model below models/ as a parameter of a test.

    Of those that come with Everloop one is tried each time: the others are among the long stories.
    """
    return [
        pytest.param(folder, id=folder.name, marks=marks_of(folder.name)) for folder in discovered()
    ]


def marks_of(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.long] if name in _PACKAGED and name != "flight-delays" else []


def thinned(data: bytes, rows: int) -> bytes:
    """Keep the header and every so many lines, about as many as `rows`."""
    head, *lines = data.splitlines(keepends=True)
    return b"".join([head, *lines[:: max(1, len(lines) // rows)]])


def discovered(models: Path = MODELS) -> list[ModelFolder]:
    """Return every model below `models`, by name."""
    return [
        ModelFolder(path.parent, models == MODELS and path.parent.name in _PACKAGED)
        for path in sorted(models.glob("*/model.toml"))
    ]
