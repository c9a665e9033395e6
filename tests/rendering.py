"""Definitions of the default pipeline, rendered as a push renders them, and what is in them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec.model_spec import load_spec

ROLE = "arn:aws:iam::123456789012:role/everloop-sagemaker"
BUNDLE = BundleRef("s3://artefacts/bundles/flights/0a1b/bundle.tar.gz", "0a1b" * 16)
SITE = Site("artefacts", "us-east-1", ROLE, "s3://artefacts/jobs/77")
SPEC = """
problem = "binary_classification"
[data]
target = "late"
[train]
hyperparameters = { max_iter = 100, rate = 0.1, loss = "log", warm = true }
[evaluate]
metrics = { auc = { min = 0.65 }, log_loss = { max = 0.6 } }
"""
Json = dict[str, Any]


def rendered(spec: str = SPEC, site: Site = SITE, name: str = "flights") -> Json:
    found: Json = json.loads(render(load_spec(spec, name=name), site, BUNDLE))
    return found


def every_step(steps: list[Json]) -> Iterator[Json]:
    for step in steps:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from every_step(step.get("Arguments", {}).get(branch, []))


def step(definition: Json, name: str) -> Json:
    return next(each for each in every_step(definition["Steps"]) if each["Name"] == name)


def resolved(value: Any) -> Any:
    """Replace functions by what they could give."""
    if isinstance(value, list):
        return [resolved(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if "Std:Join" in value and len(value) == 1:
        join = value["Std:Join"]
        return join["On"].join(str(resolved(inner)) for inner in join["Values"])
    if "Std:JsonGet" in value and len(value) == 1:
        return 0.7
    if "Get" in value and len(value) == 1:
        source = value["Get"]
        if source.endswith("PipelineExecutionArn"):
            return (
                "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights/execution/abcdefghijkl"
            )
        return (
            f"s3://artefacts/{re.sub('[^a-z]', '', source.lower())}" if "Uri" in source else "abc"
        )
    return {key: resolved(inner) for key, inner in value.items()}
