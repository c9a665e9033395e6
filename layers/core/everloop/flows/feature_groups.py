"""The feature groups of a model: made where they are Everloop's, checked where they are others'."""

from collections.abc import Mapping
from typing import Any

from everloop.aws import feature_groups
from everloop.aws.settings import settings
from everloop.errors import BadInput, NotReady
from everloop.flows.report import logger
from everloop.pipelines.feature_groups import Place, additions, creation, lacking, problem_of
from everloop.spec.features import is_own


def ensure(model: str, spec: Mapping[str, Any]) -> None:
    """Make, extend or check the groups that a spec names.

    Nothing is made before all have been looked at. Raises BadInput for one that does not fit, and
    NotReady where SageMaker is changing one.
    """
    found = {name: _checked(name, each) for name, each in (spec.get("features") or {}).items()}
    stack = settings()
    place = Place(stack.artefact_bucket, stack.sagemaker_role, stack.kms_key)
    for name, described in found.items():
        section = spec["features"][name]
        if described is None:
            feature_groups.create(creation(model, section, place))
            logger.info("made a feature group", model=model, group=section["group"])
        elif new := additions(described, section):
            if described["FeatureGroupStatus"] == "Creating":
                raise NotReady(f"feature group {section['group']} is still being made")
            feature_groups.extend(section["group"], new)
            logger.info("extended a feature group", model=model, group=section["group"])


def _checked(name: str, section: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Describe a group that fits; None for one of Everloop's that is to be made."""
    group, where = section["group"], f"model.toml: features.{name}"
    try:
        described = feature_groups.find(group)
    except BadInput as error:
        raise BadInput(f"{where}.group: {error}") from error
    if described is None and not is_own(section):
        raise BadInput(
            f"{where}.group is {group!r}, and there is no such feature group in this account and "
            "region; correct the name, or create it"
        )
    if described is None:
        return None
    problem = problem_of(described, section)
    if not is_own(section):
        problem = problem or lacking(described, section)
    if problem:
        raise BadInput(f"{where}: feature group {group} {problem}")
    return described
