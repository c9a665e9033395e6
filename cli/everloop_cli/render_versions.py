"""Versions and trainings as tables, alone and side by side."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from everloop.views.comparison import Comparison, Detailed, Measured
from everloop.views.run import Curve, Run
from everloop_cli import render, show

_BLOCKS, _WIDTH = "▁▂▃▄▅▆▇█", 40  # a curve's heights, and its most blocks
_METRICS = 4  # columns of a list; compare shows all


def versions(model: str, entries: Sequence[Detailed], there: int) -> None:
    """Print versions, the newest first, with how each did on its own holdout."""
    names: list[str] = []
    for each in entries:
        names += [name for name in each.metrics if name not in names]
    names = names[:_METRICS]
    rows = [
        (
            each.version,
            show.mark(each.approval, render.STYLES[each.approval_outcome]),
            render.moment(each.registered_at),
            each.cause or None,
            *(measured(each.metrics.get(name)) for name in names),
            ", ".join(_notes(each)),
        )
        for each in entries
    ]
    more = f" (the newest {len(entries)} of {there})" if there > len(entries) else ""
    columns = ("version", "approval", "registered", "because of", *names, "")
    show.table(f"Versions of {model}{more}", columns, rows)


def _notes(version: Detailed) -> Iterable[str]:
    if version.serves:
        yield "serves"
    if version.reproduced:
        word = "under way" if version.reproduced == "started" else version.reproduced
        yield f"trained again: {word}"


def runs(model: str, entries: Sequence[Run], there: int) -> None:
    """Print trainings, the newest first."""
    rows = [
        (
            each.name,
            show.mark(each.status, render.STYLES[each.outcome]),
            render.moment(each.started_at),
            render.span(each.took),
            "-" if each.rows is None else f"{each.rows:,}",
            each.cause,
            None if each.cost is None else show.Money(each.cost),
            each.dataset[:12],
            each.code[:12],
        )
        for each in entries
    ]
    more = f" (the newest {len(entries)} of {there})" if there > len(entries) else ""
    columns = ("run", "outcome", "began", "took", "rows", "because of", "cost", "data", "code")
    show.table(f"Trainings of {model}{more}", columns, rows)


def curves(title: str, drawn: Sequence[Curve]) -> None:
    """Print a small line for each metric, from its oldest value to its newest."""
    rows = [
        (
            each.metric,
            _line(each.values),
            _said(each.values[0]),
            _said(each.values[-1]),
            f"{_said(min(each.values))} to {_said(max(each.values))}",
            len(each.values),
        )
        for each in drawn
    ]
    if rows:
        show.table(title, ("metric", "", "first", "last", "range", "values"), rows)


def _line(values: Sequence[float]) -> str:
    """Draw values as blocks of eight heights, the lowest and the highest the ends of the scale.

    Of more values than fit, each block is the mean of its share.
    """
    shares = min(len(values), _WIDTH)
    cut = [round(number * len(values) / shares) for number in range(shares + 1)]
    means = [fmean(values[low:high]) for low, high in pairwise(cut)]
    low, high = min(means), max(means)
    if high == low:
        return _BLOCKS[3] * shares
    return "".join(_BLOCKS[round((mean - low) / (high - low) * 7)] for mean in means)


def _said(value: float) -> str:
    return f"{value:.4g}"


def compare(found: Comparison) -> None:
    """Print two versions side by side: metrics, then what differs in what they were made of."""
    first, second = f"version {found.first}", f"version {found.second}"
    rows = [
        (each.metric, measured(each.first), measured(each.second), _change(each.change))
        for each in found.metrics
    ]
    show.table(f"{found.model}, each on its own holdout", ("", first, second, "change"), rows)
    show.out.print(
        found.judged or "The judge has not compared these two on the same rows.",
        style=show.QUIET,
        soft_wrap=True,
    )
    show.out.print()
    made = [
        ("rows of the holdout", *found.rows, ""),
        ("because of", *(cause or None for cause in found.causes), ""),
        ("data", "", "", _data(found)),
        ("code", "", "", "the same" if found.same_code else "changed"),
        *((each.key, _value(each.first), _value(each.second), "") for each in found.changed),
    ]
    show.table("Made of", ("", first, second, ""), made)


def measured(metric: Measured | None) -> str | None:
    if metric is None:
        return None
    if metric.low is None or metric.high is None:
        return f"{metric.value:.4g}"
    return f"{metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g})"


def _change(change: float | None) -> str | None:
    return None if change is None else f"{change:+.4g}"


def _data(found: Comparison) -> str:
    if found.same_data:
        return "the same"
    if found.added is None or found.removed is None:
        return "changed"
    return f"{found.added} objects came, {found.removed} went"


def _value(value: Any) -> str | None:
    return None if value is None else str(value)
