"""DynamoDB's condition and update expressions, as far as a ledger needs them.

Items are in wire form: {"S": …}, {"N": …}. What is not known here raises Unsupported: a history
must never go on with an expression that was read wrongly.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+-]|[#:]?\w+)")


class Unsupported(Exception):
    """An expression that the simulator does not read."""


@lru_cache(maxsize=512)
def _tokens(text: str) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unsupported(text)
        found.append(match[1])
        at = match.end()
    return tuple(found)


class _Reader:
    def __init__(self, text: str, item: Item | None, request: Mapping[str, Any]) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._item = item or {}
        self._names = request.get("ExpressionAttributeNames") or {}
        self._values = request.get("ExpressionAttributeValues") or {}

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise Unsupported(f"{token!r} where {wanted} belongs in {self._text!r}")
        self._at += 1
        return token

    def name(self) -> str:
        token = self.take()
        if token.startswith("#"):
            return str(self._names[token])
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise Unsupported(f"{token!r} is no attribute in {self._text!r}")
        return token

    def operand(self) -> Any:
        if self.peek().startswith(":"):
            return self._values[self.take()]
        if self.peek() == "if_not_exists":
            self.take()
            self.take("(")
            found = self._item.get(self.name())
            self.take(",")
            other = self.operand()
            self.take(")")
            return other if found is None else found
        return self._item.get(self.name())

    # conditions

    def either(self) -> bool:
        holds = self.both()
        while self.peek() == "OR":
            self.take()
            holds = self.both() or holds
        return holds

    def both(self) -> bool:
        holds = self.one()
        while self.peek() == "AND":
            self.take()
            holds = self.one() and holds
        return holds

    def one(self) -> bool:
        token = self.peek()
        if token == "NOT":
            self.take()
            return not self.one()
        if token == "(":
            self.take()
            holds = self.either()
            self.take(")")
            return holds
        if token in ("attribute_exists", "attribute_not_exists"):
            self.take()
            self.take("(")
            there = self.name() in self._item
            self.take(")")
            return there == (token == "attribute_exists")
        if token == "begins_with":
            self.take()
            self.take("(")
            value = self.operand()
            self.take(",")
            prefix = self.operand()
            self.take(")")
            return value is not None and str(value["S"]).startswith(prefix["S"])
        left = self.operand()
        sign = self.take("=", "<>", "<", "<=", ">", ">=")
        return _compare(left, sign, self.operand())

    # updates

    def changes(self) -> Iterator[tuple[str, str, Any]]:
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
                    yield clause, name, None
                if self.peek() != ",":
                    break
                self.take()

    def _sum(self) -> Any:
        value = self.operand()
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            value = _number(_plain(value) + sign * _plain(self.operand()))
        return value


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
    return bool(
        {
            "=": lambda: one == other,
            "<>": lambda: one != other,
            "<": lambda: one < other,
            "<=": lambda: one <= other,
            ">": lambda: one > other,
            ">=": lambda: one >= other,
        }[sign]()
    )


def holds(expression: str, item: Item | None, request: Mapping[str, Any]) -> bool:
    """Tell whether a condition holds for an item; None is one that is not there."""
    if not expression:
        return True
    reader = _Reader(expression, item, request)
    found = reader.either()
    if reader.peek():
        raise Unsupported(f"{reader.peek()!r} is left over in {expression!r}")
    return found


def updated(item: Item, request: Mapping[str, Any]) -> Item:
    """Return the item after the request's update; every value is read before any is written."""
    result = dict(item)
    for clause, name, value in _Reader(request["UpdateExpression"], item, request).changes():
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
