"""Conditions of a pipeline's Condition step, in the spellings of the SDK and of AWS's schema."""

import operator
from collections.abc import Callable
from typing import Any

from everloop_localcloud.sagemaker.resolver import Unresolvable

Json = dict[str, Any]
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def holds(condition: Json, resolve: Callable[[Any], Any]) -> bool:
    """Tell whether a condition holds. Raises Unresolvable for what cannot be compared."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], resolve)
    if kind == "Or":
        return any(holds(each, resolve) for each in condition["Conditions"])
    if kind in ("In", "NotIn"):
        value = resolve(condition.get("QueryValue", condition.get("Value")))
        listed = condition.get("Values") or condition.get("In") or []
        among = [resolve(item) for item in listed]
        found = any(_same(value, item) for item in among)
        return found if kind == "In" else not found
    left, right = _alike(resolve(condition["LeftValue"]), resolve(condition["RightValue"]))
    if kind == "Equals":
        return _same(left, right)
    if kind == "NotEquals":
        return not _same(left, right)
    try:
        return bool(_COMPARE[kind](left, right))
    except KeyError as error:
        raise Unresolvable(f"condition type {kind!r} is not known") from error
    except TypeError as error:
        raise Unresolvable(f"{left!r} and {right!r} cannot be compared by {kind}") from error


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Compare a number and a numeric text as numbers."""
    if isinstance(left, int | float) and isinstance(right, str):
        return left, _number(right)
    if isinstance(right, int | float) and isinstance(left, str):
        return _number(left), right
    return left, right


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _same(left: Any, right: Any) -> bool:
    left, right = _alike(left, right)
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
