"""The space that a tuning job searches: parameters with their ranges and scales, as numbers."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.errors import validation

Record = dict[str, Any]
Values = dict[str, str]  # what a training job gets: parameters by name, as text
# AWS leaves Auto to its algorithm; here a range that spans this factor is searched by magnitude.
_AUTO_LOGARITHMIC = 1000.0


@dataclass(frozen=True)
class Number:
    """An integer or continuous parameter; shares run from 0 to 1 along its scale."""

    name: str
    low: float
    high: float
    integer: bool
    scale: str
    width = 1

    def value(self, shares: list[float]) -> str:
        low, high = self._scaled(self.low), self._scaled(self.high)
        found = self._unscaled(low + shares[0] * (high - low))
        found = min(max(found, self.low), self.high)
        return str(round(found)) if self.integer else repr(float(found))

    def holds(self, value: str) -> bool:
        try:
            return self.low <= float(value) <= self.high
        except ValueError:
            return False

    def shares(self, value: str) -> list[float]:
        low, high = self._scaled(self.low), self._scaled(self.high)
        return [(self._scaled(float(value)) - low) / (high - low) if high > low else 0.0]

    def _scaled(self, value: float) -> float:
        if self.scale == "Logarithmic":
            return math.log(value)
        return -math.log1p(-value) if self.scale == "ReverseLogarithmic" else value

    def _unscaled(self, value: float) -> float:
        if self.scale == "Logarithmic":
            return math.exp(value)
        return -math.expm1(-value) if self.scale == "ReverseLogarithmic" else value


@dataclass(frozen=True)
class Choice:
    """A categorical parameter; one share per value, the largest is the choice."""

    name: str
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.values)

    def value(self, shares: list[float]) -> str:
        return self.values[shares.index(max(shares))]

    def holds(self, value: str) -> bool:
        return value in self.values

    def shares(self, value: str) -> list[float]:
        return [float(value == each) for each in self.values]


@dataclass(frozen=True)
class Space:
    """All parameters of one training job definition."""

    parameters: tuple[Number | Choice, ...]

    @property
    def width(self) -> int:
        return sum(parameter.width for parameter in self.parameters)

    def values(self, point: list[float]) -> Values:
        """Return the values at a point: one share per number, one per value of a choice."""
        found, at = {}, 0
        for parameter in self.parameters:
            found[parameter.name] = parameter.value(point[at : at + parameter.width])
            at += parameter.width
        return found

    def holds(self, values: Values) -> bool:
        return all(each.holds(values[each.name]) for each in self.parameters)

    def point(self, values: Values) -> list[float]:
        return [share for each in self.parameters for share in each.shares(values[each.name])]

    def grid(self) -> Iterator[Values]:
        """Yield every combination; only choices have any."""
        choices = [each for each in self.parameters if isinstance(each, Choice)]
        for combination in itertools.product(*(choice.values for choice in choices)):
            yield {c.name: value for c, value in zip(choices, combination, strict=True)}


def read_space(ranges: Record) -> Space:
    """Read ParameterRanges. Raises AwsError ValidationException naming the parameter."""
    if ranges.get("AutoParameters"):
        raise validation("the local cloud does not take AutoParameters: give their ranges")
    found: list[Number | Choice] = []
    for kind in ("Integer", "Continuous"):
        for given in ranges.get(f"{kind}ParameterRanges", []):
            found.append(_number(given, integer=kind == "Integer"))
    for given in ranges.get("CategoricalParameterRanges", []):
        found.append(Choice(given["Name"], tuple(given["Values"])))
    names = [parameter.name for parameter in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise validation(f"Hyperparameter {twice[0]} has more than one range")
    if not found:
        raise validation("ParameterRanges must have at least one parameter to tune")
    return Space(tuple(found))


def _number(given: Record, *, integer: bool) -> Number:
    name = given["Name"]
    low, high = (_read(name, member, given[member], integer) for member in ("MinValue", "MaxValue"))
    if low > high:
        raise validation(f"Hyperparameter {name}: MinValue {low:g} is above MaxValue {high:g}")
    scale = given.get("ScalingType", "Auto")
    if scale == "Auto":
        wide = low > 0 and high / low >= _AUTO_LOGARITHMIC
        scale = "Logarithmic" if wide else "Linear"
    if scale == "Logarithmic" and low <= 0:
        raise validation(
            f"Hyperparameter {name}: logarithmic scaling needs a MinValue above 0, not {low:g}"
        )
    if scale == "ReverseLogarithmic" and (integer or low < 0 or high >= 1):
        raise validation(
            f"Hyperparameter {name}: reverse logarithmic scaling is for continuous ranges"
            " within 0 <= value < 1"
        )
    return Number(name, low, high, integer, scale)


def _read(name: str, member: str, text: str, integer: bool) -> float:
    try:
        value = float(int(text)) if integer else float(text)
    except ValueError as error:
        kind = "integer" if integer else "number"
        raise validation(f"Hyperparameter {name}: {member} {text!r} is no {kind}") from error
    if not math.isfinite(value):
        raise validation(f"Hyperparameter {name}: {member} {text!r} is not finite")
    return value
