"""The content of model cards: AWS's JSON schema of them, in its main rules. Pure."""

import json
from collections.abc import Callable, Iterator
from typing import Any

Check = Callable[[Any, str], Iterator[str]]
_LONG = 1024


def problems(text: str) -> list[str]:
    """Return what is wrong with a card's content; each says where and what would be right."""
    try:
        content = json.loads(text)
    except ValueError as error:
        return [f"Content is not JSON: {error}"]
    return list(_CARD(content, "$"))


def problems_of_package(text: str) -> list[str]:
    """Return what is wrong with the content of a model package's own card, which takes less."""
    try:
        content = json.loads(text)
    except ValueError as error:
        return [f"ModelCardContent is not JSON: {error}"]
    return list(_PACKAGE_CARD(content, "$"))


def metadata_of_package(text: str) -> str:
    """Return what AWS leaves of a package's own card where metadata alone is asked for."""
    rating = (json.loads(text).get("intended_uses") or {}).get("risk_rating")
    return json.dumps({"intended_uses": {"risk_rating": rating}} if rating else {})


def _string(longest: int = _LONG) -> Check:
    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{path}: {_shown(value)} is not of type string"
        elif len(value) > longest:
            yield f"{path}: has {len(value)} characters; at most {longest} are taken"

    return check


def _number(least: float | None = None) -> Check:
    def check(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}: {_shown(value)} is not of type number"
        elif least is not None and value < least:
            yield f"{path}: {value} is less than {least}"

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any, path: str) -> Iterator[str]:
        if value not in choices:
            yield f"{path}: {_shown(value)} is not one of {', '.join(choices)}"

    return check


def _list(item: Check, most: int | None = None) -> Check:
    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{path}: {_shown(value)} is not of type array"
            return
        if most is not None and len(value) > most:
            yield f"{path}: has {len(value)} items; at most {most} are taken"
        for index, each in enumerate(value):
            yield from item(each, f"{path}[{index}]")

    return check


def _map(item: Check) -> Check:
    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {_shown(value)} is not of type object"
            return
        for key, each in value.items():
            yield from item(each, f"{path}.{key}")

    return check


def _object(required: tuple[str, ...] = (), **members: Check) -> Check:
    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {_shown(value)} is not of type object"
            return
        for name in required:
            if name not in value:
                yield f"{path}: required key {name} is missing"
        for name, each in value.items():
            if name not in members:
                known = ", ".join(sorted(members))
                yield f"{path}: key {name} is not permitted; {known} are"
            else:
                yield from members[name](each, f"{path}.{name}")

    return check


def _anything(value: Any, path: str) -> Iterator[str]:
    yield from ()


def _shown(value: Any) -> str:
    return json.dumps(value)[:80]


_METRIC = _object(
    required=("name", "type", "value"),
    name=_string(255),
    notes=_string(),
    type=_one_of("number", "string", "boolean", "linear_graph", "bar_chart", "matrix"),
    value=_anything,
    x_axis_name=_anything,
    y_axis_name=_anything,
)
_PARAMETER = _object(required=("name", "value"), name=_string(255), value=_string(255))
_SIMPLE_METRIC = _object(
    required=("name", "value"), name=_string(255), value=_number(), notes=_string()
)
_IMAGES = _object(container_image=_list(_string(), 15))
_TRAINING_JOB = _object(
    training_arn=_string(),
    training_datasets=_list(_string(), 15),
    training_environment=_IMAGES,
    training_metrics=_list(_SIMPLE_METRIC, 50),
    user_provided_training_metrics=_list(_SIMPLE_METRIC, 50),
    hyper_parameters=_list(_PARAMETER, 100),
    user_provided_hyper_parameters=_list(_PARAMETER, 100),
)
# What a model card and a package's own card have in common.
_SECTIONS: dict[str, Check] = {
    "intended_uses": _object(
        purpose_of_model=_string(2048),
        intended_uses=_string(2048),
        factors_affecting_model_efficiency=_string(2048),
        risk_rating=_one_of("High", "Medium", "Low", "Unknown"),
        explanations_for_risk_rating=_string(2048),
    ),
    "business_details": _object(
        business_problem=_string(2048),
        business_stakeholders=_string(2048),
        line_of_business=_string(2048),
    ),
    "training_details": _object(
        objective_function=_object(
            function=_object(
                function=_one_of("Maximize", "Minimize"), facet=_string(63), condition=_string(63)
            ),
            notes=_string(),
        ),
        training_observations=_string(),
        training_job_details=_TRAINING_JOB,
    ),
    "evaluation_details": _list(
        _object(
            required=("name",),
            name=_string(63),
            evaluation_observation=_string(2096),
            evaluation_job_arn=_string(256),
            datasets=_list(_string(), 10),
            metadata=_map(_string()),
            metric_groups=_list(
                _object(
                    required=("name", "metric_data"), name=_string(63), metric_data=_list(_METRIC)
                )
            ),
        )
    ),
    "additional_information": _object(
        ethical_considerations=_string(2048),
        caveats_and_recommendations=_string(2048),
        custom_details=_map(_string()),
    ),
}
_CARD = _object(
    (),
    model_overview=_object(
        model_description=_string(),
        model_owner=_string(),
        model_creator=_string(),
        problem_type=_string(),
        algorithm_type=_string(),
        model_id=_string(),
        model_name=_string(),
        model_version=_number(1),
        model_artifact=_list(_string(), 15),
        inference_environment=_IMAGES,
    ),
    model_package_details=_object(
        model_package_description=_string(),
        model_package_arn=_string(),
        created_by=_object(user_profile_name=_string(63)),
        model_package_status=_one_of("Pending", "InProgress", "Completed", "Failed", "Deleting"),
        model_approval_status=_one_of("Approved", "Rejected", "PendingManualApproval"),
        approval_description=_string(),
        model_package_group_name=_string(63),
        model_package_name=_string(63),
        model_package_version=_number(1),
        domain=_string(),
        task=_string(),
        source_algorithms=_list(_map(_anything)),
        inference_specification=_map(_anything),
    ),
    **_SECTIONS,
)
_PACKAGE_CARD = _object(
    (),
    model_overview=_object(model_creator=_string(), model_artifact=_list(_string(), 15)),
    **_SECTIONS,
)
