"""How the local cloud is laid out: no circles of imports, and a kernel that knows no service."""

import ast
import importlib
from pathlib import Path

import pytest

import everloop_localcloud
from everloop_localcloud.cloud import SERVICES
from everloop_localcloud.kernel.api import Api

ROOT = Path(everloop_localcloud.__file__).parent
PACKAGE = "everloop_localcloud"
# The composition, the programs that run it, and what tells of it.
AT_THE_ROOT = {"__init__", "__main__", "cloud", "coverage", "options"}


def modules(root: Path) -> dict[str, Path]:
    found = {}
    for path in root.rglob("*.py"):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Return what a module imports, wherever in it: for types alone and inside functions, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return found & known.keys()


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle; [] where there is none."""
    done: set[str] = set()
    for start in graph:
        way: list[tuple[str, list[str]]] = [(start, sorted(graph[start]))]
        while way:
            module, left = way[-1]
            if module in done or not left:
                done.add(module)
                way.pop()
                continue
            following = left.pop()
            names = [name for name, _ in way]
            if following in names:
                return [*names[names.index(following) :], following]
            if following not in done:
                way.append((following, sorted(graph[following])))
    return []


def test_no_modules_import_each_other_in_a_circle():
    known = modules(ROOT)
    assert circle({name: imports(path, known) - {name} for name, path in known.items()}) == []


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
    ],
)
def test_a_circle_is_found(graph, found):
    assert circle(graph) == found


@pytest.mark.parametrize(("room", "may"), [("kernel", {"kernel"}), ("delivery", {"kernel"})])
def test_what_services_stand_on_knows_none_of_them(room, may):
    known = modules(ROOT)
    wrong = {
        name: sorted(
            each for each in imports(path, known) if each.split(".")[1] not in may | {room}
        )
        for name, path in known.items()
        if name.startswith(f"{PACKAGE}.{room}")
    }
    assert {name: each for name, each in wrong.items() if each} == {}


def test_a_handful_of_files_lies_at_the_root():
    assert {path.stem for path in ROOT.glob("*.py")} == AT_THE_ROOT


def test_only_the_composition_knows_the_cloud():
    known = modules(ROOT)
    knowing = {name for name, path in known.items() if f"{PACKAGE}.cloud" in imports(path, known)}
    assert knowing == {f"{PACKAGE}.__main__", f"{PACKAGE}.coverage"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_put_together_from_parts_and_inherits_one_at_most(service):
    module, _, name = SERVICES[service].partition(":")
    ancestors = getattr(importlib.import_module(module), name).__mro__
    assert Api in ancestors[1:3]
