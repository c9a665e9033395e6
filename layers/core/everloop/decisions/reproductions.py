"""Whether a version can be trained again, and whether what comes out is the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from everloop.contents import Contents, differences
from everloop.decisions import Decision
from everloop.records.installation import Reproduction

STARTED, REFUSED = "started", "refused"
IDENTICAL: Final = "identical"  # each member of the archive has the same bytes
EQUIVALENT: Final = "equivalent"  # it has others, and no metric moved beyond its tolerance
DIFFERENT: Final = "different"
FAILED: Final = "failed"
_SHOWN: Final = 20  # members in a decision
_SAME: Final = 1e-6  # of a metric without an interval: what another order of a sum may do


@dataclass(frozen=True)
class Circumstances:
    """What may have been otherwise than when the version was trained first."""

    image: str  # that trains it; empty where its pipeline names none
    tuned: bool = False
    features: bool = False  # some were read from Feature Store
    instances: Sequence[str] = ()
    definition_of_push: bool = False  # the execution is gone; its push's definition was taken

    @property
    def pinned(self) -> bool:
        """Whether the image is named by its digest: a tag may name another one by now."""
        return "@sha256:" in self.image


@dataclass(frozen=True)
class Metric:
    """A metric of both trainings; `tolerance` is half of the interval that the first one had."""

    first: float | None
    again: float | None
    tolerance: float

    @property
    def within(self) -> bool:
        if self.first is None or self.again is None:
            return False
        return abs(self.first - self.again) <= self.tolerance


def may_begin(
    version: int, paused: str, running: Reproduction | None, lost: Sequence[str]
) -> Decision:
    """Decide whether a version is trained again; `lost` says what of it is gone."""
    facts: dict[str, Any] = {"version": version, "outcome": REFUSED}
    if paused:
        return Decision(False, f"paused: {paused}", facts)
    if running is not None:
        since = f"{running.started_at:%Y-%m-%d %H:%M:%S}"
        reason = f"version {running.version} is being trained again since {since}; one at a time"
        return Decision(False, reason, facts)
    if lost:
        reason = f"version {version} cannot be trained again: {'; '.join(lost)}"
        return Decision(False, reason, {**facts, "lost": list(lost)})
    return Decision(True, "all that it was made of is there", {**facts, "outcome": STARTED})


def gone(
    objects: Sequence[Mapping[str, Any]], withdrawn: Mapping[str, datetime], there: set[str]
) -> str:
    """Say what of a dataset's objects cannot be read any more, or may not; empty where all may.

    `withdrawn` says when objects were, by key and version, as `there` has them.
    """
    ids = [f"{each['key']} {each['version_id']}" for each in objects]
    taken_back = [each for each in ids if each in withdrawn]
    days = sorted({f"{withdrawn[each]:%Y-%m-%d}" for each in taken_back})
    on = f"were withdrawn on {' and '.join(days[:3])}{' and other days' if days[3:] else ''}"
    expired = [each for each in ids if each not in there and each not in taken_back]
    words = []
    for which, what in ((taken_back, on), (expired, "are not in S3 any more")):
        if which:
            keys = ", ".join(each.rpartition(" ")[0] for each in which[:3])
            more = f" and {len(which) - 3} more" if len(which) > 3 else ""
            words.append(f"{len(which)} of its {len(ids)} objects {what} ({keys}{more})")
    return "; ".join(words)


def metrics_of(
    first: Mapping[str, Any] | None, again: Mapping[str, Any] | None
) -> dict[str, Metric]:
    """Return the metrics of two evaluations, side by side."""
    one, two = _metrics(first), _metrics(again)
    found = {}
    for name in [*one, *(name for name in two if name not in one)]:
        value, low, high = one.get(name, (None, None, None))
        tolerance = _SAME * max(1.0, abs(value or 0.0))
        if low is not None and high is not None:
            tolerance = max(tolerance, (high - low) / 2)
        found[name] = Metric(value, two.get(name, (None,))[0], tolerance)
    return found


def compared(
    version: int,
    first: Contents,
    again: Contents,
    metrics: Mapping[str, Metric],
    how: Circumstances,
) -> Decision:
    """Decide whether a version came out the same; where it did not, say what and why that can be.

    Equivalent is only what was measured, each metric within its tolerance.
    """
    members = differences(first, again)
    beyond = [name for name, each in metrics.items() if not each.within]
    outcome = EQUIVALENT if metrics and not beyond else DIFFERENT
    if not members:
        outcome = IDENTICAL
    return Decision(
        outcome == IDENTICAL,
        _reason(version, outcome, members, metrics, beyond, how),
        {
            "version": version,
            "outcome": outcome,
            "contents_digests": [first.digest, again.digest],
            "members": members[:_SHOWN],
            "differing_members": len(members),
            "metrics": {
                name: {
                    "first": each.first,
                    "again": each.again,
                    "tolerance": each.tolerance,
                    "within": each.within,
                }
                for name, each in metrics.items()
            },
            "image": how.image if how.pinned else f"{how.image or 'unknown'} (tag only)",
        },
    )


def failed(version: int, why: str) -> Decision:
    """Decide that nothing came out that could be compared."""
    reason = f"version {version} could not be trained again: {why}"
    return Decision(False, reason, {"version": version, "outcome": FAILED})


def _reason(
    version: int,
    outcome: str,
    members: Sequence[str],
    metrics: Mapping[str, Metric],
    beyond: Sequence[str],
    how: Circumstances,
) -> str:
    told = f"version {version} was trained again: "
    if outcome == IDENTICAL:
        told += "each member of its archive has the same bytes"
        if beyond:
            told += f"; measuring it is not repeatable: {_words(metrics, beyond)}"
        return told
    more = f" and {len(members) - 3} more" if len(members) > 3 else ""
    told += f"other contents: {', '.join(members[:3])}{more}"
    if not metrics:
        told += "; no metric of both is known"
    elif beyond:
        told += f"; beyond their tolerance: {_words(metrics, beyond)}"
    else:
        told += f"; all {len(metrics)} metrics are within their tolerance"
    return f"{told}. This can be because {'; or '.join(_causes(how))}"


def _causes(how: Circumstances) -> list[str]:
    """Say why the same data and code may bring another model, what is known first."""
    causes = []
    if how.definition_of_push:
        causes.append("its execution was deleted, and the pipeline of its push may have changed")
    if not how.pinned:
        image = how.image or "its image"
        causes.append(f"{image} is known by its tag only, which may name another image now")
    if how.tuned:
        causes.append("[tune] tries values in the order in which trials end")
    if how.features:
        causes.append("its feature groups hold records that were written since")
    if any(each.startswith(("ml.g", "ml.p")) for each in how.instances):
        causes.append(f"{', '.join(how.instances)} has GPUs, which add in no fixed order")
    causes.append("train.py draws random numbers without a seed, or writes down times")
    causes.append("requirements.txt names packages without their exact versions")
    return causes


def _words(metrics: Mapping[str, Metric], names: Sequence[str]) -> str:
    return ", ".join(
        f"{name} {_number(metrics[name].first)} then, {_number(metrics[name].again)} now "
        f"(tolerance {metrics[name].tolerance:.4g})"
        for name in names
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _metrics(
    evaluation: Mapping[str, Any] | None,
) -> dict[str, tuple[float | None, float | None, float | None]]:
    listed = (evaluation or {}).get("metrics")
    found = {}
    for name, each in listed.items() if isinstance(listed, Mapping) else ():
        if isinstance(each, Mapping):
            value, low, high = (_finite(each.get(key)) for key in ("value", "low", "high"))
            found[str(name)] = (value, low, high)
    return found


def _finite(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else None  # type: ignore[arg-type]
