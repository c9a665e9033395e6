"""Plant a flaw in a copy of the product: each finds its place in a tree, not in the text.

Lines, comments and spaces do not matter, nor in which file a function lies. A flaw that does not
find exactly one place raises NoPlace, so that none goes missing when the product moves on.
"""

import ast
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import yaml

_CODE = ("functions", "layers/core", "jobs")
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Node = yaml.ScalarNode | yaml.MappingNode | yaml.SequenceNode
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class NoPlace(LookupError):
    """A flaw finds nothing to change, or more than one thing."""


class Plant(Protocol):
    def __call__(self, root: Path) -> None:
        """Plant the flaw in the copy of the product below `root`. Raises NoPlace."""


class _Edit(ABC):
    @abstractmethod
    def changed(self, root: Path) -> tuple[Path, str]:
        """Return the file that changes and its new text. Raises NoPlace."""

    def __call__(self, root: Path) -> None:
        path, text = self.changed(root)
        path.write_text(text)


# ------------------------------------------------------------ Python


@dataclass(frozen=True)
class Code(_Edit):
    """Replace an expression or statements inside of a module, a class or a function.

    `within` is the end of its dotted name: `flows.training`, `Package.decided_at`. `before` and
    `after` are Python, compared as trees. In `before`, `...` is any expression, any remaining
    arguments of a call, or any body; in `after`, the statement `...` is what was there.
    """

    within: str
    before: str
    after: str = "pass"
    everywhere: bool = False  # it may stand at several places of one file; all are changed

    def changed(self, root: Path) -> tuple[Path, str]:
        pattern = _parsed(self.before)
        found = {
            (path, _span(place)): place
            for path, scope in _scopes(root, self.within)
            for place in _places(scope, pattern)
        }
        paths = {path for path, _ in found}
        if len(found) != 1 and not (self.everywhere and len(paths) == 1):
            now = [] if found else list(_modules_with(root, pattern))
            beside = f"; there are some in {', '.join(now)}" if now else ""
            raise NoPlace(f"{len(found)} places in {self.within} for  {self.before}{beside}")
        (path,) = paths
        text = path.read_text()
        for (_, span), place in sorted(found.items(), key=lambda item: item[0], reverse=True):
            text = _replaced(text, span, place, _parsed(self.after))
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise NoPlace(f"{self.within}: no Python with  {self.after}  there: {error}") from error
        return path, text


def _parsed(text: str) -> list[ast.stmt] | ast.expr:
    statements = ast.parse(textwrap.dedent(text).strip()).body
    if len(statements) == 1 and isinstance(statements[0], ast.Expr) and text.strip() != "...":
        return statements[0].value
    return statements


def _scopes(root: Path, within: str) -> Iterator[tuple[Path, Scope]]:
    """Yield what `within` may mean, each with its file."""
    last = within.rpartition(".")[2]
    for path, name, text in _files(root):
        if path.stem == last or re.search(rf"\b(def|class) {last}\b", text):
            for scope, full in _named(_tree(text), name):
                if f".{full}".endswith(f".{within}"):
                    yield path, scope


def _modules_with(root: Path, pattern: list[ast.stmt] | ast.expr) -> Iterator[str]:
    """Yield the modules that have a place for a pattern, wherever they lie."""
    for _, name, text in _files(root):
        if any(_places(_tree(text), pattern)):
            yield name


def _files(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the product's Python files with their dotted names and texts."""
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            yield path, name, path.read_text()


@lru_cache(maxsize=512)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


def _named(scope: Scope, name: str) -> Iterator[tuple[Scope, str]]:
    yield scope, name
    for node in scope.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _named(node, f"{name}.{node.name}")


def _places(scope: Scope, pattern: list[ast.stmt] | ast.expr) -> Iterator[Sequence[ast.AST]]:
    """Yield each expression alone, or each run of statements, that a pattern fits."""
    left: list[ast.AST] = [scope]
    while left:
        node = left.pop()
        if isinstance(pattern, ast.expr):
            if isinstance(node, ast.expr) and _fits(pattern, node):
                yield [node]
        else:
            for body in _bodies(node):
                for at in range(len(body) - len(pattern) + 1):
                    run = body[at : at + len(pattern)]
                    if all(map(_fits, pattern, run)):
                        yield run
        if not isinstance(node, ast.JoinedStr):  # what lies in it has no place of its own in 3.11
            left += ast.iter_child_nodes(node)


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list):
            yield body


def _fits(pattern: object, node: object) -> bool:
    if isinstance(pattern, ast.expr) and _is_any(pattern):
        return isinstance(node, ast.expr)
    if isinstance(pattern, ast.Call) and pattern.args and _is_any(pattern.args[-1]):
        first = pattern.args[:-1]
        return (
            isinstance(node, ast.Call)
            and _fits(pattern.func, node.func)
            and len(node.args) >= len(first)
            and all(map(_fits, first, node.args))
        )
    if isinstance(pattern, ast.AST):
        return type(pattern) is type(node) and all(
            _fits(value, getattr(node, name, None))
            for name, value in ast.iter_fields(pattern)
            if name not in ("ctx", "kind", "type_comment")
        )
    if isinstance(pattern, list):
        if len(pattern) == 1 and isinstance(pattern[0], ast.Expr) and _is_any(pattern[0].value):
            return isinstance(node, list)
        return (
            isinstance(node, list) and len(pattern) == len(node) and all(map(_fits, pattern, node))
        )
    return type(pattern) is type(node) and pattern == node


def _is_any(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _span(place: Sequence[Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where a place begins and ends, in lines and in bytes of a line."""
    first, last = place[0], place[-1]
    top = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))])
    return (top, first.col_offset), (last.end_lineno, last.end_col_offset)


def _replaced(text: str, span: Any, place: Sequence[ast.AST], change: Any) -> str:
    data = text.encode()
    lines = [0, *(found.end() for found in re.finditer(b"\n", data))]
    start, end = (lines[line - 1] + column for line, column in span)
    if isinstance(change, ast.expr) and isinstance(place[0], ast.expr):
        new = f"({ast.unparse(change)})"
    else:  # a call that is a statement may become another statement
        column = span[0][1]
        statements = [ast.Expr(change)] if isinstance(change, ast.expr) else change
        new = _statements(statements, data[start:end].decode(), column)
    return (data[:start] + new.encode() + data[end:]).decode()


def _statements(change: Any, old: str, column: int) -> str:
    parts = []
    for statement in change:
        if isinstance(statement, ast.Expr) and _is_any(statement.value):
            parts.append(old)
        else:
            parts.append(textwrap.indent(ast.unparse(statement), " " * column).strip())
    return f"\n{' ' * column}".join(parts)


# ------------------------------------------------------------ YAML


@dataclass(frozen=True)
class Entry(_Edit):
    """Set what stands at a path of a YAML document; without a `value`, take it away.

    Steps are parted by slashes: a key, an index, `*` for each, `Key=value` for the elements of a
    list that have it, `this|that` for keys or elements, and `+` for one more at a
    list's end. `value` is YAML.
    """

    file: str
    path: str
    value: str | None = None

    def changed(self, root: Path) -> tuple[Path, str]:
        path = root / self.file
        document = yaml.compose(path.read_text(), Loader=_LOADER)
        *way, last = self.path.split("/")
        holders: list[Node] = [document]
        for step in way:
            holders = [inner for holder in holders for inner in _inner(holder, step)]
        done = [self._set(holder, last) for holder in holders]
        if not any(done):
            raise NoPlace(f"{self.file} has no {self.path}")
        return path, str(yaml.serialize(document, Dumper=_DUMPER, width=1000, allow_unicode=True))

    def _set(self, holder: Node, last: str) -> bool:
        """Change one place; say whether it is there."""
        value = None if self.value is None else yaml.compose(self.value, Loader=_LOADER)
        if isinstance(holder, yaml.MappingNode):
            at = [n for n, (key, _) in enumerate(holder.value) if key.value in last.split("|")]
            if value is None:
                holder.value = [pair for n, pair in enumerate(holder.value) if n not in at]
                return bool(at)
            for n in at:
                holder.value[n] = (holder.value[n][0], value)
            if not at:
                holder.value.append((yaml.compose(last, Loader=_LOADER), value))
            return True
        if not isinstance(holder, yaml.SequenceNode):
            return False
        if last == "+":
            assert value is not None
            holder.value.append(value)
            return True
        found = _inner(holder, last)
        new: list[Node] = []
        for each in holder.value:
            if all(each is not one for one in found):
                new.append(each)
            elif value is not None:
                new.append(value)
        holder.value = new
        return bool(found)


def _inner(holder: Node, step: str) -> list[Node]:
    """Return what a step leads to from here."""
    if isinstance(holder, yaml.MappingNode):
        return [value for key, value in holder.value if step in ("*", key.value)]
    if isinstance(holder, yaml.SequenceNode):
        if step == "*":
            return list(holder.value)
        if step.isdigit():
            return list(holder.value[int(step) : int(step) + 1])
        key, parted, wanted = step.partition("=")
        if parted:
            return [each for each in holder.value if _has(each, key, wanted)]
        return [each for each in holder.value if each.value in step.split("|")]
    return []


def _has(node: Node, key: str, wanted: str) -> bool:
    return any(value.value == wanted for value in _inner(node, key))


# ------------------------------------------------------------ files


@dataclass(frozen=True)
class Appended:
    """Write a text at a file's end."""

    file: str
    text: str

    def __call__(self, root: Path) -> None:
        path = root / self.file
        if not path.is_file():
            raise NoPlace(f"there is no {self.file}")
        path.write_text(path.read_text() + self.text)


@dataclass(frozen=True)
class Added:
    """Add a file."""

    file: str
    content: bytes

    def __call__(self, root: Path) -> None:
        path = root / self.file
        if not path.parent.is_dir():
            raise NoPlace(f"there is no folder for {self.file}")
        path.write_bytes(self.content)


class Together:
    """Several that make one flaw."""

    def __init__(self, *plants: Plant) -> None:
        self._plants = plants

    def __call__(self, root: Path) -> None:
        for plant in self._plants:
            plant(root)
