"""A Python file as its syntax tree, with a place for every node that stays when lines move."""

import ast
from collections.abc import Iterator
from pathlib import Path

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """One parsed file. Raises SyntaxError for what is no Python."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._tree = ast.parse(path.read_bytes(), filename=name)
        self._nodes = list(_placed(self._tree, name))
        self._spans = [
            (n.lineno, n.end_lineno or n.lineno, _inside(where, n.name))
            for where, n in self._nodes
            if isinstance(n, _Function | ast.ClassDef)
        ]

    def nodes(self) -> Iterator[tuple[str, ast.AST]]:
        """Yield every node with `file:function` around it, or `file` at the top."""
        yield from self._nodes

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        for where, node in self._nodes:
            if isinstance(node, ast.Call):
                yield where, node

    def outer_functions(self) -> Iterator[_Function]:
        """Yield every function that is in no other function."""
        yield from _outer(self._tree)

    def place(self, line: int) -> str:
        """Return `file:function` around a line."""
        around = [s for s in self._spans if s[0] <= line <= s[1]]
        return min(around, key=lambda s: s[1] - s[0])[2] if around else self.name


def _placed(node: ast.AST, where: str) -> Iterator[tuple[str, ast.AST]]:
    yield where, node
    if isinstance(node, _Function | ast.ClassDef):
        where = _inside(where, node.name)
    for child in ast.iter_child_nodes(node):
        yield from _placed(child, where)


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if ":" in where else f"{where}:{name}"


def _outer(node: ast.AST) -> Iterator[_Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            yield child
        else:
            yield from _outer(child)


def said(node: ast.AST) -> str:
    """Return a dotted name as written; the empty text for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = said(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def called(call: ast.Call) -> str:
    """Return the last part of the called name."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
