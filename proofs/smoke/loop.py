"""The loop, step by step, as a team would turn it; each step asks AWS what came of it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from proofs.smoke.recording import Recording
from proofs.smoke.target import Failed, Target

T = TypeVar("T")
Json = dict[str, Any]


class Loop:
    """One model's life in one stack. `say` is told each step as it ends, with its seconds."""

    def __init__(
        self,
        target: Target,
        session: Any,
        recording: Recording,
        folder: Path,
        drops: list[Path],
        say: Callable[[str, float], None],
    ) -> None:
        self._target = target
        self._session = session
        self._recording = recording
        self._folder = folder
        self._model = folder.name
        self._drops = drops
        self._say = say
        self._sagemaker = session.client("sagemaker")

    def turn(self) -> None:
        """Push, train, release twice, look. Raises Failed where a step does not end well."""
        with self._step("push"):
            self._target.everloop("push", str(self._folder))
            self._wait("its pipeline", self._pipeline)
        for version, drop in enumerate(self._drops, start=1):
            with self._step(f"train version {version}"):
                self._target.everloop("drop", self._model, str(drop))
                self._wait(f"version {version}", lambda v=version: self._judged(v))  # type: ignore[misc]
                self._trained()
            with self._step(f"release version {version}"):
                self._target.everloop(
                    *("approve", self._model, "--version", str(version)),
                    *("--reason", "smoke test"),
                )
                self._wait(f"version {version} in service", lambda v=version: self._serves(v))  # type: ignore[misc]
            with self._step(f"ask version {version}"):
                self._ask(drop)
        with self._step("look"):
            self._look()
        with self._step("explain"):
            told = json.loads(self._target.everloop("why", self._model, "--json"))
            if told["chain"]["problems"]:
                raise Failed(f"the ledger's chain: {told['chain']['problems']}")

    def left(self) -> list[str]:
        """Return what AWS lists of the model's: nothing, once it was removed."""
        name = self._model
        lists: list[tuple[str, str, str, str, Json]] = [
            ("sagemaker", "list_endpoints", "Endpoints", "EndpointName", {"NameContains": name}),
            (
                *("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
                {"NameContains": name},
            ),
            ("sagemaker", "list_models", "Models", "ModelName", {"NameContains": name}),
            (
                *("sagemaker", "list_pipelines", "PipelineSummaries", "PipelineName"),
                {"PipelineNamePrefix": name},
            ),
            (
                *("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList"),
                "ModelPackageGroupName",
                {"NameContains": name},
            ),
            (
                *("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
                {"AlarmNamePrefix": f"{self._target.stack}-{name}"},
            ),
            (
                *("scheduler", "list_schedules", "Schedules", "Name"),
                {"NamePrefix": f"{self._target.stack}-{name}"},
            ),
        ]
        found = []
        for service, operation, member, key, words in lists:
            client: Any = self._session.client(service)
            pages = client.get_paginator(operation).paginate(**words)
            found += [f"{member}: {each[key]}" for page in pages for each in page[member]]
        return found

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._recording.step = name
        began = time.monotonic()
        yield
        self._say(name, time.monotonic() - began)

    def _wait(self, what: str, probe: Callable[[], T | None]) -> T:
        latest = time.monotonic() + self._target.patience
        pause = min(10.0, self._target.patience / 600)
        while (found := probe()) is None:
            if time.monotonic() > latest:
                status = self._target.everloop("status", self._model)
                raise Failed(f"waited {self._target.patience:.0f} s in vain for {what}\n{status}")
            time.sleep(pause)
        return found

    def _pipeline(self) -> Json | None:
        listed = self._sagemaker.list_pipelines(PipelineNamePrefix=self._model)
        if not listed["PipelineSummaries"]:
            return None
        return dict(self._sagemaker.describe_pipeline(PipelineName=self._model))

    def _judged(self, version: int) -> Json | None:
        """Return the package once it was judged: a person is asked from then on."""
        listed = json.loads(self._target.everloop("status", self._model, "--json"))
        versions = {each["version"]: each for each in listed["versions"]}
        decided = [each for each in listed["decisions"] if each["kind"] == "judge"]
        if version not in versions or len(decided) < version:
            return None
        arn = versions[version]["package"]
        return dict(self._sagemaker.describe_model_package(ModelPackageName=arn))

    def _trained(self) -> None:
        """Ask for the execution that made it, and for its jobs."""
        executions = self._sagemaker.list_pipeline_executions(PipelineName=self._model)
        arn = executions["PipelineExecutionSummaries"][0]["PipelineExecutionArn"]
        self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        steps = self._sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        for step in steps["PipelineExecutionSteps"]:
            for kind, job in step.get("Metadata", {}).items():
                name = str(job.get("Arn", "")).rpartition("/")[2]
                if kind == "TrainingJob":
                    self._sagemaker.describe_training_job(TrainingJobName=name)
                if kind == "ProcessingJob":
                    self._sagemaker.describe_processing_job(ProcessingJobName=name)

    def _serves(self, version: int) -> bool | None:
        listed = json.loads(self._target.everloop("status", self._model, "--json"))
        ended = [each for each in listed["releases"] if each["version"] == version]
        if not ended:
            return None
        if ended[0]["outcome"] != "good":
            raise Failed(f"version {version}: {ended[0]['status']}: {ended[0]['reason']}")
        endpoint = self._sagemaker.describe_endpoint(EndpointName=self._model)
        config = endpoint["EndpointConfigName"]
        self._sagemaker.describe_endpoint_config(EndpointConfigName=config)
        return True

    def _ask(self, drop: Path, rows: int = 300) -> None:
        """Ask the endpoint for predictions, in the requests of some rows each."""
        header, *lines = drop.read_text().splitlines()[: rows + 1]
        runtime = self._session.client("sagemaker-runtime")
        for at in range(0, len(lines), 50):
            body = "\n".join([header, *lines[at : at + 50]]) + "\n"
            answer = runtime.invoke_endpoint(
                EndpointName=self._model, ContentType="text/csv", Body=body.encode()
            )
            scores = answer["Body"].read().split()
            if len(scores) != len(lines[at : at + 50]):
                raise Failed(f"the endpoint answered {len(scores)} predictions: {scores[:3]}")

    def _look(self) -> None:
        """Have the monitor look at what was asked, as its schedule would."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))

        def looked() -> bool | None:
            listed = json.loads(self._target.everloop("status", self._model, "--json"))
            return True if listed["looks"] else None

        self._session.client("lambda").invoke(
            FunctionName=f"{self._target.stack}-plan-monitoring",
            Payload=json.dumps({"model": self._model, "scheduled_at": moment}).encode(),
        )
        self._wait("a look", looked)
