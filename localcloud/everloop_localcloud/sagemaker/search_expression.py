"""Search expressions: which records they find, and in which order. Pure."""

import operator
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_VALUELESS = ("Exists", "NotExists")
_MOST_CONDITIONS = 50


class BadExpression(Exception):
    """An expression that cannot be evaluated; the message names the filter and the fix."""


def check(expression: Record, known: Callable[[str], bool]) -> None:
    """Raise BadExpression where an expression is empty or names a property that is not known."""
    conditions = list(_conditions(expression))
    if len(conditions) > _MOST_CONDITIONS:
        raise BadExpression(f"{len(conditions)} conditions are given; at most {_MOST_CONDITIONS}")
    for name, condition in conditions:
        if not known(name):
            raise BadExpression(f"Unknown property name: {name}")
        wanted = condition.get("Operator", "Equals")
        if (wanted in _VALUELESS) == ("Value" in condition):
            needs = "takes no Value" if wanted in _VALUELESS else "needs a Value"
            raise BadExpression(f"filter on {name}: operator {wanted} {needs}")


def _conditions(expression: Record) -> Iterable[tuple[str, Record]]:
    parts = ("Filters", "NestedFilters", "SubExpressions")
    if not any(expression.get(part) for part in parts):
        raise BadExpression(
            "a SearchExpression needs at least one of Filters, NestedFilters and SubExpressions"
        )
    for condition in expression.get("Filters", []):
        yield condition["Name"], condition
    for nested in expression.get("NestedFilters", []):
        for condition in nested["Filters"]:
            prefix = f"{nested['NestedPropertyName']}."
            if not condition["Name"].lower().startswith(prefix.lower()):
                raise BadExpression(f"filter {condition['Name']} is not within {prefix[:-1]}")
            yield condition["Name"], condition
    for inner in expression.get("SubExpressions", []):
        yield from _conditions(inner)


def matches(record: Record, expression: Record) -> bool:
    """Tell whether a record satisfies an expression that `check` has passed."""
    found = [_holds(values(record, each["Name"]), each) for each in expression.get("Filters", [])]
    for nested in expression.get("NestedFilters", []):
        name = nested["NestedPropertyName"]
        cut = len(name) + 1
        found.append(
            any(
                all(_holds(values(item, f["Name"][cut:]), f) for f in nested["Filters"])
                for item in _elements(record, name)
            )
        )
    found += [matches(record, inner) for inner in expression.get("SubExpressions", [])]
    return any(found) if expression.get("Operator") == "Or" else all(found)


def ordered(records: list[Record], name: str, *, descending: bool) -> list[Record]:
    """Return records by a property; those without it come last either way."""
    keyed = [(values(record, name), record) for record in records]
    there = [(_comparable(found[0]), record) for found, record in keyed if found]
    there.sort(key=lambda pair: (str(type(pair[0])), pair[0]), reverse=descending)
    return [record for _, record in there] + [record for found, record in keyed if not found]


def values(record: Any, path: str) -> list[Any]:
    """Return what a dotted path leads to: through every element of lists, in any case of letters.

    Keys may hold dots themselves: the longest key that fits is taken.
    """
    if isinstance(record, list):
        return [value for item in record for value in values(item, path)]
    if not path:
        return [] if record is None else [record]
    if not isinstance(record, dict):
        return []
    lowered = path.lower()
    fitting = [k for k in record if lowered == k.lower() or lowered.startswith(f"{k.lower()}.")]
    if not fitting:
        return []
    key = max(fitting, key=len)
    found = values(record[key], path[len(key) + 1 :])
    return [v for value in found for v in (value if isinstance(value, list) else [value])]


def _elements(record: Record, name: str) -> list[Record]:
    return [item for item in values(record, name) if isinstance(item, dict)]


def _holds(found: list[Any], condition: Record) -> bool:
    wanted = condition.get("Operator", "Equals")
    if wanted == "Exists":
        return bool(found)
    if wanted == "NotExists":
        return not found
    value = condition["Value"]
    if wanted == "NotEquals":
        return not any(_equal(each, value) for each in found)
    if wanted == "Equals":
        return any(_equal(each, value) for each in found)
    if wanted == "In":
        return any(_equal(each, one.strip()) for each in found for one in value.split(","))
    if wanted == "Contains":
        return any(isinstance(each, str) and value in each for each in found)
    return any(_in_order(each, wanted, condition) for each in found)


def _equal(mine: Any, given: str) -> bool:
    try:
        return bool(_comparable(mine) == _as(mine, given))
    except ValueError:
        return False


def _in_order(mine: Any, wanted: str, condition: Record) -> bool:
    given = condition["Value"]
    if isinstance(mine, dict):
        raise BadExpression(f"filter on {condition['Name']}: name one of its own properties")
    if isinstance(mine, str):
        try:
            mine = float(mine)  # hyperparameters are numbers in text
        except ValueError as error:
            raise BadExpression(
                f"filter on {condition['Name']}: {wanted} is not supported for text properties"
            ) from error
    try:
        return _ORDERS[wanted](_comparable(mine), _as(mine, given))
    except ValueError as error:
        kind = "an ISO 8601 time" if isinstance(mine, datetime) else "a number"
        raise BadExpression(
            f"filter on {condition['Name']}: Value {given!r} is not {kind}"
        ) from error


def _comparable(mine: Any) -> Any:
    if isinstance(mine, bool):
        return str(mine).lower()
    if isinstance(mine, dict):
        return str(mine)
    return float(mine) if isinstance(mine, int) else mine


def _as(mine: Any, given: str) -> Any:
    """Return a filter's text as the type of the property. Raises ValueError where it is none."""
    if isinstance(mine, bool):
        return given.lower()
    if isinstance(mine, int | float):
        return float(given)
    if isinstance(mine, datetime):
        moment = datetime.fromisoformat(given)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return given
