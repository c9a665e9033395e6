"""Making: the SageMaker model and the endpoint config of a release; again, where they were deleted.

Names are derived from content, and yet say nothing of what lies there: somebody may have deleted
it, or made something else under the name. So what is there is read, and what was made is written
down before it is made.
"""

from datetime import datetime
from typing import Any, Final

from everloop import names
from everloop.aws import configs, endpoints, ledger, registry
from everloop.aws.settings import settings
from everloop.decisions.releases import Serving
from everloop.decisions.seals import container
from everloop.errors import BadInput, Conflict
from everloop.flows import instances, sealing
from everloop.flows.report import logger
from everloop.pipelines import capturing
from everloop.pipelines.rollouts import VARIANT, Fleet, endpoint_config
from everloop.records.config import ServingConfig
from everloop.records.installation import Installation
from everloop.records.seal import Seal
from everloop.spec import personal, policy
from everloop.spec.instances import of_endpoint

STAGING: Final = "staging"
PRODUCTION: Final = "production"
_MOST_TURNS = 5  # names that somebody else has taken


def fleet(installed: Installation, stage: str, now: datetime) -> Fleet:
    """Return what a stage runs on now: without what AWS refused a moment ago, where there is more.

    AWS's own pools stand in where one has no capacity. They are no help with quotas.
    """
    asked = _asked(installed, stage)
    if asked.serverless is not None:
        return asked
    taken = instances.taken(installed, of_endpoint(installed.spec, stage), now)
    usable = tuple(choice.instance for choice in taken.usable if choice != taken.choice)
    return Fleet(taken.choice.instance, asked.instances, usable)


def _asked(installed: Installation, stage: str) -> Fleet:
    deploy = policy.deploy(installed.spec)
    return deploy.staging if stage == STAGING else deploy.production


def planned(
    installed: Installation,
    seal: Seal,
    stage: str,
    runs_on: Fleet | None = None,
    turn: int = 0,
) -> ServingConfig:
    """Return what a stage of a version's release is made of; the same things give the same.

    What is served is the sealed copy of the model, on the preferred instances unless told. Another
    `turn` gives the same by other names.
    """
    model, version = installed.model, seal.version
    deploy, stack = policy.deploy(installed.spec), settings()
    staging = stage == STAGING
    place = f"s3://{stack.artefact_bucket}/capture/{model}"
    masked = capturing.is_masked(seal.environment)
    environment = dict(seal.environment)
    if masked and not staging:
        environment |= capturing.environment(
            seal, f"{place}/{model}/{VARIANT}", deploy.capture_percent, stack.masking_key
        )
    served = container(seal.image, seal.model_uri, environment)
    sagemaker_model = names.sagemaker_model(model, version, served, turn)
    capture: dict[str, Any] = {}
    if not staging and not masked and not personal.personal(installed.spec):
        capture = {"capture_uri": place, "capture_percent": deploy.capture_percent}
    config = endpoint_config(
        sagemaker_model, runs_on or _asked(installed, stage), kms_key=stack.kms_key, **capture
    )
    name = names.endpoint_config(model, version, config, staging=staging)
    return ServingConfig(name, config, sagemaker_model, served)


def make(installed: Installation, seal: Seal, stage: str, now: datetime) -> ServingConfig:
    """See to it that a stage's model and config are there, and return them.

    Where somebody else's things have their names, they get others: the same ones each time.
    Raises Conflict where that does not end.
    """
    taken: Conflict | None = None
    runs_on = fleet(installed, stage, now)
    for turn in range(_MOST_TURNS):
        made = planned(installed, seal, stage, runs_on, turn)
        try:
            _ensure(installed.model, made)
            return made
        except Conflict as conflict:
            logger.warning("found a name taken", config=made.config_name, why=str(conflict))
            taken = conflict
    raise Conflict(f"{_MOST_TURNS} names are taken by others: {taken}") from taken


def model_to_score(installed: Installation, seal: Seal) -> str:
    """See to it that there is a SageMaker model of a version, and return its name.

    It is what a release serves from, by the same name; where somebody else's has that, by another.
    """
    served = container(seal.image, seal.model_uri, seal.environment)
    taken: Conflict | None = None
    for turn in range(_MOST_TURNS):
        name = names.sagemaker_model(installed.model, seal.version, served, turn)
        try:
            endpoints.ensure_model(name, served, settings().sagemaker_role)
            return name
        except Conflict as conflict:
            taken = conflict
    raise Conflict(f"{_MOST_TURNS} names are taken by others: {taken}") from taken


def restore_model(installed: Installation, serving: Serving) -> str:
    """Make the model again that production names where there is no endpoint; say so, else nothing.

    Raises BadInput where nothing says what it was made of.
    """
    if endpoints.has_model(serving.config) or serving.version is None:
        return ""
    seal = ledger.seal(installed.model, serving.version)
    if seal is None or not seal.complete:
        raise BadInput(f"model {serving.config} is gone, and nothing says what it was")
    made = container(seal.image, seal.model_uri, seal.environment)
    endpoints.ensure_model(serving.config, made, settings().sagemaker_role)
    return f"model {serving.config}, which scores what comes, was deleted, and was made again"


def restore(
    installed: Installation, serving: Serving | None, instead: ServingConfig | None = None
) -> str:
    """Make the config and the model again that an endpoint serves from, where they were deleted.

    Without them AWS takes no update of the endpoint, and starts no instance that fails. `instead`
    is what a config gets that is not ours: for an update it is enough that there is one. Returns
    what was made, in words; empty where nothing was missing.
    """
    if serving is None or not serving.config:
        return ""
    models = endpoints.models_of_config(serving.config)
    if models is not None and all(endpoints.has_model(name) for name in models):
        return ""
    made = _known(installed, serving) or instead
    if made is None:
        raise BadInput(
            f"endpoint config {serving.config}, which {serving.endpoint} serves from, "
            f"{'is' if models is None else 'has models that are'} gone; nothing says what it was"
        )
    if models is not None and made.sagemaker_model not in models:
        made = ServingConfig(made.config_name, made.config, models[0], made.container)
    try:
        endpoints.ensure_model(made.sagemaker_model, made.container, settings().sagemaker_role)
        if models is None:
            endpoints.ensure_config(serving.config, made.config)
    except Conflict as conflict:  # another model has the name: an update wants it there, no more
        logger.warning("found a name taken", config=serving.config, why=str(conflict))
        if models is not None:
            return ""
        endpoints.ensure_config(serving.config, made.config)
    what = f"endpoint config {serving.config}" if models is None else f"model {models[0]}"
    return f"{what}, which {serving.endpoint} serves from, was deleted, and was made again"


def _known(installed: Installation, serving: Serving) -> ServingConfig | None:
    """Return what a config of ours was made of; of before, what it would be made of now."""
    made = configs.get(installed.model, serving.config)
    if made is not None or serving.version is None:
        return made
    group = installed.pipeline_arn.rpartition(":")[0]
    arn = f"{group}:model-package/{installed.model}/{serving.version}"
    seal = ledger.seal(installed.model, serving.version)
    if seal is not None and not seal.complete:
        described = registry.find(arn)
        seal = sealing.completed(seal, described) if described else None
    if seal is None or not seal.complete:
        return None
    stage = STAGING if serving.staged else PRODUCTION
    return planned(installed, seal, stage)


def _ensure(model: str, made: ServingConfig) -> None:
    endpoints.ensure_model(made.sagemaker_model, made.container, settings().sagemaker_role)
    configs.put(model, made)
    endpoints.ensure_config(made.config_name, made.config)
