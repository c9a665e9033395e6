"""Metrics that a spec may name: which there are for a problem, and which bars make sense."""

from typing import Literal

from everloop.spec.metric_table import MEASURES

Problem = Literal["binary_classification", "regression"]

# True where a higher value is better. The first of a problem is its usual one.
METRICS: dict[str, dict[str, bool]] = {
    problem: {name: measure.higher_is_better for name, measure in known.items()}
    for problem, known in MEASURES.items()
}


def out_of_reach(problem: str, metric: str, bar: float) -> str:
    """Say why no model can reach a metric's bar, or why every model does; empty if neither."""
    measure = MEASURES[problem][metric]
    best, worst = measure.best, measure.worst
    if measure.higher_is_better:
        if bar >= best:
            return f"no model reaches it; give less than {best:g}"
        if worst is not None and bar < worst:
            return f"every model reaches it; give {worst:g} or more"
        return ""
    if not bar > best:
        return f"no model reaches it; give more than {best:g}"
    if worst is not None and bar >= worst:
        return f"every model reaches it; give less than {worst:g}"
    return ""
