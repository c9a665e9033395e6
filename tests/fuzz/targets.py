"""All targets of the fuzz, and how many cases each has of a run's."""

from fuzz import bundles, data_files, definitions, events, keys, reports, specs
from fuzz.target import Target

TARGETS: list[Target] = [
    *events.TARGETS,
    *bundles.TARGETS,
    *specs.TARGETS,
    *reports.TARGETS,
    *data_files.TARGETS,
    *keys.TARGETS,
    *definitions.TARGETS,
]


def divided(targets: list[Target], cases: int) -> dict[Target, int]:
    """Return how many cases each target has: by its share, at least one, in all so many."""
    shares = sum(target.share for target in targets)
    counts = {target: max(1, cases * target.share // shares) for target in targets}
    first = targets[0]
    counts[first] = max(1, counts[first] + cases - sum(counts.values()))
    return counts
