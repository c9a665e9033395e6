"""A cloud of a check's own: a folder that goes, no port that anybody knows, real processes."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from everloop.bundle import Bundle
from everloop.decisions.endpoint_tests import Answer
from everloop.pipelines import feature_groups
from everloop.pipelines.feature_groups import Place
from everloop.pipelines.own import own_definition
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec import personal, policy
from everloop.spec.features import is_own
from everloop.spec.model_spec import ModelSpec

_SERVICES = (
    *("s3", "logs", "cloudwatch", "sagemaker", "sagemaker-runtime", "sagemaker-metrics"),
    "sagemaker-featurestore-runtime",
)
_BUCKET, _ROLE = "check", "arn:aws:iam::123456789012:role/check"
_TOKEN = "everloop-check-everloop-check-00"
_GOING = ("Executing", "Starting", "InProgress", "Stopping")
_SAID = 400  # lines of a job's log that are read
_PATIENCE_S = 300  # for an endpoint to serve


@dataclass(frozen=True)
class Step:
    """A step of the pipeline that has ended."""

    name: str
    succeeded: bool
    why: str
    seconds: float
    log: tuple[str, ...]


class NoStart(Exception):
    """The pipeline could not be started; the text says why."""


class Lab:
    """A local cloud for one model; close it."""

    def __init__(self, model: str, *, exact: bool = False, docker: bool = False) -> None:
        self.model = model
        self._options = {"exact_images": exact, "docker_jobs": docker}
        self._open = ExitStack()
        self._cloud: Any = None
        self._definition = ""
        self._metadata: Mapping[str, str] = {}

    def start(self) -> None:
        """Start the cloud, in a folder that goes with it."""
        from everloop_localcloud.cloud import started

        folder = self._open.enter_context(
            tempfile.TemporaryDirectory(prefix="everloop-check-", ignore_cleanup_errors=True)
        )
        self._cloud, front = started(Path(folder), services=_SERVICES, **self._options)
        self._open.callback(front.stop)
        self._open.callback(self._cloud.stop)
        self._call("s3", "CreateBucket", Bucket=_BUCKET)

    def close(self) -> None:
        """End every process of it."""
        self._open.close()

    def _call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._cloud.call(service, operation, request)
        return found

    def put(self, key: str, body: bytes) -> None:
        self._call("s3", "PutObject", Bucket=_BUCKET, Key=key, Body=body)

    def read(self, uri: str) -> bytes | None:
        """Return an object by its URI; None where it is not there."""
        key = uri.removeprefix(f"s3://{_BUCKET}/")
        if key not in self._cloud.apis["s3"].keys(_BUCKET, key):
            return None
        body: bytes = self._cloud.apis["s3"].read(_BUCKET, key)
        return body

    def made(self, name: str) -> bytes | None:
        """Return a file that the run left, by the end of its name; None where there is none."""
        keys = self._cloud.apis["s3"].keys(_BUCKET, f"runs/{self.model}/")
        found = [key for key in keys if key.endswith(f"/{name}")]
        return self.read(found[0]) if found else None

    def install(self, bundle: bytes, opened: Bundle, spec: ModelSpec) -> None:
        """Put there what a push puts there: the bundle, its spec, our jobs, and the pipeline."""
        document = personal.with_key(policy.document(spec), self._masking_key(spec))
        self.put("code/bundle.tar.gz", bundle)
        self.put("code/spec.json", json.dumps(document).encode())
        for name, content in _jobs().items():
            self.put(f"jobs/{name}", content)
        site = Site(_BUCKET, self._cloud.region, _ROLE, f"s3://{_BUCKET}/jobs")
        ref = BundleRef(f"s3://{_BUCKET}/code/bundle.tar.gz", opened.digest)
        # Bars are looked at afterwards: a model that misses them is served here all the same.
        unbarred = spec.evaluate.model_copy(update={"metrics": {}})
        open_spec = spec.model_copy(update={"evaluate": unbarred})
        self._definition = own_definition(opened, spec, site, ref) or render(open_spec, site, ref)
        place = Place(_BUCKET, _ROLE, None)
        for section in (document.get("features") or {}).values():
            if is_own(section):
                request = feature_groups.creation(self.model, section, place)
                self._call("sagemaker", "CreateFeatureGroup", **request)

    def _masking_key(self, spec: ModelSpec) -> str:
        """Make the key that a stack has, for a model with [privacy]; it goes with this cloud."""
        if spec.privacy is None:
            return ""
        request = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
        arn: str = self._call("kms", "CreateKey", **request)["KeyMetadata"]["Arn"]
        return arn

    def drop(self, files: Mapping[str, Path]) -> None:
        """Put a sample there, as one window's dataset."""
        objects = []
        for name, path in sorted(files.items()):
            body, key = path.read_bytes(), f"data/{self.model}/{name}"
            self.put(key, body)
            etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
            entry = {"bucket": _BUCKET, "key": key, "version_id": None, "etag": etag}
            objects.append({**entry, "size": len(body), "window": 1})
        manifest = {"version": 1, "model": self.model, "digest": "0" * 64, "windows": [1]}
        manifest |= {"new_windows": [1], "left_out": {}, "objects": objects}
        self.put("dataset/check.json", json.dumps(manifest).encode())

    def run(self, say: Callable[[str], None]) -> Iterator[Step]:
        """Run the pipeline; yield its steps as they end. Raises NoStart."""
        from everloop_localcloud.kernel.errors import AwsError

        try:
            self._call("sagemaker", "CreateModelPackageGroup", ModelPackageGroupName=self.model)
            self._call(
                "sagemaker",
                "CreatePipeline",
                PipelineName=self.model,
                PipelineDefinition=self._definition,
                RoleArn=_ROLE,
                ClientRequestToken=_TOKEN,
            )
            arn = self._call(
                "sagemaker",
                "StartPipelineExecution",
                PipelineName=self.model,
                ClientRequestToken=_TOKEN,
                PipelineParameters=[
                    {"Name": "DatasetUri", "Value": f"s3://{_BUCKET}/dataset/check.json"},
                    {"Name": "DatasetDigest", "Value": "0" * 64},
                    {"Name": "Cause", "Value": "check"},
                ],
            )["PipelineExecutionArn"]
        except AwsError as error:
            raise NoStart(str(error)) from error
        told, begun = set(), set()
        while True:
            # Read before its steps: what ends in between is read in the next round.
            status = self._call("sagemaker", "DescribePipelineExecution", PipelineExecutionArn=arn)[
                "PipelineExecutionStatus"
            ]
            for step in self._steps(arn):
                name = step["StepName"]
                if name not in begun:
                    begun.add(name)
                    say(name)
                if step["StepStatus"] not in _GOING and name not in told:
                    told.add(name)
                    yield self._ended(step)
            if status not in _GOING:
                return
            time.sleep(0.1)

    def _steps(self, arn: str) -> list[dict[str, Any]]:
        request = {"PipelineExecutionArn": arn, "SortOrder": "Ascending"}
        steps: list[dict[str, Any]] = self._call(
            "sagemaker", "ListPipelineExecutionSteps", **request
        )["PipelineExecutionSteps"]
        return steps

    def _ended(self, step: Mapping[str, Any]) -> Step:
        begun, ended = step.get("StartTime"), step.get("EndTime")
        seconds = (ended - begun).total_seconds() if begun and ended else 0.0
        succeeded = step["StepStatus"] == "Succeeded"
        log = () if succeeded else self._log(step.get("Metadata") or {})
        return Step(step["StepName"], succeeded, str(step.get("FailureReason") or ""), seconds, log)

    def _log(self, ran: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the last lines that the step's job printed; of a tuning those of its trials."""
        jobs = [str(each["Arn"]).rpartition("/")[2] for each in ran.values() if "Arn" in each]
        logs: Any = self._cloud.apis["logs"]
        lines: list[str] = []
        for group in ("ProcessingJobs", "TrainingJobs", "TransformJobs"):
            name = f"/aws/sagemaker/{group}"
            if not logs.has_group(name):
                continue
            streams = self._call("logs", "DescribeLogStreams", logGroupName=name)["logStreams"]
            for stream in streams:
                if any(stream["logStreamName"].startswith(job) for job in jobs):
                    lines += self._lines(name, stream["logStreamName"])
        return tuple(lines[-_SAID:])

    def _lines(self, group: str, stream: str) -> list[str]:
        events = self._call("logs", "GetLogEvents", logGroupName=group, logStreamName=stream)
        return [str(event["message"]).rstrip("\n") for event in events["events"]]

    def package(self) -> Mapping[str, Any] | None:
        """Describe what the run registered; None where it registered nothing."""
        listed = self._call("sagemaker", "ListModelPackages", ModelPackageGroupName=self.model)
        for each in listed["ModelPackageSummaryList"][:1]:
            return self._call(
                "sagemaker", "DescribeModelPackage", ModelPackageName=each["ModelPackageArn"]
            )
        return None

    def serve(self, package: Mapping[str, Any], instance: str) -> str:
        """Bring an endpoint up that serves a package; return why it does not, or ""."""
        served = package["InferenceSpecification"]["Containers"][0]
        container = {
            name: served[name]
            for name in ("Image", "ModelDataUrl", "Environment")
            if name in served
        }
        call, name = self._call, self.model
        call(
            "sagemaker",
            "CreateModel",
            ModelName=name,
            PrimaryContainer=container,
            ExecutionRoleArn=_ROLE,
        )
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1}
        call(
            "sagemaker",
            "CreateEndpointConfig",
            EndpointConfigName=name,
            ProductionVariants=[{**variant, "InstanceType": instance}],
        )
        call("sagemaker", "CreateEndpoint", EndpointName=name, EndpointConfigName=name)
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            found = call("sagemaker", "DescribeEndpoint", EndpointName=name)
            if found["EndpointStatus"] == "InService":
                return ""
            if found["EndpointStatus"] == "Failed":
                return str(found.get("FailureReason") or "the endpoint failed")
            time.sleep(0.1)
        return f"the endpoint was not in service after {_PATIENCE_S} s"

    def ask(self, body: bytes, content_type: str) -> Answer:
        """Ask the endpoint as the tests of a release do."""
        from everloop_localcloud.kernel.errors import AwsError

        request = {"EndpointName": self.model, "Body": body, "ContentType": content_type}
        began = time.perf_counter()
        try:
            answer = self._call("sagemaker-runtime", "InvokeEndpoint", **request)
        except AwsError as error:
            return Answer(error.status or 500, error.message, _since(began))
        content = answer["Body"]
        data = content if isinstance(content, bytes) else content.read()
        return Answer(200, data.decode("utf-8", "replace"), _since(began))

    def endpoint_log(self) -> tuple[str, ...]:
        """Return the last lines that the endpoint's container printed."""
        group = f"/aws/sagemaker/Endpoints/{self.model}"
        if not self._cloud.apis["logs"].has_group(group):
            return ()
        streams = self._call("logs", "DescribeLogStreams", logGroupName=group)["logStreams"]
        lines = [line for each in streams for line in self._lines(group, each["logStreamName"])]
        return tuple(lines[-_SAID:])


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _jobs() -> dict[str, bytes]:
    """Read our jobs' scripts where they lie; they are never imported here."""
    found = find_spec("everloop_jobs")
    assert found is not None and found.submodule_search_locations
    root = Path(next(iter(found.submodule_search_locations)))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.py")}
