"""The content of a version's model card, in AWS's JSON schema of them. Pure.

A package's own card takes less than a model card by itself: of the model's overview its maker and
its artefact alone. So what the copy adds is what stands in the package anyway, and who decided.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from everloop.moments import text
from everloop.records.approval import Approval
from everloop.records.release import RELEASED, Release

LONGEST: Final = 100_000  # characters of a card, by AWS
_NAME, _GROUP, _TEXT, _LONG, _OBSERVED = 255, 63, 1024, 2048, 2096
_MOST_PARAMETERS = 100
_MOST_GROUPS = 100  # slices and groups of people: the report has all
_MOST_EXPLAINED = 20
Json = dict[str, Any]


@dataclass(frozen=True)
class Registered:
    """What a version was registered with, as its package says it."""

    arn: str
    model: str
    version: int
    image: str
    model_data_url: str
    metadata: Mapping[str, str]


def content(version: Registered, evaluation: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Return the content of a package's own card; what does not fit is left to the report."""
    written = spec.get("card") or {}
    evaluated = [_holdout(version, evaluation, spec), _fairness(evaluation), _explained(evaluation)]
    card = {
        "model_overview": _given(
            model_creator=written.get("owner"), model_artifact=[version.model_data_url]
        ),
        "intended_uses": _given(
            purpose_of_model=written.get("purpose") or spec.get("description"),
            intended_uses=written.get("intended_use"),
            risk_rating=written.get("risk_rating") or "Unknown",
            explanations_for_risk_rating=written.get("risk_reason"),
        ),
        "training_details": _training(version, spec),
        "evaluation_details": [each for each in evaluated if each],
        "additional_information": _given(
            ethical_considerations=written.get("ethics"),
            caveats_and_recommendations=written.get("limits"),
            custom_details=_details(version, written),
        ),
    }
    return _fitted(card)


def copied(
    version: Registered,
    own: str,
    approval: str,
    word: Approval | None,
    releases: Sequence[Release],
) -> str:
    """Return the content of the model card that is a copy of a package's own, with what came since.

    Raises ValueError for an own card that is none.
    """
    card = json.loads(own)
    if not isinstance(card, dict):
        raise ValueError("a card is an object")
    overview = dict(card.get("model_overview") or {})
    information = dict(card.get("additional_information") or {})
    owner = overview.get("model_creator")
    card["model_overview"] = {
        **overview,
        **_given(
            model_owner=owner,
            model_id=version.arn,
            model_name=version.model,
            model_version=version.version,
            inference_environment={"container_image": [version.image]} if version.image else None,
        ),
    }
    details = dict(information.get("custom_details") or {})
    details["approval"] = approval
    if word is not None:
        details["decided by"] = _cut(word.by, _TEXT)
        details["decided at"] = text(word.at)
        details["decided because"] = _cut(word.reason, _TEXT)
    mine = sorted((r for r in releases if r.version == version.version), key=lambda r: r.epoch)
    if mine:
        last = mine[-1]
        details["last release"] = _cut(
            f"{text(last.ended_at)} {last.outcome}: {last.reason}", _TEXT
        )
    served = [text(r.ended_at) for r in mine if r.outcome == RELEASED]
    if served:
        details["came into production"] = served[-1]
    card["additional_information"] = {**information, "custom_details": details}
    return _fitted(card)


def digest(content: str) -> str:
    """Return the sha256 of a card's text, in hex."""
    return hashlib.sha256(content.encode()).hexdigest()


def is_of(content: str, arn: str) -> bool:
    """Whether a model card is the copy of this package's."""
    try:
        card = json.loads(content)
    except ValueError:
        return False
    overview = card.get("model_overview") if isinstance(card, dict) else None
    return isinstance(overview, dict) and overview.get("model_id") == arn


def _training(version: Registered, spec: Mapping[str, Any]) -> Json:
    made = version.metadata
    parameters = (spec.get("train") or {}).get("hyperparameters") or {}
    observed = (
        f"Trained by {made.get('run', 'a run that its package does not name')} on the dataset "
        f"{made.get('dataset-digest', 'that its package does not name')}, with the code "
        f"{made.get('bundle-digest', 'that its package does not name')}; "
        f"cause: {made.get('cause', 'not given')}."
    )
    job = _given(
        training_datasets=[made["dataset-uri"]] if made.get("dataset-uri") else None,
        user_provided_hyper_parameters=[
            {"name": _cut(name, _NAME), "value": _cut(value, _NAME)}
            for name, value in sorted(parameters.items())[:_MOST_PARAMETERS]
        ],
    )
    return _given(training_observations=_cut(observed, _TEXT), training_job_details=job)


def _details(version: Registered, written: Mapping[str, Any]) -> dict[str, str]:
    made = version.metadata
    named = {
        "out-of-scope use": written.get("out_of_scope_use"),
        "licence": written.get("licence"),
        "package": version.arn,
        **{
            name: made.get(name)
            for name in ("dataset-digest", "bundle-digest", "run", "data-report-uri")
        },
    }
    return {name: _cut(value, _TEXT) for name, value in named.items() if value}


def _holdout(version: Registered, evaluation: Mapping[str, Any], spec: Mapping[str, Any]) -> Json:
    bars = (spec.get("evaluate") or {}).get("metrics") or {}
    metrics = evaluation.get("metrics") or {}
    groups = [
        _group("metrics", [_metric(name, each, bars.get(name)) for name, each in metrics.items()])
    ]
    slices = list(evaluation.get("slices") or ())
    for part in slices[:_MOST_GROUPS]:
        name = f"{part.get('column')}={part.get('value')} ({part.get('rows')} rows)"
        measured = (part.get("metrics") or {}).items()
        groups.append(_group(name, [_metric(metric, each) for metric, each in measured]))
    observed = f"{evaluation.get('rows', 'an unknown number of')} rows of the holdout"
    if len(slices) > _MOST_GROUPS:
        observed += f"; {len(slices) - _MOST_GROUPS} further slices stand in the report"
    made = version.metadata
    report = made.get("evaluation-uri")
    return _evaluated(
        "holdout",
        observed,
        groups,
        datasets=[made["holdout-uri"]] if made.get("holdout-uri") else None,
        metadata={"evaluation": _cut(report, _TEXT)} if report else None,
    )


def _fairness(evaluation: Mapping[str, Any]) -> Json | None:
    measured = evaluation.get("fairness")
    if not measured:
        return None
    groups, small = [], []
    for column in measured.get("columns") or ():
        name, reference = column.get("column"), (column.get("reference") or {}).get("value")
        small += [f"{name}={each.get('value')}" for each in column.get("too_small") or ()]
        for group in column.get("groups") or ():
            values = [_metric(each, value) for each, value in (group.get("measures") or {}).items()]
            title = f"{name}={group.get('value')} ({group.get('rows')} rows), against {reference}"
            groups.append(_group(title, values))
    observed = (
        f"Each group against its reference; the intervals hold together with a confidence of "
        f"{measured.get('confidence')}"
    )
    if small:
        observed += f"; too few rows to judge {', '.join(small[:10])}"
    if len(groups) > _MOST_GROUPS:
        observed += f"; {len(groups) - _MOST_GROUPS} further groups stand in the report"
    return _evaluated("fairness", observed, groups[:_MOST_GROUPS])


def _explained(evaluation: Mapping[str, Any]) -> Json | None:
    found = evaluation.get("explanations")
    if not found:
        return None
    if not found.get("importance"):
        why = found.get("not_explained") or found.get("failed") or "nothing was reached"
        return _evaluated("explanations", f"Not explained: {why}", [])
    losses = [
        _metric(each.get("column"), {**each, "value": each.get("loss")})
        for each in found["importance"][:_MOST_EXPLAINED]
    ]
    suspects = [f"{each.get('column')}: {each.get('why')}" for each in found.get("suspects") or ()]
    observed = (
        f"Permutation importance: what {found.get('metric')} loses where a column is shuffled, "
        f"on {found.get('rows')} rows"
    )
    if found.get("not_reached"):
        observed += f"; partial: the time did not reach {len(found['not_reached'])} columns"
    if suspects:
        observed += f". Suspects: {'; '.join(suspects)}"
    return _evaluated("explanations", observed, [_group("importance", losses)])


def _evaluated(name: str, observed: str, groups: Sequence[Json], **more: Any) -> Json:
    return _given(
        name=name,
        evaluation_observation=_cut(observed, _OBSERVED),
        metric_groups=[each for each in groups if each["metric_data"]],
        **more,
    )


def _group(name: str, metrics: Sequence[Json]) -> Json:
    return {"name": _cut(name, _GROUP), "metric_data": list(metrics)}


def _metric(name: Any, measured: Any, bar: Mapping[str, Any] | None = None) -> Json:
    known = isinstance(measured, Mapping)
    value = measured.get("value") if known else measured
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return {"name": _cut(name, _NAME), "type": "string", "value": "not defined"}
    told = {"name": _cut(name, _NAME), "type": "number", "value": value}
    notes = list(_notes(measured if known else {}, bar or {}))
    return {**told, "notes": _cut("; ".join(notes), _TEXT)} if notes else told


def _notes(measured: Mapping[str, Any], bar: Mapping[str, Any]) -> Iterator[str]:
    if measured.get("low") is not None and measured.get("high") is not None:
        yield f"interval {measured['low']:.4g} to {measured['high']:.4g}"
    for side, word in (("min", "at least"), ("max", "at most")):
        if bar.get(side) is not None:
            yield f"bar: {word} {bar[side]:g}"


def _given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _cut(value: Any, most: int) -> str:
    """Return a value as one line of so many characters at most; AWS takes no empty name."""
    line = " ".join(str(value).split()) or "-"
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _fitted(card: Json) -> str:
    """Return a card as JSON; the last groups of an evaluation go where it is too long."""
    written = _json(card)
    for part in reversed(card.get("evaluation_details") or ()):
        groups = part.get("metric_groups") or []
        while len(written) > LONGEST and len(groups) > 1:
            del groups[len(groups) * 3 // 4 or 1 :]
            part["metadata"] = {**(part.get("metadata") or {}), "shortened": "see the report"}
            written = _json(card)
    return written


def _json(card: Json) -> str:
    return json.dumps(card, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
