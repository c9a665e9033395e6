"""What a card says that was measured: metrics, slices, the champion, groups of people, columns."""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from everloop_cli.pages import soft, table, text

Json = Mapping[str, Any]
_SLICES, _GROUPS, _COLUMNS = 30, 40, 15


def metrics(evaluation: Json, spec: Json, links: Collection[str]) -> Iterator[str]:
    """Yield metrics with intervals and bars, and slices."""
    yield "<h2>How good it is</h2>"
    if not evaluation:
        yield soft("Its evaluation could not be read.")
        return
    bars = (spec.get("evaluate") or {}).get("metrics") or {}
    rows = [
        (text(name), text(_bar(bars.get(name))), _value(each), _interval(each))
        for name, each in (evaluation.get("metrics") or {}).items()
    ]
    yield soft(f"On {_count(evaluation.get('rows'))} rows of the holdout; intervals of 95 %.")
    yield table(("metric", "bar", "value", "interval"), rows, numbers=2)
    yield _link("evaluation/report.html", "The evaluation's page", links)
    slices = list(evaluation.get("slices") or ())
    if not slices:
        return
    names = list(dict.fromkeys(name for part in slices for name in part.get("metrics") or ()))[:4]
    yield "<h3>By slice</h3>"
    yield table(
        ("slice", "rows", *map(text, names)),
        [
            (
                text(f"{part.get('column')} = {part.get('value')}"),
                _count(part.get("rows")),
                *(_value((part.get("metrics") or {}).get(name)) for name in names),
            )
            for part in slices[:_SLICES]
        ],
        numbers=1 + len(names),
    )
    yield _more(len(slices) - _SLICES, "slices")


def comparison(found: Json, links: Collection[str]) -> Iterator[str]:
    """Yield what was gained on the version that served then, where one did."""
    gain = found.get("gain")
    if not isinstance(gain, Mapping):
        return
    yield "<h2>Against the version before</h2>"
    sides = [
        (text(side), _value(found.get(side)))
        for side in ("candidate", "champion")
        if isinstance(found.get(side), Mapping)
    ]
    sides.append(("gain", f"{_value(gain)} ({_interval(gain)})"))
    yield soft(f"{found.get('metric')}, on the same {_count(found.get('rows'))} rows.")
    yield table((), sides, numbers=1)
    yield _link("comparison/report.html", "The comparison's page", links)


def fairness(evaluation: Json) -> Iterator[str]:
    """Yield how each group is treated beside its reference."""
    yield "<h2>Fairness</h2>"
    measured = evaluation.get("fairness")
    if not measured:
        yield soft("Not measured: model.toml has no [fairness].")
        return
    yield soft(f"All intervals that bars judge hold together at {measured.get('confidence')}.")
    for column in measured.get("columns") or ():
        reference = (column.get("reference") or {}).get("value")
        groups = list(column.get("groups") or ())
        name = f"{column.get('column')}, against {reference}"
        yield f"<h3>{text(name)}</h3>"
        rows = [
            (text(group.get("value")), text(measure), _value(each), _interval(each))
            for group in groups
            for measure, each in (group.get("measures") or {}).items()
        ]
        yield table(("group", "measure", "value", "interval"), rows[:_GROUPS], numbers=2)
        yield _more(len(rows) - _GROUPS, "values")
        small = [f"{e.get('value')} ({e.get('rows')} rows)" for e in column.get("too_small") or ()]
        if small:
            yield soft(f"Too few rows to judge: {', '.join(small)}.")


def explanations(evaluation: Json) -> Iterator[str]:
    """Yield which columns the version relies on."""
    yield "<h2>What it relies on</h2>"
    found = evaluation.get("explanations") or {}
    importance = [each for each in found.get("importance") or () if _number(each.get("loss"))]
    if not found.get("importance"):
        why = found.get("not_explained") or found.get("failed") or "its evaluation explains nothing"
        yield soft(f"Not explained: {why}.")
        return
    for suspect in found.get("suspects") or ():
        words = f"Suspect: {suspect.get('column')}: {suspect.get('why')}"
        yield f'<p class="bad">{text(words)}</p>'
    most = max((abs(each["loss"]) for each in importance), default=1.0)
    yield soft(
        f"What {found.get('metric')} loses where a column is shuffled, on "
        f"{_count(found.get('rows'))} rows."
    )
    rows = [
        (
            text(each.get("column")),
            f'<span class="bars"><span class="bar" style="width:{_share(each["loss"], most):.0f}%">'
            "</span></span>",
            f"{each['loss']:.4g}",
            _interval(each),
        )
        for each in importance[:_COLUMNS]
    ]
    yield table(("column", "", "loss", "interval"), rows, numbers=2)
    yield _more(len(importance) - _COLUMNS, "columns")
    if found.get("not_reached"):
        yield soft(f"Partial: {len(found['not_reached'])} columns were not reached in time.")


def _share(value: float, most: float) -> float:
    return max(1.0, min(100.0, 100 * abs(value) / most)) if value > 0 else 0.0


def _link(path: str, words: str, links: Collection[str]) -> str:
    return f'<p><a href="{path}">{words}</a></p>' if path in links else ""


def _more(left: int, what: str) -> str:
    return soft(f"And {left} more {what}: the report has all.") if left > 0 else ""


def _bar(bar: Any) -> str:
    for side, word in (("min", "at least"), ("max", "at most")):
        if isinstance(bar, Mapping) and bar.get(side) is not None:
            return f"{word} {bar[side]:g}"
    return ""


def _value(measured: Any) -> str:
    value = measured.get("value") if isinstance(measured, Mapping) else measured
    return f"{value:.4g}" if _number(value) else "not defined"


def _interval(measured: Any) -> str:
    if not isinstance(measured, Mapping):
        return ""
    ends = measured.get("low"), measured.get("high")
    return f"{ends[0]:.4g} to {ends[1]:.4g}" if all(map(_number, ends)) else ""


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and value is not True and math.isfinite(value)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "an unknown number of"
