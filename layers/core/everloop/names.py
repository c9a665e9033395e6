"""Names of effects, derived from the fact, never the delivery: doing twice is doing once."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_EXECUTION = re.compile(r"(.+)-(?:[ws]\d+-a\d+|v\d+-[0-9a-f]{4}|r\d+-v\d+|\d{8}T\d{4})")
_WINDOW = re.compile(r"-w(\d+)-[0-9a-f]{8}(?:-t\d+)?$")
_AGAIN = re.compile(r"(.+)-v\d+-again-\d{8}T\d{6}")
_VERSION = re.compile(r"-v(\d+)-(?:staging-)?[0-9a-f]{8}$")


def canonical(value: object) -> bytes:
    """Write JSON in the one form that digests are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: object) -> str:
    """Return the sha256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def train_execution(model: str, window: int, attempt: int) -> str:
    return f"{model}-w{window}-a{attempt}"


def evaluate_execution(model: str, version: int, package_arn: str, attempt: int = 1) -> str:
    return f"{model}-v{version}-{digest([package_arn, attempt])[:4]}"


def endpoint_tests(model: str, epoch: int) -> str:
    """Return the key of a release's tests in the artefact bucket."""
    return f"releases/{model}/r{epoch}/endpoint-tests.json"


GOLDEN = "rows.csv"  # what a version without an endpoint scores before it is released


def golden(model: str, epoch: int) -> str:
    """Return where in the artefact bucket a release's golden rows and their answers lie."""
    return f"releases/{model}/r{epoch}/golden"


def deploy_execution(model: str, epoch: int, version: int) -> str:
    return f"{model}-r{epoch}-v{version}"


def to_score(model: str) -> str:
    """Name what came below score/ for a model among the ledger's windows; no model is called so."""
    return f"{model}/score"


def score_execution(model: str, window: int, attempt: int) -> str:
    return f"{model}-s{window}-a{attempt}"


def scores(model: str, window: int, closed_at: datetime) -> str:
    """Return where in the artefact bucket the scores of a window lie."""
    return f"scores/{model}/{closed_at:%Y-%m-%dT%H%M%S}-w{window}"


def work_of(scores: str) -> str:
    """Return below what lies, beside a window's scores, what each try was given and made."""
    return f"{scores}/work"


def monitor_execution(model: str, scheduled_at: datetime) -> str:
    return f"{model}-{scheduled_at:%Y%m%dT%H%M}"


def model_of_execution(name: str) -> str | None:
    """Return the model that an execution of one of the four machines is about; None for others."""
    match = _EXECUTION.fullmatch(name)
    return match[1] if match else None


def remove_execution(model: str | None, now: datetime) -> str:
    return f"{model or 'all'}-removed-{now:%Y%m%dT%H%M%S}"


def training_run(
    model: str, window: int, dataset_digest: str, bundle_digest: str, again: int = 0
) -> str:
    """Name a training run by what is trained, whichever attempt of a machine asks for it.

    `again` is how often a person asked for the same data and code once more.
    """
    return f"{model}-w{window}-{digest(_trained(dataset_digest, bundle_digest, again))[:8]}"


_REPRODUCTION = "--reproduction"  # no model has two hyphens in a row in its name


def reproduction_pipeline(model: str) -> str:
    """Name the pipeline that trains a model's versions again; nothing of it is ever released."""
    return f"{model}{_REPRODUCTION}"


def is_reproduction(pipeline: str) -> bool:
    """Whether a pipeline trains versions again."""
    return pipeline.endswith(_REPRODUCTION)


def reproduction(model: str, version: int, at: datetime) -> str:
    """Name the execution that a person asked for at this time."""
    return f"{model}-v{version}-again-{at:%Y%m%dT%H%M%S}"


def model_of_reproduction(execution: str) -> str | None:
    """Return which model's version an execution trains again; None for any other name."""
    match = _AGAIN.fullmatch(execution)
    return match[1] if match else None


def run_turn(run: str, turn: int) -> str:
    """Name the pipeline execution of a run: the first one as the run, others by their turn."""
    return f"{run}-t{turn}" if turn else run


def run_of_turn(name: str) -> str:
    """Return the run that a pipeline execution of ours is of, by its display name."""
    return re.sub(r"(?<=-[0-9a-f]{8})-t\d+$", "", name)


def window_of_run(name: str) -> int | None:
    """Return the window that a training run of ours was started for; None for any other name."""
    match = _WINDOW.search(name)
    return int(match[1]) if match else None


def is_training_run(model: str, name: str, *, but: str) -> bool:
    """Whether this is the name of a training run of ours, other than `but`."""
    ours = rf"{re.escape(model)}-w\d+-[0-9a-f]{{8}}(-t\d+)?"
    return name != but and bool(re.fullmatch(ours, name))


def run_token(
    model: str,
    window: int,
    dataset_digest: str,
    bundle_digest: str,
    again: int = 0,
    turn: int = 0,
) -> str:
    """Return StartPipelineExecution's ClientRequestToken (64 characters; it takes 32 to 128).

    Another `turn` of a run is another execution of it.
    """
    made = _trained(dataset_digest, bundle_digest, again)
    return digest([model, window, *made, *([f"t{turn}"] if turn else [])])


def _trained(dataset_digest: str, bundle_digest: str, again: int) -> list[Any]:
    return [dataset_digest, bundle_digest, *([again] if again else [])]


def sagemaker_model(model: str, version: int, container: Mapping[str, Any], turn: int = 0) -> str:
    """Name a SageMaker model by all that it is made of; another turn gives another name."""
    return f"{model}-v{version}-{digest([container, turn] if turn else container)[:8]}"


def model_card(model: str, version: int) -> str:
    """Name the model card that is a copy of a version's own."""
    return f"{model}-v{version}"


def endpoint_config(model: str, version: int, config: Mapping[str, Any], *, staging: bool) -> str:
    """Name an endpoint config by all that it says, so that a name never means two things."""
    middle = "-staging" if staging else ""
    return f"{model}-v{version}{middle}-{digest(config)[:8]}"


def version_of_config(config: str) -> int | None:
    """Return the version that an endpoint config of ours serves; None for somebody else's."""
    match = _VERSION.search(config)
    return int(match[1]) if match else None


def is_staging_config(config: str) -> bool:
    """Whether an endpoint config of ours was made to stage a version."""
    match = _VERSION.search(config)
    return match is not None and "-staging-" in match[0]


BELOW_BARS_STEP = "BelowBars"  # what ends a pipeline whose model does not meet its bars
ERRORS, LATENCY = "errors", "latency"
ALARMS = (ERRORS, LATENCY)  # of an endpoint, and of a release
_RELEASE_ALARM = r"-v\d+-[0-9a-f]{8}-(errors|latency)"
_MADE = r"-v\d+-(staging-)?[0-9a-f]{8}"


def serving_alarm(stack: str, model: str, word: str) -> str:
    """Name an alarm that belongs to a model's endpoint, whatever version serves."""
    return f"{stack}-{model}-serving-{word}"


def of_serving_alarm(stack: str, name: str) -> tuple[str, str] | None:
    """Return model and word of an endpoint's alarm of ours; None for any other name."""
    match = re.fullmatch(rf"{re.escape(stack)}-(.+)-serving-({'|'.join(ALARMS)})", name)
    return (match[1], match[2]) if match else None


def release_alarm(stack: str, config: str, word: str) -> str:
    """Name an alarm that watches one release, and can roll it back."""
    return f"{stack}-{config}-{word}"


def is_release_alarm(stack: str, model: str, name: str) -> bool:
    """Whether this is the name of an alarm of one of a model's releases."""
    return bool(re.fullmatch(rf"{re.escape(f'{stack}-{model}')}{_RELEASE_ALARM}", name))


def is_alarm_of(stack: str, model: str, name: str) -> bool:
    """Whether this is the name of an alarm of a model's endpoint, or of one of its releases."""
    return is_release_alarm(stack, model, name) or of_serving_alarm(stack, name) in [
        (model, word) for word in ALARMS
    ]


def scaling_policy(stack: str) -> str:
    """Name the policy by which AWS scales an endpoint of ours; each endpoint has one."""
    return f"{stack}-requests"


def is_scaling_alarm(name: str) -> bool:
    """Whether this is an alarm by which AWS scales an endpoint, whoever asked for that."""
    return name.startswith("TargetTracking-endpoint/")


def is_made_for(model: str, name: str) -> bool:
    """Whether this is the name of an endpoint config or SageMaker model made for a model."""
    return bool(re.fullmatch(rf"{re.escape(model)}{_MADE}", name))


def staging_endpoint(model: str) -> str:
    return f"{model}-staging"
