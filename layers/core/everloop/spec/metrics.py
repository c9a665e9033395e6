"""Problems that a spec may name: the metrics of each, and which bars make sense.

The table is problems.json, which `make problems` writes from jobs/everloop_jobs/problems: layer and
jobs share no code, and there each problem is one file.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal


@cache
def _table() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files(__package__).joinpath("problems.json").read_text())
    return document


# True where a higher value is better. The first of a problem is its usual one.
METRICS: Final[dict[str, dict[str, bool]]] = {
    problem: {name: measure["higher_is_better"] for name, measure in kind["measures"].items()}
    for problem, kind in _table().items()
}
if TYPE_CHECKING:
    Problem = str
else:
    Problem = Literal[tuple(METRICS)]


def targets(problem: str, positive: object = None) -> str:
    """Return what the targets of a problem are: `numbers`, `zero-one` or `any`.

    Where the positive class has a name they are any two.
    """
    return "any" if positive is not None else str(_table()[problem]["targets"])


def needs(problem: str, metric: str) -> str:
    """Return the key of [evaluate] without which there is no such metric; empty for none."""
    return str(_table()[problem]["measures"][metric]["needs"] or "")


def family(problem: str) -> str | None:
    """Return by which measures a problem's fairness is told; None where by none."""
    found = _table()[problem]["fairness"]
    return None if found is None else str(found)


def scripts(problem: str) -> tuple[str, ...]:
    """Return which scripts a folder must have for this problem beside those of every folder."""
    return tuple(_table()[problem]["scripts"])


def section(problem: str) -> str | None:
    """Return the section of model.toml that this problem needs; None where it needs none."""
    found: str | None = _table()[problem]["section"]
    return found


def sections() -> list[str]:
    """Return the sections that only some problems have."""
    return sorted({kind["section"] for kind in _table().values() if kind["section"]})


def named_by(problem: str) -> tuple[str, ...]:
    """Return the keys of model.toml whose columns together name a row."""
    return tuple(_table()[problem]["named_by"])


def columns(spec: Mapping[str, Any], places: Iterable[str]) -> list[str]:
    """Return the columns that keys of a spec such as `forecast.series` name."""
    found: list[str] = []
    for place in places:
        section, _, key = place.partition(".")
        value = (spec.get(section) or {}).get(key)
        found += value if isinstance(value, list) else [value] if value is not None else []
    return found


def split_by(problem: str) -> tuple[str, ...]:
    """Return by what alone its rows may be split; empty where by anything."""
    return tuple(_table()[problem]["split_by"])


def kept_whole(problem: str) -> str | None:
    """Return the key of model.toml that names what a split must not pull apart."""
    found: str | None = _table()[problem]["kept_whole"]
    return found


def derived(problem: str) -> tuple[str, ...]:
    """Return columns that slices may name although no drop has them."""
    return tuple(_table()[problem]["derived"])


def sends_some(problem: str) -> bool:
    """Whether a model is sent only some columns: evaluation.json says which."""
    return bool(_table()[problem]["sends_some"])


def reads(problem: str) -> tuple[str, ...]:
    """Return which outputs of the preparation an evaluation reads besides the holdout."""
    return tuple(_table()[problem]["reads"])


def out_of_reach(problem: str, metric: str, bar: float) -> str:
    """Say why no model can reach a metric's bar, or why every model does; empty if neither."""
    measure = _table()[problem]["measures"][metric]
    best, worst = measure["best"], measure["worst"]
    if measure["higher_is_better"]:
        if best is not None and bar >= best:
            return f"no model reaches it; give less than {best:g}"
        if worst is not None and bar < worst:
            return f"every model reaches it; give {worst:g} or more"
        return ""
    if best is not None and not bar > best:
        return f"no model reaches it; give more than {best:g}"
    if worst is not None and bar >= worst:
        return f"every model reaches it; give less than {worst:g}"
    return ""
