"""Judgement of a candidate: its bars, then the champion that serves, on the same rows.

Every comparison is written so that NaN, or a number that is missing, loses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.decisions import Decision
from everloop.decisions.cards import is_complete
from everloop.decisions.fairness import FairBar, Treatment, keeps_treatment, treats_alike
from everloop.errors import BadInput
from everloop.moments import text

APPROVED, REJECTED, ASK = "approved", "rejected", "ask"
PERSON, TWO_PERSONS = "person", "two-persons"
_MOST_SUSPECTS = 3


@dataclass(frozen=True)
class Bar:
    """A metric's bar. `higher_is_better` says on which side of `least` good is."""

    metric: str
    least: float
    higher_is_better: bool = True

    def met_by(self, value: float) -> bool:
        return value >= self.least if self.higher_is_better else value <= self.least


@dataclass(frozen=True)
class Freeze:
    """A time in which nothing is approved by policy."""

    start: datetime
    end: datetime
    why: str = ""


@dataclass(frozen=True)
class Rules:
    """What the spec's [evaluate] and [approve] ask for."""

    bars: tuple[Bar, ...]
    metric: str
    least_gain: float
    slices: tuple[str, ...]
    max_slice_drop: float
    least_slice_rows: int
    by: str
    first: str
    freezes: tuple[Freeze, ...] = ()
    fairness: tuple[FairBar, ...] = ()
    max_worsening: float = 0.0
    card_required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What becomes of the candidate (`approved`, `rejected`, or `ask` a person) and why.

    `unfair` says which bars of fairness it broke, whatever it was refused for.
    """

    verdict: str
    reason: str
    facts: Mapping[str, Any]
    unfair: str = ""


def judge(
    evaluation: Mapping[str, Any],
    comparison: Mapping[str, Any] | None,
    rules: Rules,
    now: datetime,
    *,
    has_card: bool = True,
) -> Verdict:
    """Judge a candidate by its evaluation and, where a champion serves, by the comparison.

    Policy approves none without a model card (`has_card`) where [card] requires something of it.
    Raises BadInput for a report that lacks what the spec asks for.
    """
    bars = meets_bars(evaluation, rules.bars)
    facts: dict[str, Any] = {"bars": dict(bars.facts)}
    treatment = treats_alike(evaluation, rules.fairness)
    if treatment.facts:
        facts["fairness"] = dict(treatment.facts)
    kept = keeps_treatment(comparison or {}, rules.fairness, rules.max_worsening)
    if kept.facts:
        facts["fairness_compared"] = dict(kept.facts)
    # Said whatever else it is refused for: whoever approves it all the same has to waive this.
    unfair = "; ".join(each.reason for each in (treatment, kept) if each.verdict == "unfair")

    def refused(reason: str) -> Verdict:
        return Verdict(REJECTED, "; ".join(filter(None, (reason, unfair))), facts, unfair)

    if not bars.go:
        return refused(bars.reason)
    card = is_complete(evaluation, rules.card_required)
    if not card.go:
        facts["card"] = dict(card.facts)
        return refused(card.reason)
    if treatment.verdict == "unfair":
        return refused("")
    suspects = _suspects(evaluation)
    if suspects:
        facts["suspects"] = suspects
    met = "; ".join(filter(None, (bars.reason, treatment.reason, *suspects)))
    lacks_card = bool(rules.card_required) and not has_card
    if comparison is None:
        reason = f"{met}; no champion to beat"
        return _by_whom(reason, facts, rules, now, treatment, first=True, lacks_card=lacks_card)
    better = beats_champion(comparison, rules)
    facts["comparison"] = dict(better.facts)
    if not better.go:
        return refused(better.reason)
    slices = keeps_slices(comparison, rules)
    facts["slices"] = dict(slices.facts)
    if not slices.go:
        return refused(slices.reason)
    if unfair:
        return refused("")
    reason = f"{met}; {better.reason}"
    return _by_whom(reason, facts, rules, now, treatment, first=False, lacks_card=lacks_card)


def numbers(verdict: Verdict) -> dict[str, float | int | str]:
    """Return the numbers that a verdict rests on, by names for people."""
    by_name: dict[str, float | int | str] = {}
    for metric, bar in sorted((verdict.facts.get("bars") or {}).items()):
        by_name[metric] = _plain_value(bar["value"])
        by_name[f"bar of {metric}"] = _plain_value(bar["bar"])
    compared = verdict.facts.get("comparison") or {}
    for name in ("candidate", "champion", "gain", "gain_low", "gain_high", "least_gain", "rows"):
        if name in compared:
            by_name[name.replace("_", " ")] = _plain_value(compared[name])
    return by_name


def meets_bars(evaluation: Mapping[str, Any], bars: Sequence[Bar]) -> Decision:
    """Check the holdout's metrics against the bars of the spec."""
    met, facts = [], {}
    for bar in bars:
        value = _metric(evaluation, bar.metric)
        facts[bar.metric] = {"value": _plain(value), "bar": bar.least}
        word = "at least" if bar.higher_is_better else "at most"
        if not bar.met_by(value):
            return Decision(
                False, f"{bar.metric} {value:.4f} misses its bar: {word} {bar.least:.4f}", facts
            )
        met.append(f"{bar.metric} {value:.4f} ({word} {bar.least:.4f})")
    return Decision(True, ", ".join(met) or "no bars are set", facts)


def against_bars(evaluation: Mapping[str, Any], bars: Sequence[Bar]) -> str:
    """Say what each metric is, and what was wanted of it. Raises BadInput for one that lacks."""
    return "; ".join(
        f"{bar.metric} is {_metric(evaluation, bar.metric):.4f} "
        f"({'at least' if bar.higher_is_better else 'at most'} {bar.least:g} wanted)"
        for bar in bars
    )


def beats_champion(comparison: Mapping[str, Any], rules: Rules) -> Decision:
    """Check that the gain's lower confidence bound is above the least gain.

    The gain in comparison.json is signed so that more is better, whatever the metric's direction.
    """
    if comparison.get("metric") != rules.metric:
        raise BadInput(
            f"comparison.metric: {comparison.get('metric')!r}; the spec compares {rules.metric!r}"
        )
    gain = comparison.get("gain")
    if not isinstance(gain, Mapping):
        raise BadInput(f"comparison.gain: {gain!r} where {{value, low, high}} belongs")
    value, low = _number(gain.get("value")), _number(gain.get("low"))
    candidate = _number((comparison.get("candidate") or {}).get("value"))
    champion = _number((comparison.get("champion") or {}).get("value"))
    confidence = _number(gain.get("confidence"))
    facts = {
        "metric": rules.metric,
        "candidate": _plain(candidate),
        "champion": _plain(champion),
        "gain": _plain(value),
        "gain_low": _plain(low),
        "gain_high": _plain(_number(gain.get("high"))),
        "least_gain": rules.least_gain,
        "rows": comparison.get("rows"),
    }
    left_out = comparison.get("left_out")
    if left_out:
        facts["left_out"] = left_out
    numbers = (
        f"{rules.metric} {candidate:.4f} against the champion's {champion:.4f}: gain {value:+.4f}, "
        f"at least {low:+.4f} with {confidence:.0%} confidence"
        + (f", without {left_out} rows that one of them was trained on" if left_out else "")
    )
    if not low > rules.least_gain:
        return Decision(False, f"{numbers}; more than {rules.least_gain:+.4f} is needed", facts)
    return Decision(True, numbers, facts)


def keeps_slices(comparison: Mapping[str, Any], rules: Rules) -> Decision:
    """Check that no slice got worse than the spec allows."""
    worst: dict[str, Any] = {}
    for part in comparison.get("slices") or ():
        if part.get("column") not in rules.slices:
            continue
        if not _number(part.get("rows")) >= rules.least_slice_rows:
            continue  # too few rows to tell a loss from chance
        gain = _number((part.get("gain") or {}).get("value"))
        name = f"{part.get('column')}={part.get('value')}"
        if not gain >= -rules.max_slice_drop:
            return Decision(
                False,
                f"{rules.metric} of the slice {name} changed by {gain:+.4f}; "
                f"no slice may lose more than {rules.max_slice_drop:.4f}",
                {"slice": name, "gain": _plain(gain), "rows": part.get("rows")},
            )
        if not worst or gain < worst["gain"]:
            worst = {"slice": name, "gain": gain, "rows": part.get("rows")}
    return Decision(True, f"no slice lost more than {rules.max_slice_drop:.4f}", worst)


def _suspects(evaluation: Mapping[str, Any]) -> list[str]:
    """Return what looks like a leak, as the explanations have it; a warning, and no verdict."""
    found = (evaluation.get("explanations") or {}).get("suspects") or ()
    return [f"suspect: {each.get('column')}: {each.get('why')}" for each in found][:_MOST_SUSPECTS]


def _by_whom(
    reason: str,
    facts: dict[str, Any],
    rules: Rules,
    now: datetime,
    treatment: Treatment,
    *,
    first: bool,
    lacks_card: bool,
) -> Verdict:
    if rules.by == PERSON:
        return Verdict(ASK, f"{reason}; a person decides", facts)
    if rules.by == TWO_PERSONS:
        return Verdict(ASK, f"{reason}; two persons decide", facts)
    if treatment.verdict == "doubtful":
        return Verdict(ASK, f"{reason}; a person decides on its fairness", facts)
    if lacks_card:
        return Verdict(ASK, f"{reason}; AWS took no model card of it: a person decides", facts)
    if first and rules.first == PERSON:
        return Verdict(ASK, f"{reason}; a person decides on the first version", facts)
    for freeze in rules.freezes:
        if freeze.start <= now < freeze.end:
            why = f" ({freeze.why})" if freeze.why else ""
            return Verdict(
                ASK, f"{reason}; frozen until {text(freeze.end)}{why}: a person decides", facts
            )
    return Verdict(APPROVED, reason, facts)


def _metric(evaluation: Mapping[str, Any], name: str) -> float:
    metrics = evaluation.get("metrics")
    if not isinstance(metrics, Mapping):
        raise BadInput(f"evaluation.metrics: {metrics!r} where metrics by name belong")
    if name not in metrics:
        raise BadInput(f"evaluation.metrics: no {name!r} among {sorted(metrics)}")
    metric = metrics[name]
    return _number(metric.get("value") if isinstance(metric, Mapping) else metric)


def _number(value: object) -> float:
    """Return a number; NaN for what is none, so that it loses every comparison."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    return float(value)


def _plain(value: float) -> float | None:
    return None if value != value else value


def _plain_value(value: object) -> float | int | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return "not a number" if value is None else str(value)
