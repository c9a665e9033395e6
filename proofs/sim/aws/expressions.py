"""DynamoDB's condition and update expressions, as far as a ledger needs them.

Items are in wire form: {"S": …}, {"N": …}. What is not known here raises Unsupported: a history
must never go on with an expression that was read wrongly.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
_SIGNS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+-]|[#:]?\w+)")


class Unsupported(Exception):
    """An expression that the simulator does not read."""


def _tokens(text: str) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unsupported(text)
        found.append(match[1])
        at = match.end()
    return tuple(found)


# What an expression says, given an item and the request that came with it.
_Value = Callable[[Item, Mapping[str, Any]], Any]


class _Reader:
    """Reads an expression once; what comes out is asked for each item."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise Unsupported(f"{token!r} where {wanted} belongs in {self._text!r}")
        self._at += 1
        return token

    def name(self) -> Callable[[Mapping[str, Any]], str]:
        token = self.take()
        if token.startswith("#"):
            return lambda request: str(request["ExpressionAttributeNames"][token])
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise Unsupported(f"{token!r} is no attribute in {self._text!r}")
        return lambda request: token

    def operand(self) -> _Value:
        if self.peek().startswith(":"):
            token = self.take()
            return lambda item, request: request["ExpressionAttributeValues"][token]
        if self.peek() == "if_not_exists":
            self.take()
            self.take("(")
            name = self.name()
            self.take(",")
            other = self.operand()
            self.take(")")

            def first(item: Item, request: Mapping[str, Any]) -> Any:
                found = item.get(name(request))
                return other(item, request) if found is None else found

            return first
        name = self.name()
        return lambda item, request: item.get(name(request))

    # conditions

    def either(self) -> _Value:
        parts = [self.both()]
        while self.peek() == "OR":
            self.take()
            parts.append(self.both())
        if len(parts) == 1:
            return parts[0]
        return lambda item, request: any(part(item, request) for part in parts)

    def both(self) -> _Value:
        parts = [self.one()]
        while self.peek() == "AND":
            self.take()
            parts.append(self.one())
        if len(parts) == 1:
            return parts[0]
        return lambda item, request: all(part(item, request) for part in parts)

    def one(self) -> _Value:
        token = self.peek()
        if token == "NOT":
            self.take()
            denied = self.one()
            return lambda item, request: not denied(item, request)
        if token == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        if token in ("attribute_exists", "attribute_not_exists"):
            self.take()
            self.take("(")
            name = self.name()
            self.take(")")
            wanted = token == "attribute_exists"
            return lambda item, request: (name(request) in item) == wanted
        if token == "begins_with":
            self.take()
            self.take("(")
            value = self.operand()
            self.take(",")
            prefix = self.operand()
            self.take(")")
            return lambda item, request: _begins(value(item, request), prefix(item, request))
        left = self.operand()
        sign = self.take("=", "<>", "<", "<=", ">", ">=")
        right = self.operand()
        return lambda item, request: _compare(left(item, request), sign, right(item, request))

    # updates

    def changes(self) -> Iterator[tuple[str, Callable[[Mapping[str, Any]], str], _Value]]:
        """Yield each change: its clause, the attribute and the new value."""
        while self.peek():
            clause = self.take("SET", "REMOVE", "ADD")
            while True:
                name = self.name()
                if clause == "SET":
                    self.take("=")
                    yield clause, name, self._sum()
                elif clause == "ADD":
                    yield clause, name, self.operand()
                else:
                    yield clause, name, lambda item, request: None
                if self.peek() != ",":
                    break
                self.take()

    def _sum(self) -> _Value:
        value = self.operand()
        while self.peek() in ("+", "-"):
            value = _added(value, 1 if self.take() == "+" else -1, self.operand())
        return value


def _added(left: _Value, sign: int, right: _Value) -> _Value:
    return lambda item, request: _number(
        _plain(left(item, request)) + sign * _plain(right(item, request))
    )


def _begins(value: Any, prefix: Any) -> bool:
    return value is not None and str(value["S"]).startswith(prefix["S"])


def _plain(value: Any) -> Decimal:
    return Decimal(value["N"])


def _number(value: Decimal) -> Item:
    return {"N": str(value)}


def _compare(left: Any, sign: str, right: Any) -> bool:
    if left is None or right is None:
        return sign == "<>"
    (kind, one), (other_kind, other) = next(iter(left.items())), next(iter(right.items()))
    if kind != other_kind:
        return sign == "<>"
    if kind == "N":
        one, other = Decimal(one), Decimal(other)
    return bool(_SIGNS[sign](one, other))


@lru_cache(maxsize=512)
def _condition(expression: str) -> _Value:
    reader = _Reader(expression)
    found = reader.either()
    if reader.peek():
        raise Unsupported(f"{reader.peek()!r} is left over in {expression!r}")
    return found


@lru_cache(maxsize=512)
def _changes(expression: str) -> tuple[tuple[str, Callable[[Mapping[str, Any]], str], _Value], ...]:
    return tuple(_Reader(expression).changes())


def holds(expression: str, item: Item | None, request: Mapping[str, Any]) -> bool:
    """Tell whether a condition holds for an item; None is one that is not there."""
    if not expression:
        return True
    return bool(_condition(expression)(item or {}, request))


def updated(item: Item, request: Mapping[str, Any]) -> Item:
    """Return the item after the request's update; every value is read before any is written."""
    result = dict(item)
    for clause, named, given in _changes(request["UpdateExpression"]):
        name, value = named(request), given(item, request)
        if clause == "REMOVE":
            result.pop(name, None)
        elif clause == "ADD":
            before = _plain(item[name]) if name in item else Decimal(0)
            result[name] = _number(before + _plain(value))
        elif value is None:
            raise Unsupported(f"{name} is set to an attribute that is not there")
        else:
            result[name] = value
    return result
