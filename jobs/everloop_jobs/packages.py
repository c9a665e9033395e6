"""The Python packages of the container that evaluates a model, with their licences: packages.json.

They are read from what is installed, and so are those that the model's requirements.txt brought.
"""

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

NAME = "packages.json"
_LONGEST = 200  # some packages have their licence's whole text where its name belongs
_CLASSIFIER = "License :: "


def found(code: Path) -> dict[str, Any]:
    """Return what is installed here, and beside the code for the model alone."""
    own = code.with_name(f"{code.name}-packages")
    there = {each["name"].lower(): {**each, "own": False} for each in _all(distributions())}
    if own.is_dir():
        for each in _all(distributions(path=[str(own)])):
            there[each["name"].lower()] = {**each, "own": True}
    return {
        "version": 1,
        "python": platform.python_version(),
        "packages": [there[name] for name in sorted(there)],
    }


def _all(installed: Iterable[Distribution]) -> Iterator[dict[str, Any]]:
    for each in installed:
        name = each.metadata["Name"]
        if name:  # a folder that pip left behind half removed has none
            yield {"name": name, "version": each.version, "licence": _licence(each)}


def _licence(installed: Distribution) -> str:
    """Return a licence as the package says it; empty where it says none."""
    told = installed.metadata
    named = [each.strip() for each in told.get_all("Classifier") or ()]
    classified = [
        each.removeprefix(_CLASSIFIER).removeprefix("OSI Approved :: ")
        for each in named
        if each.startswith(_CLASSIFIER) and each != f"{_CLASSIFIER}OSI Approved"
    ]
    plain = (told["License"] or "").strip()
    short = plain if "\n" not in plain and len(plain) <= _LONGEST else ""
    return told["License-Expression"] or short or ", ".join(classified)
