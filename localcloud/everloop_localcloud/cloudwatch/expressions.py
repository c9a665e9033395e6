"""Metric math: arithmetic, comparisons, and the functions SUM, AVG, MIN, MAX, FILL, IF, ABS, CEIL,
FLOOR; over series of numbers by time.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from everloop_localcloud.cloudwatch.data import invalid

Series = dict[int, float]
Value = Series | float | list[Any]

_BINARY: dict[type[Any], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[Any], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_OVER: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
    "MIN": min,
    "MAX": max,
}


def parsed(expression: str) -> ast.expr:
    """Parse an expression. Raises AwsError naming what this cloud does not compute."""
    text = expression.replace("^", "**")
    text = re.sub(r"\bAND\b|&&", " and ", text)
    text = re.sub(r"\bOR\b|\|\|", " or ", text)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise invalid(f"Error in expression {expression!r}: {error.msg}.") from error
    for node in ast.walk(tree):
        _check(node, expression)
    return tree


def names(tree: ast.expr) -> set[str]:
    """Return the ids that an expression reads."""
    called = {node.func.id for node in ast.walk(tree) if _is_call(node)}  # type: ignore[attr-defined]
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _check(node: ast.AST, expression: str) -> None:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else "?"
        if name not in (*_EACH, *_OVER, "FILL", "IF", "METRICS"):
            raise invalid(f"Error in expression {expression!r}: no function {name} here.")
    elif isinstance(node, ast.Constant):
        if not isinstance(node.value, int | float | str):
            raise invalid(f"Error in expression {expression!r}: {node.value!r}.")
    elif not isinstance(
        node,
        ast.expr_context
        | ast.operator
        | ast.cmpop
        | ast.unaryop
        | ast.boolop
        | ast.BinOp
        | ast.UnaryOp
        | ast.BoolOp
        | ast.Compare
        | ast.Name
        | ast.List,
    ):
        raise invalid(f"Error in expression {expression!r}: {type(node).__name__} is no math.")


def evaluate(tree: ast.expr, known: Mapping[str, Series], times: list[int]) -> Value:
    """Compute an expression; `times` are the periods asked for, which FILL needs."""

    def compute(node: ast.expr) -> Value:
        if isinstance(node, ast.Constant):
            return float(node.value) if isinstance(node.value, int | float) else [node.value]
        if isinstance(node, ast.Name):
            if node.id not in known:
                raise invalid(f"The expression reads {node.id}, which no query has as its Id.")
            return known[node.id]
        if isinstance(node, ast.List):
            return [compute(item) for item in node.elts]
        if isinstance(node, ast.UnaryOp):
            value = compute(node.operand)
            return _pairwise(operator.mul, value, -1.0 if isinstance(node.op, ast.USub) else 1.0)
        if isinstance(node, ast.BinOp):
            left, right = compute(node.left), compute(node.right)
            if isinstance(node.op, ast.Div):
                return _pairwise(_divide, left, right)
            return _pairwise(_BINARY[type(node.op)], left, right)
        if isinstance(node, ast.BoolOp):
            both = isinstance(node.op, ast.And)
            result = compute(node.values[0])
            for item in node.values[1:]:
                joined = (lambda a, b: float(bool(a) and bool(b))) if both else _either
                result = _pairwise(joined, result, compute(item))
            return result
        if isinstance(node, ast.Compare):
            compare = _COMPARE[type(node.ops[0])]
            return _pairwise(
                lambda a, b: float(compare(a, b)), compute(node.left), compute(node.comparators[0])
            )
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return _call(node.func.id, [compute(item) for item in node.args], known, times)

    return compute(tree)


def _either(a: float, b: float) -> float:
    return float(bool(a) or bool(b))


def _divide(a: float, b: float) -> float:
    return a / b if b else math.nan


def _call(name: str, given: list[Value], known: Mapping[str, Series], times: list[int]) -> Value:
    if name == "METRICS":
        return list(known.values())
    if name in _EACH:
        return _pairwise(lambda a, _: _EACH[name](a), given[0], 0.0)
    if name == "FILL":
        series, filling = given[0], given[1]
        if not isinstance(series, dict):
            raise invalid("FILL wants a metric first.")
        if isinstance(filling, list):
            raise invalid("FILL takes a number or a metric here, not REPEAT or LINEAR.")
        return {
            at: series.get(at, filling.get(at, 0.0) if isinstance(filling, dict) else filling)
            for at in times
        }
    if name == "IF":
        condition, yes = given[0], given[1]
        no: Value = given[2] if len(given) > 2 else {}
        if isinstance(condition, dict):
            chosen = {at: (yes if value else no) for at, value in condition.items()}
            return {
                at: one[at] if isinstance(one, dict) else float(one)  # type: ignore[arg-type]
                for at, one in chosen.items()
                if not isinstance(one, dict) or at in one
            }
        return yes if condition else no
    over = _OVER[name]
    if isinstance(given[0], list):
        series_list = [one for one in given[0] if isinstance(one, dict)]
        moments = sorted({at for one in series_list for at in one})
        return {at: over([one[at] for one in series_list if at in one]) for at in moments}
    if isinstance(given[0], dict):
        return over(list(given[0].values())) if given[0] else {}
    return given[0]


def _pairwise(act: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, list) or isinstance(right, list):
        raise invalid("Arithmetic on a list of metrics is not computed here; use SUM and the like.")
    if isinstance(left, dict) and isinstance(right, dict):
        found = {at: act(left[at], right[at]) for at in left if at in right}
    elif isinstance(left, dict):
        assert not isinstance(right, dict)
        found = {at: act(value, right) for at, value in left.items()}
    elif isinstance(right, dict):
        found = {at: act(left, value) for at, value in right.items()}
    else:
        return act(left, right)
    return {at: value for at, value in found.items() if not math.isnan(value)}
