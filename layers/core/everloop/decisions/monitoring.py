"""Monitoring: whether there is enough to look at, whether it stopped, and what was found."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from everloop.decisions import Decision
from everloop.decisions.late_labels import label_counts
from everloop.errors import BadInput

# A look with more files than this leaves the rest, by the hour, to the next one.
MOST_FILES = 50_000


def arrived(
    files: Iterable[tuple[str, datetime]], since: datetime, until: datetime
) -> tuple[list[str], datetime]:
    """Return what of captured traffic arrived from `since` to before `until`, and until when that
    is all of it: earlier than requested where there is too much for one look.

    `files` are keys and when they arrived, in S3's order: by the hour of their first record, in
    folders yyyy/mm/dd/hh. What counts is when a file arrived. SageMaker keeps records back for
    minutes, so by the times of the records those of the last minutes would be in no look.
    """
    arrivals: list[tuple[str, datetime]] = []
    last = None
    for key, when in files:
        place = _CAPTURED.search(key)
        if place is None:
            continue  # nothing that SageMaker wrote
        if len(arrivals) >= MOST_FILES and place[1] != last:
            # What follows arrived later than its folder's hour began.
            until = min(until, datetime.strptime(place[1], "%Y/%m/%d/%H").replace(tzinfo=UTC))
            break
        if since <= when < until:
            arrivals.append((key, when))
            last = place[1]
    return [key for key, when in arrivals if when < until], until


_CAPTURED = re.compile(r"/(\d{4}/\d\d/\d\d/\d\d)/[^/]+\.jsonl$")


def worth_looking(
    captured_files: int, version: int | None, endpoint_status: str, new_labels: int = 0
) -> Decision:
    """Decide whether a monitoring run has anything to look at: traffic, or files of labels."""
    facts = {"captured_files": captured_files, "version": version, "new_labels": new_labels}
    if version is None:
        return Decision(False, f"nothing of ours serves (the endpoint is {endpoint_status})", facts)
    if captured_files == 0 and new_labels == 0:
        return Decision(False, "no traffic was captured since the last look", facts)
    labels = f", {new_labels} new files of labels" if new_labels else ""
    return Decision(True, f"{captured_files} files of traffic{labels} to look at", facts)


def longest_pause(schedule: str) -> timedelta | None:
    """Return how long a schedule may pause at the most; None where it need not go on at all."""
    rate = _RATE.fullmatch(schedule)
    if rate:
        return int(rate[1]) * _UNITS[rate[2]]
    _, hours, days, months, weekdays, years = schedule.removeprefix("cron(")[:-1].split()
    if years != "*":
        return None
    if months != "*":
        return timedelta(days=366)
    if days not in ("*", "?"):
        return timedelta(days=62)  # the 31st of July, August, October: September has none
    if weekdays not in ("*", "?"):
        return timedelta(days=7)
    return timedelta(hours=1 if hours == "*" else 24)


_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


def overdue(schedule: str, requested_at: datetime, now: datetime) -> Decision:
    """Decide whether a monitor has stopped: two of its schedule's longest pauses without a tick."""
    pause = longest_pause(schedule)
    if pause is None or now - requested_at <= 2 * pause + _SLACK:
        return Decision(False, f"it was asked to look at {requested_at:%Y-%m-%d %H:%M}")
    return Decision(
        True, f"nothing asked it to look since {requested_at:%Y-%m-%d %H:%M}, for {schedule}"
    )


# A tick may come late, and reconcile's own early.
_SLACK = timedelta(minutes=5)


# Monitors of what comes in; a violation of theirs is repaired by no training.
TRAFFIC = "traffic"
# The monitor of how well the model does on labelled traffic.
QUALITY = "quality"
# Reasons that are the rule: nothing came at all, or labels that are still to come.
_EXPECTED = ("no-traffic", "few-labels", "no-key")


@dataclass(frozen=True)
class Findings(Decision):
    """What a look found: `violations` by these `monitors`, out of so many checks that `judged`.

    `blind` are the monitors that could not judge, `version` is the one that answered, where known.
    """

    monitors: tuple[str, ...] = ()
    violations: int = 0
    judged: int = 0
    blind: tuple[str, ...] = ()
    rows: int | None = None
    unreadable_records: int | None = None
    version: int | None = None


def judge_findings(findings: Mapping[str, Any]) -> Findings:
    """Say what a monitor found; `go` means that it found a violation.

    After no check at all nothing is called good: it could not judge. Raises BadInput for
    findings.json of another shape.
    """
    checks = [check for check in _checks(findings) if _is_number(check.get("value"))]
    violated = [check for check in _checks(findings) if check.get("violated")]
    judged = [check for check in checks if check.get("monitor") != TRAFFIC]
    missing = _not_judged(findings, bool(judged))
    monitors = sorted({str(check.get("monitor")) for check in violated})
    blind = sorted({str(each.get("monitor"))[:50] for each in missing if _is_blind(each)})[:9]
    facts = {
        "rows": findings.get("rows"),
        "labelled_rows": findings.get("labelled_rows"),
        "labels": label_counts(findings),
        "unreadable_records": findings.get("unreadable_records"),
        "checks": len(checks),
        "judged": len(judged),
        "violations": len(violated),
        "monitors": monitors,
        "not_judged": [
            {name: str(each.get(name) or "")[:200] for name in ("monitor", "feature", "reason")}
            for each in missing[:_MOST_TOLD]
        ],
        "blind": blind,
        "worst": [
            {
                key: check.get(key)
                for key in ("monitor", "feature", "statistic", "value", "threshold")
            }
            for check in sorted(violated, key=excess, reverse=True)[:5]
        ],
        "drift": _drift(findings),
        "quality": _live_quality(checks),
    }
    rows = f"{findings.get('rows')} rows, {findings.get('labelled_rows')} with labels"
    unjudged = _unjudged(missing)
    if violated:
        reason = _violations(violated, f"{len(violated)} of {len(checks)}", rows, monitors)
    else:
        reason = f"{len(checks)} checks on {rows}: nothing is violated"
    if not violated and not judged:
        reason = f"could not judge ({rows}): {unjudged}"
    elif unjudged:
        reason = f"{reason}; could not judge: {unjudged}"
    return Findings(
        bool(violated),
        reason,
        facts,
        tuple(monitors),
        len(violated),
        len(judged),
        tuple(blind),
        _count(findings.get("rows")),
        _count(findings.get("unreadable_records")),
    )


_MOST_CHECKS = 2000  # that a look has of its quality, by days


def _drift(findings: Mapping[str, Any]) -> dict[str, float]:
    shares = sorted(drift_by_monitor(findings).items())
    return {name[:50]: share for name, share in shares if math.isfinite(share)}


def _live_quality(checks: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return what labelled traffic says of the model, by metric: its value and its threshold."""
    return {
        str(check.get("feature"))[:100]: {
            name: float(check[name])
            for name in ("value", "threshold")
            if _is_number(check.get(name)) and math.isfinite(check[name])
        }
        for check in checks[:_MOST_CHECKS]
        if check.get("monitor") == QUALITY and math.isfinite(check["value"])
    }


def _violations(
    violated: Sequence[Mapping[str, Any]], many: str, rows: str, monitors: Sequence[str]
) -> str:
    """Say how many checks are violated, and which is worst."""
    worst = max(violated, key=excess)
    description = worst.get("description") or (
        f"{worst.get('feature')} {worst.get('statistic')} {worst.get('value')}, "
        f"threshold {worst.get('threshold')}"
    )
    return f"{many} checks violated on {rows} ({', '.join(monitors)}); worst: {description}"


def _unjudged(missing: Sequence[Mapping[str, Any]]) -> str:
    """Say what could not be judged, and why; empty where everything could."""
    shown = "; ".join(_description(each) for each in missing[:5])
    return shown + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_MOST_TOLD = 50


def _not_judged(findings: Mapping[str, Any], judged: bool) -> list[Mapping[str, Any]]:
    """Return what findings say could not be judged; older ones say it by having no checks."""
    value = findings.get("not_judged")
    if isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        entries: list[Mapping[str, Any]] = value
        if entries or judged:
            return entries
        why = "nothing was compared: what does [monitor] watch?"
        return [{"monitor": "data", "reason": "nothing-watched", "description": why}]
    if judged:
        return []
    why = "fewer rows or labels than model.toml asks for"
    return [{"monitor": "data", "reason": "few-rows", "description": why}]


def _is_blind(missing: Mapping[str, Any]) -> bool:
    """Whether a whole monitor could not judge, where it should have been able to."""
    return not missing.get("feature") and missing.get("reason") not in _EXPECTED


def _description(missing: Mapping[str, Any]) -> str:
    why = str(missing.get("description") or missing.get("reason") or "no reason was given")
    return f"{str(missing.get('monitor'))[:50]}: {why[:300]}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def monitors_of(findings: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return which monitors judged, with a number that is one, and which found a violation."""
    checks = _checks(findings)
    judged = {
        str(check.get("monitor"))
        for check in checks
        if isinstance(value := check.get("value"), int | float) and value == value
    }
    return judged, {str(check.get("monitor")) for check in checks if check.get("violated")}


def _checks(findings: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    checks = findings.get("checks")
    if not isinstance(checks, list) or not all(isinstance(each, Mapping) for each in checks):
        raise BadInput(f"findings.checks: {repr(checks)[:200]} where a list of checks belongs")
    return checks


def excess(check: Mapping[str, Any]) -> float:
    """Return how far a check's value is from its threshold, as a share of the threshold."""
    value, threshold = check.get("value"), check.get("threshold")
    if not isinstance(value, int | float) or not isinstance(threshold, int | float):
        return 0.0
    if value != value:
        return 0.0
    return abs(value - threshold) / abs(threshold) if threshold else abs(value)


def drift_by_monitor(findings: Mapping[str, Any]) -> dict[str, float]:
    """Return, for each monitor, its largest value as a share of its threshold (1 = at it)."""
    drift: dict[str, float] = {}
    for check in _checks(findings):
        value, threshold = check.get("value"), check.get("threshold")
        if not isinstance(value, int | float) or not isinstance(threshold, int | float):
            continue
        if value != value or not threshold:
            continue
        # Quality falls below its threshold where drift rises above it.
        share = value / threshold
        if check.get("violated") and share < 1 and value:
            share = threshold / value
        name = str(check.get("monitor"))
        drift[name] = max(drift.get(name, 0.0), share)
    return drift
