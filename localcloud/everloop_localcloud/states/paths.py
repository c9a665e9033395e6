"""JSONPath as Step Functions understands it: reading by paths, writing by reference paths."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from everloop_localcloud.states import filters

_NAME = re.compile(r"[^\s.\[\]()'\",$@?*=<>!&|~{}]+")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(-?\d*)\s*)?")
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""")
_FUNCTIONS = {"length", "min", "max", "sum", "avg", "keys"}


class InvalidPath(Exception):
    """The text is no JSONPath."""


class NoResult(Exception):
    """The path leads nowhere; `where` is the path as far as it was looked for."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


@dataclass(frozen=True)
class Step:
    """One step of a path: kind `names`, `indexes`, `slice`, `all`, `filter` or `function`."""

    kind: str
    value: Any = None
    deep: bool = False


@dataclass(frozen=True)
class Path:
    """A parsed path. `root` is `$` (input), `$$` (context) or the name of a variable."""

    text: str
    root: str
    steps: tuple[Step, ...]

    @property
    def definite(self) -> bool:
        """Whether it names one place, so that the result is the value and no list of values."""
        return all(
            not step.deep
            and (
                step.kind == "function"
                or (step.kind in ("names", "indexes") and len(step.value) == 1)
            )
            for step in self.steps
        )

    @property
    def reference(self) -> bool:
        return self.definite and all(step.kind != "function" for step in self.steps)


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Parse `$.a[0]`, `$$.State.Name` or `$variable.a`. Raises InvalidPath."""
    if not text.startswith("$"):
        raise InvalidPath(text)
    at, root = 1, "$"
    if text.startswith("$$"):
        at, root = 2, "$$"
    elif found := re.match(r"\$([A-Za-z_]\w*)", text):
        at, root = found.end(), found[1]
    steps = []
    while at < len(text):
        step, at = _step(text, at)
        steps.append(step)
    return Path(text, root, tuple(steps))


def _step(text: str, at: int) -> tuple[Step, int]:
    if text.startswith("..", at):
        if text.startswith("[", at + 2):
            step, at = _bracket(text, at + 2)
        else:
            step, at = _named(text, at + 2)
        return Step(step.kind, step.value, deep=True), at
    if text[at] == ".":
        return _named(text, at + 1)
    if text[at] == "[":
        return _bracket(text, at)
    raise InvalidPath(text)


def _named(text: str, at: int) -> tuple[Step, int]:
    if text.startswith("*", at):
        return Step("all"), at + 1
    found = _NAME.match(text, at)
    if found is None:
        raise InvalidPath(text)
    name, end = found[0], found.end()
    if text.startswith("()", end):
        if name not in _FUNCTIONS:
            raise InvalidPath(text)
        return Step("function", name), end + 2
    return Step("names", (name,)), end


def _bracket(text: str, at: int) -> tuple[Step, int]:
    inner = at + 1
    if text.startswith("?(", inner):
        condition, end = filters.parse(text, inner + 2)
        if condition is None or not text.startswith(")]", end):
            raise InvalidPath(text)
        return Step("filter", condition), end + 2
    end = inner
    if quoted := _QUOTED.match(text, inner):
        names = []
        while quoted:
            single = quoted[1] is not None
            names.append(quoted[1].replace("\\'", "'") if single else quoted[2])
            end = quoted.end()
            if not text.startswith(",", end):
                break
            quoted = _QUOTED.match(text, end + 1)
        if not text.startswith("]", end):
            raise InvalidPath(text)
        return Step("names", tuple(names)), end + 1
    end = text.find("]", inner)
    if end < 0:
        raise InvalidPath(text)
    content = text[inner:end].strip()
    if content == "*":
        return Step("all"), end + 1
    if sliced := _SLICE.fullmatch(content):
        bounds = tuple(int(part) if part else None for part in sliced.groups())
        return Step("slice", bounds), end + 1
    try:
        return Step("indexes", tuple(int(part) for part in content.split(","))), end + 1
    except ValueError:
        raise InvalidPath(text) from None


def read(path: Path, root: Any) -> Any:
    """Read what the path names: a value if definite, else the list of all. Raises NoResult."""
    places = [root]
    where = "$"
    for step in path.steps:
        where += _written(step)
        found = [value for place in places for value in _follow(step, place, root)]
        if not found and path.definite:
            raise NoResult(where)
        places = found
    return places[0] if path.definite else places


def _written(step: Step) -> str:
    if step.kind == "names":
        return "[" + ",".join(f"'{name}'" for name in step.value) + "]"
    if step.kind == "indexes":
        return "[" + ",".join(str(index) for index in step.value) + "]"
    return f".{step.value}()" if step.kind == "function" else "[*]"


def _follow(step: Step, place: Any, root: Any) -> Iterator[Any]:
    for here in _descendants(place) if step.deep else (place,):
        yield from _children(step, here, root)


def _children(step: Step, place: Any, root: Any) -> Iterator[Any]:
    if step.kind == "names":
        if isinstance(place, dict):
            yield from (place[name] for name in step.value if name in place)
    elif step.kind == "indexes":
        if isinstance(place, list):
            yield from (place[at] for at in step.value if -len(place) <= at < len(place))
    elif step.kind == "slice":
        if isinstance(place, list):
            yield from place[slice(*step.value)]
    elif step.kind == "all":
        yield from _members(place)
    elif step.kind == "filter":
        candidates = place if isinstance(place, list) else [place]
        yield from (item for item in candidates if step.value(item, root))
    else:
        yield from _applied(step.value, place)


def _members(place: Any) -> list[Any]:
    if isinstance(place, dict):
        return list(place.values())
    return list(place) if isinstance(place, list) else []


def _descendants(place: Any) -> Iterator[Any]:
    yield place
    for member in _members(place):
        yield from _descendants(member)


def _applied(name: str, place: Any) -> list[Any]:
    if name == "keys":
        return [list(place)] if isinstance(place, dict) else []
    if name == "length":
        return [len(place)] if isinstance(place, list | dict | str) else []
    numbers = [
        item
        for item in (place if isinstance(place, list) else [])
        if isinstance(item, int | float) and not isinstance(item, bool)
    ]
    if not numbers:
        return []
    if name == "avg":
        return [sum(numbers) / len(numbers)]
    if name == "sum":
        return [sum(numbers)]
    return [min(numbers) if name == "min" else max(numbers)]


def write(path: Path, root: Any, value: Any) -> Any:
    """Return a copy of `root` with `value` at the reference path; makes the objects on the way.

    Raises NoResult where something that is no object stands in the way.
    """
    if not path.steps:
        return value
    copy = dict(root) if isinstance(root, dict) else list(root) if isinstance(root, list) else root
    place: Any = copy
    where = "$"
    for position, step in enumerate(path.steps):
        key = step.value[0]
        where += _written(step)
        last = position == len(path.steps) - 1
        if step.kind == "names":
            if not isinstance(place, dict):
                raise NoResult(where)
        elif not isinstance(place, list) or not -len(place) <= key < len(place):
            raise NoResult(where)
        if last:
            place[key] = value
        else:
            inside = place.get(key, {}) if isinstance(place, dict) else place[key]
            inside = dict(inside) if isinstance(inside, dict) else inside
            inside = list(inside) if isinstance(inside, list) else inside
            place[key] = inside
            place = inside
    return copy
