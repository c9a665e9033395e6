"""Sections that only some problems have: what a forecast is of, and what is ranked for whom."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from everloop.spec import metrics
from everloop.spec.nearest import nearest
from everloop.spec.values import Column, Section

_STEP = re.compile(r"([1-9]\d{0,3} )?(second|minute|hour|day|week|month|quarter|year)s?")


def _step(value: str) -> str:
    if not _STEP.fullmatch(value):
        raise ValueError(
            "give second, minute, hour, day, week, month, quarter or year, or several: '15 minutes'"
        )
    return value


def _once(value: list[str]) -> list[str]:
    if twice := sorted({name for name in value if value.count(name) > 1}):
        raise ValueError(f"{twice[0]!r} is there twice; name each column once")
    return value


Columns = Annotated[list[Column], AfterValidator(_once)]


class Forecast(Section):
    """Series that go on: which, how far ahead, and what is known of the time to come."""

    series: Annotated[Columns, Field(min_length=1)]
    horizon: Annotated[int, Field(ge=1, le=10_000)]
    frequency: Annotated[str, AfterValidator(_step)] | None = None
    season: Annotated[int, Field(ge=1, le=10_000)] | None = None
    known_ahead: Columns = []


class Rank(Section):
    """Which rows are ranked against each other: those of one query."""

    query: Column


def mistakes(spec: Mapping[str, Any], split_given: Iterable[str]) -> list[str]:
    """Say what does not fit together; `split_given` are the keys of [data.split] that are given."""
    problem, data = spec["problem"], spec["data"]
    needed, problems = metrics.section(problem), []
    for section in metrics.sections():
        if section == needed and spec.get(section) is None:
            return [f"{section} is missing, which {problem} needs; add [{section}]"]
        if section != needed and spec.get(section) is not None:
            problems.append(f"{section} is for another problem than {problem}; remove it")
    places = metrics.named_by(problem)
    if len(places) > 1:
        problems += _names(spec, places)
    rule = (data.get("split") or {}).get("by")
    if rule and (wanted := metrics.split_by(problem)) and rule not in wanted:
        problems.append(
            f"data.split.by is {rule!r}, which pulls apart what {problem} keeps together; give "
            f"{' or '.join(map(repr, wanted))}"
        )
    if rule == "series" and not metrics.split_by(problem):
        problems.append(f"data.split.by is 'series', and {problem} has none; give another")
    elif rule == "series":
        for key in sorted({"validation", "holdout", "group"} & {*split_given}):
            problems.append(
                f"data.split.{key} is given and by is 'series'; the parts are as long as "
                "forecast.horizon, so leave it out"
            )
    whole = metrics.kept_whole(problem)
    if rule and whole and not problems:
        [column], group = metrics.columns(spec, [whole]), data["split"]["group"]
        if group != column:
            problems.append(
                f"data.split.group is {group!r} and {whole} {column!r}; what belongs together "
                "stays in one part, so give that as the group"
            )
    return problems


def _names(spec: Mapping[str, Any], places: tuple[str, ...]) -> list[str]:
    """Check the columns that together name a row."""
    problem, data, problems = spec["problem"], spec["data"], []
    for place in places:
        if not metrics.columns(spec, [place]):
            problems.append(f"{place} is not given, and names a row of {problem}; name the column")
    if data.get("key") is not None and "data.key" not in places:
        problems.append(
            f"data.key is {data['key']!r}; rows of {problem} are named by {' and '.join(places)}, "
            "so remove it"
        )
    columns = metrics.columns(spec, places)
    other = metrics.columns(spec, [f"{metrics.section(problem)}.known_ahead"])
    for name in sorted({n for n in columns if columns.count(n) > 1} | {*columns} & {*other}):
        problems.append(f"{name!r} is named twice by {', '.join(places)} and known_ahead")
    if data["target"] in (*columns, *other):
        problems.append(
            f"data.target is {data['target']!r}, which {', '.join(places)} or known_ahead name, "
            "too; what is to be predicted is not known then"
        )
    for name in (*columns, *other) if data["columns"] else ():
        if name not in data["columns"]:
            hint = nearest(name, data["columns"]) or "; add it there"
            problems.append(f"{name!r} names rows or is known ahead; data.columns lacks it{hint}")
    if data.get("learn_from_traffic"):
        problems.append(
            f"data.learn_from_traffic is true; rows of {problem} are named by several columns, for "
            "which it is not there: remove it, and drop what came true"
        )
    return problems
