"""What the command prints as JSON, as docs/contracts.md promises it: key by key."""

import importlib
import pkgutil
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import everloop.views

DOCS = Path(__file__).parents[2] / "docs" / "contracts.md"
# Made of the registry's answer for a Version, and shown nowhere.
_INNER = {"RegisteredVersion"}


def views():
    """Return every view's keys in their order, by its name."""
    found = {}
    for module in pkgutil.iter_modules(everloop.views.__path__):
        of = importlib.import_module(f"everloop.views.{module.name}")
        for name, value in vars(of).items():
            if is_dataclass(value) and value.__module__ == of.__name__ and name not in _INNER:
                assert name not in found, f"two views are called {name}"
                found[name] = [field.name for field in fields(value)]
    return found


def documented():
    text = DOCS.read_text()
    table = text[text.index("| value | keys |") :].partition("\n\n")[0]
    rows = re.findall(r"^\| (\w+) \| `([a-z_ ]+)`", table, re.MULTILINE)
    return {name: keys.split() for name, keys in rows}


def test_every_view_stands_in_the_contracts_with_its_keys():
    assert documented() == views()
