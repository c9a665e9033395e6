"""Definitions given to the local cloud and to the stack: pipelines, and machines that then run.

Each is taken or refused in AWS's words; nothing fails inside the cloud, and what runs ends.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from conformance.state_cases import cases, execute
from fuzz.hostile import TEXTS, mutated
from fuzz.target import ROOT, Check, Target
from hypothesis import strategies as st

from everloop.bundle import Bundle
from everloop.errors import BadInput
from everloop.pipelines.own import compiled, own_definition
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec.model_spec import load_spec
from everloop_localcloud.cloud import started
from everloop_localcloud.states.validation import validate

_SITE = Site("artefacts", "us-east-1", "arn:aws:iam::123456789012:role/r", "s3://artefacts/jobs")
_BUNDLE = BundleRef("s3://artefacts/bundles/b/bundle.tar.gz", "0" * 64)
_AIR_TIME = ROOT / "models" / "air-time"
_SPEC = load_spec((_AIR_TIME / "model.toml").read_text(), name="air-time")
_PIPELINES = [
    json.loads(render(_SPEC, _SITE, _BUNDLE)),
    json.loads((_AIR_TIME / "pipeline.json").read_text())["definition"],
]
_RAW = st.one_of(
    TEXTS, st.sampled_from(["{", "[]", "null", "[" * 50_000, '{"a":' * 5_000, "1e999"])
)


@contextmanager
def _created(folder: Path) -> Iterator[Check]:
    cloud, front = started(folder / "cloud", strict=True, services=["s3", "sagemaker", "sts"])
    import boto3

    client = boto3.client(
        "sagemaker",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="fuzz",
        aws_secret_access_key="fuzz",
    )
    number = 0

    def check(definition: Any) -> None:
        nonlocal number
        number += 1
        text = definition if isinstance(definition, str) else json.dumps(definition)
        try:
            client.create_pipeline(
                PipelineName=f"p{number}",
                PipelineDefinition=text or " ",
                RoleArn=_SITE.role_arn,
                ClientRequestToken=f"{number:032d}",
            )
        except ClientError as refused:
            said = refused.response["Error"]
            assert said["Code"] == "ValidationException", f"{said['Code']}: {said['Message'][:300]}"
            return
        described = client.describe_pipeline(PipelineName=f"p{number}")
        assert json.loads(described["PipelineDefinition"]) is not None

    try:
        yield check
    finally:
        cloud.stop()
        front.stop()


@contextmanager
def _own(folder: Path) -> Iterator[Check]:
    files = {path.name: path.read_bytes() for path in _AIR_TIME.iterdir() if path.is_file()}
    del files["pipeline.json"]

    def check(definition: Any) -> None:
        if isinstance(definition, str):
            data = definition.encode("utf-8", "replace")
        elif isinstance(definition, dict):
            data = compiled(definition, files, "sagemaker 3")
        else:
            return
        bundle = Bundle("0" * 64, {**files, "pipeline.json": data})
        try:
            filled = own_definition(bundle, _SPEC, _SITE, _BUNDLE)
        except BadInput as refused:
            assert str(refused).strip()
            return
        assert filled is not None
        assert set(_roles(json.loads(filled)["Steps"])) <= {_SITE.role_arn}, "another role"

    yield check


def _roles(value: Any) -> Iterator[Any]:
    """Yield every role that jobs of a definition would run with."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("RoleArn", "ExecutionRoleArn"):
                yield json.dumps(inner) if isinstance(inner, dict | list) else inner
            yield from _roles(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _roles(inner)


_MACHINES = [
    case
    for name in ("states_jsonata", "states_jsonpath")
    for case in cases(name)
    if "definition" in case and not case["services"]
]


def _finite(value: Any) -> bool:
    """Whether a value can be the input of an execution: JSON knows no infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


@contextmanager
def _ran(folder: Path) -> Iterator[Check]:
    def check(case: tuple[Any, Any]) -> None:
        definition, value = case
        text = definition if isinstance(definition, str) else json.dumps(definition)
        found = validate(text)
        assert all(diagnostic.text().strip() for diagnostic in found)
        if found or not _finite(value):
            return
        ending, events = execute(json.loads(text), value, [])
        assert ending.status in ("SUCCEEDED", "FAILED", "TIMED_OUT"), ending
        assert events[-1]["type"].startswith("Execution")

    yield check


_CHANGED = st.sampled_from(_MACHINES).flatmap(
    lambda case: st.one_of(
        st.tuples(mutated(st.just(case["definition"])), st.just(case["input"])),
        st.tuples(st.just(case["definition"]), mutated(st.just({"x": case["input"]}))),
    )
)

TARGETS = [
    Target("pipelines", st.one_of(mutated(st.sampled_from(_PIPELINES)), _RAW), _created, share=12),
    Target("own pipelines", st.one_of(mutated(st.sampled_from(_PIPELINES)), _RAW), _own, share=8),
    Target("machines", st.one_of(_CHANGED, _CHANGED, st.tuples(_RAW, st.just({}))), _ran, share=25),
]
