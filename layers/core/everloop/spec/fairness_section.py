"""[fairness]: which groups a version must treat alike, by which measures, and how far."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from everloop.spec.fair_measures import RATIO, measures
from everloop.spec.nearest import nearest
from everloop.spec.values import Class, Column, NotNegative, Positive, Section


def _bands(value: dict[str, list[float]]) -> dict[str, list[float]]:
    for name, bounds in value.items():
        if not bounds or any(low >= high for low, high in pairwise(bounds)):
            raise ValueError(f"{name}: give bounds in rising order, e.g. [25, 45, 65]")
    return value


def _once(value: list[str]) -> list[str]:
    twice = sorted({name for name in value if value.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is there twice; name it once")
    return value


def _spelled(value: str) -> str:
    if value.strip() != value or not value:
        raise ValueError(f"{value!r}; give a role's or a user's name, or an ARN, without blanks")
    return value


Name = Annotated[str, Field(max_length=300), AfterValidator(_spelled)]
Columns = Annotated[list[Column], AfterValidator(_once)]


class Fairness(Section):
    groups: Annotated[Columns, Field(min_length=1, max_length=10)]
    reference: dict[Column, Class] = {}
    bands: Annotated[dict[Column, list[float]], AfterValidator(_bands)] = {}
    favourable: list[Class] = []
    bars: dict[str, Positive] = {}
    least_rows: Annotated[int, Field(ge=10)] = 30
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    max_worsening: NotNegative = 0.05
    keep_out: Columns = []
    waive_by: Annotated[list[Name], AfterValidator(_once), Field(max_length=20)] = []


def mistakes(spec: Mapping[str, Any], family: str | None, targets: str) -> list[str]:
    """Say what of [fairness] does not fit the rest.

    `family` is how the problem is measured, and `targets` what it predicts.
    """
    rules = spec["fairness"]
    if rules is None:
        return []
    if family is None:
        return [f"fairness: nothing measures it for {spec['problem']}; remove the section"]
    return [
        *_bars(rules["bars"], family, spec["problem"]),
        *_favourable(rules["favourable"], targets, spec),
        *_columns(rules, spec),
    ]


def _bars(bars: Mapping[str, float], family: str, problem: str) -> list[str]:
    known, found = measures(family), []
    for name, bar in bars.items():
        if name not in known:
            found.append(
                f"fairness.bars.{name} is no measure of {problem}{nearest(name, known)}; it has "
                f"{', '.join(known)}"
            )
        elif known[name] == RATIO and bar > 1:
            found.append(
                f"fairness.bars.{name} is {bar:g}; it is the least ratio of the two shares, so "
                "give at most 1, e.g. 0.8"
            )
    return found


def _favourable(favourable: Sequence[Any], targets: str, spec: Mapping[str, Any]) -> list[str]:
    where, several = "fairness.favourable", targets == "any"
    if targets == "numbers":
        return (
            [f"{where} is for classes; {spec['problem']} has none: remove it"] if favourable else []
        )
    if several:
        if not favourable:
            return [f"{where} is not given; of several classes name those that are favourable"]
        classes = {str(name) for name in spec["data"]["classes"] or []}
        lost = [name for name in favourable if classes and str(name) not in classes]
        return [f"{where} names {lost[0]!r}, which data.classes lacks"] if lost else []
    if len(favourable) > 1:
        return [f"{where} names {len(favourable)} classes; of two one is favourable"]
    known = {"0", "1"} if spec["data"]["positive"] is None else None
    if favourable and known and str(favourable[0]) not in known:
        return [f"{where} is {favourable[0]!r}; the classes are 0 and 1"]
    return []


def _columns(rules: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    data, found = spec["data"], []
    for name in rules["groups"]:
        if name == data["target"]:
            found.append(
                f"fairness.groups names {name!r}, which is the target; name another column"
            )
        if data["columns"] and name not in data["columns"]:
            hint = nearest(name, data["columns"]) or "; add it there"
            found.append(f"fairness.groups is {name!r}, which data.columns lacks{hint}")
    for key in ("reference", "bands", "keep_out"):
        for name in rules[key]:
            if name not in rules["groups"]:
                hint = nearest(name, rules["groups"]) or "; add it there"
                found.append(f"fairness.{key} names {name!r}, which fairness.groups lacks{hint}")
    needed = {"data.key": [data["key"]], "evaluate.slices": spec["evaluate"]["slices"]}
    for name in rules["keep_out"]:
        for where, names in needed.items():
            if name in names:
                found.append(
                    f"fairness.keep_out names {name!r}, which {where} needs; remove it from one"
                )
    return found
