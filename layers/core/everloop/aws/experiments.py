"""SageMaker's experiments: what it notes of each job by itself, and what we add to it."""

from collections.abc import Mapping

from everloop.aws.clients import sagemaker, translated

_LONGEST = 2500  # of a text, by the API


def describe_training(job: str, texts: Mapping[str, str], numbers: Mapping[str, float]) -> None:
    """Add parameters to the trial component that SageMaker made of a training job."""
    component = f"{job}-aws-training-job"
    with translated(component):
        sagemaker().update_trial_component(
            TrialComponentName=component,
            Parameters={
                **{name: {"StringValue": value[:_LONGEST]} for name, value in texts.items()},
                **{name: {"NumberValue": value} for name, value in numbers.items()},
            },
        )
