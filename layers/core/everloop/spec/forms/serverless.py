"""`serve = "serverless"`: an endpoint without instances of its own, paid by the request.

What AWS excludes: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from everloop.spec import instances
from everloop.spec.forms.form import Form


def config(spec: Mapping[str, Any], stage: str) -> dict[str, int]:
    """Return a variant's ServerlessConfig; what is tested is kept warm for nobody."""
    section = spec["deploy"]["serverless"]
    made = {"MemorySizeInMB": section["memory_mb"], "MaxConcurrency": section["max_concurrency"]}
    if section["provisioned"] and stage == "production":
        made["ProvisionedConcurrency"] = section["provisioned"]
    return made


def _implied(given: dict[str, Any]) -> dict[str, Any]:
    return {"serverless": {}, "capture_percent": 0, **given}


def _mistakes(spec: Mapping[str, Any]) -> Iterator[str]:
    deploy = spec["deploy"]
    section, serves = deploy["serverless"], "deploy.serve is 'serverless'"
    if section and section["provisioned"] > section["max_concurrency"]:
        yield (
            f"deploy.serverless.provisioned is {section['provisioned']}; give at most "
            f"deploy.serverless.max_concurrency, which is {section['max_concurrency']}"
        )
    if deploy["capture_percent"]:
        yield (
            f"deploy.capture_percent is {deploy['capture_percent']} and {serves}; AWS captures no "
            "traffic of a serverless endpoint: leave it out"
        )
    if spec["data"].get("learn_from_traffic"):
        yield (
            f"data.learn_from_traffic is true and {serves}; AWS captures no traffic of a "
            "serverless endpoint: leave it out"
        )
    for stage in ("production", "staging"):
        fleet = deploy[stage]
        if instances.listed(fleet["instance"]) != instances.SERVE:
            yield _not_yours(f"deploy.{stage}.instance is {fleet['instance']!r}")
        if fleet["count"] != 1:
            yield _not_yours(f"deploy.{stage}.count is {fleet['count']}")


def _not_yours(given: str) -> str:
    return (
        f"{given} and deploy.serve is 'serverless'; AWS chooses what it runs on, without GPUs: "
        "leave it out, and give deploy.serverless.memory_mb"
    )


FORM: Final = Form(
    "serverless",
    _mistakes,
    on_instances=False,
    captured=False,
    sections=("serverless",),
    implied=_implied,
)
