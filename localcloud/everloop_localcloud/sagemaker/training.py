"""Training jobs: channels from S3, script mode through AWS's own toolkit, a model archive to S3."""

import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import (
    checkpoints,
    container,
    inputs,
    packages,
    preferences,
    restarts,
    training_folder,
    training_metrics,
)
from everloop_localcloud.sagemaker.algorithms import built_in
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.disks import check_key
from everloop_localcloud.sagemaker.jobs import Jobs, Leaving, Outcome, Record
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.processing import milliseconds
from everloop_localcloud.sagemaker.training_metrics import Series, definitions

_EVENT = "SageMaker Training Job State Change"
_LOGS = _METRICS = "/aws/sagemaker/TrainingJobs"
# The toolkit's entry, as in AWS's image; its own program would run with the cloud's packages.
_TOOLKIT = "import sys; from sagemaker_training.cli.train import main; sys.exit(main())"


class Training(Part):
    """Operations on training jobs."""

    def __init__(self, cloud: Account, jobs: Jobs) -> None:
        super().__init__(cloud)
        self._jobs = jobs
        self._training = cloud.store.table("sagemaker.training-jobs")
        self.series = Series(cloud)

    def records(self) -> dict[str, Records]:
        return {"training-job": self._training}

    def start(self) -> None:
        again = set()
        for name, job in list(self._training.items()):
            why = restarts.again(job, self.cloud.clock.now())
            if why is not None:
                again.add(name)
                for secondary in (*why, "Starting"):
                    self._move_training(job, secondary)
                self.cloud.spawn(self._train_again, name, name=f"training {name}")
        self._jobs.lose(
            self._training, "TrainingJobName", "TrainingJobStatus", self._announce_training, again
        )

    @operation
    def create_training_job(self, call: Call, request: Record) -> Record:
        name = request["TrainingJobName"]
        if name in self._training:
            raise AwsError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, "
                f"and a training job with name {name} already exists",
            )
        self.check_training(request)
        return {"TrainingJobArn": self.start_training(request)}

    @operation
    def describe_training_job(self, call: Call, request: Record) -> Record:
        job = dict(self._training_job(request["TrainingJobName"]))
        if job["TrainingJobStatus"] == "InProgress":
            job.pop("ModelArtifacts", None)
        job.setdefault("ModelArtifacts", {"S3ModelArtifacts": self._artifact(job)})
        return job

    @operation
    def list_training_jobs(self, call: Call, request: Record) -> Record:
        return page(
            self._training.values(),
            request,
            member="TrainingJobSummaries",
            status="TrainingJobStatus",
            name="TrainingJobName",
            summary=lambda job: pick(
                job,
                "TrainingJobName",
                "TrainingJobArn",
                "CreationTime",
                "TrainingEndTime",
                "LastModifiedTime",
                "TrainingJobStatus",
                "SecondaryStatus",
            ),
        )

    @operation
    def stop_training_job(self, call: Call, request: Record) -> None:
        job = self._training_job(request["TrainingJobName"])
        if job["TrainingJobStatus"] != "InProgress":
            raise validation(
                "The request was rejected because the training job is in status "
                f"{job['TrainingJobStatus']}."
            )
        job["TrainingJobStatus"] = "Stopping"
        self._move_training(job, "Stopping")
        self._jobs.stop_process(job["TrainingJobArn"])

    def start_training(self, request: Record, **extra: Any) -> str:
        """Start a training job that was checked, with more members of its record; gives its ARN."""
        name = request["TrainingJobName"]
        now = self.cloud.clock.now()
        arn = self.cloud.arn("sagemaker", f"training-job/{name}")
        self._training[name] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "ResourceConfig": preferences.selected(
                request["ResourceConfig"], self.cloud.no_capacity
            ),
            "TrainingJobArn": arn,
            "TrainingJobStatus": "InProgress",
            "AlgorithmSpecification": {
                **request["AlgorithmSpecification"],
                **({"MetricDefinitions": told} if (told := definitions(request)) else {}),
            },
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": [],
            "CreationTime": now,
            "LastModifiedTime": now,
            **extra,
        }
        self._move_training(self._training[name], "Starting")
        self.cloud.spawn(self._train, name, name=f"training {name}")
        return arn

    def training_record(self, name: str) -> Record | None:
        found: Record | None = self._training.get(name)
        return found

    def check_training(self, request: Record) -> None:
        image = request["AlgorithmSpecification"].get("TrainingImage")
        if image is None:
            raise validation("the local cloud has no marketplace algorithms: give TrainingImage")
        self._jobs.check_image(image)
        if built_in.trains(image, request.get("HyperParameters") or {}):
            built_in.check_metrics(request["AlgorithmSpecification"])
        cluster = request.get("ResourceConfig", {})
        preferences.check(cluster, spot=bool(request.get("EnableManagedSpotTraining")))
        check_key(cluster)
        if request.get("EnableNetworkIsolation"):
            raise validation("the local cloud cannot isolate a job from the network")
        checkpoints.check(request)
        self._check_hosts(
            request, max((count for _, count in preferences.of_job(cluster)), default=1)
        )
        for channel in request.get("InputDataConfig", []):
            if "S3DataSource" not in channel["DataSource"]:
                raise validation(
                    f"the local cloud takes S3DataSource only: {channel['ChannelName']}"
                )
            if channel.get("InputMode") == "Pipe":
                raise validation("the local cloud has no Pipe mode")
            source = channel["DataSource"]["S3DataSource"]
            inputs.check(self.cloud, request.get("RoleArn"), source["S3Uri"])
        for metric in request["AlgorithmSpecification"].get("MetricDefinitions", []):
            try:
                re.compile(metric["Regex"])
            except re.error as error:
                raise validation(
                    f"the Regex of metric {metric['Name']} is invalid: {error}: {metric['Regex']}"
                ) from error

    def _training_job(self, name: str) -> Record:
        found: Record | None = self._training.get(name)
        if found is None:
            raise validation("Requested resource not found.")
        return found

    def _artifact(self, job: Record) -> str:
        root = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        return f"{root}/{job['TrainingJobName']}/output/model.tar.gz"

    def _train_again(self, name: str) -> None:
        self.cloud.started.wait()  # what the lost run left is cleared away by then
        self._train(name)

    def _train(self, name: str) -> None:
        job = self._training[name]
        arn = job["TrainingJobArn"]
        self._jobs.await_start(arn)
        with self._jobs.running.slots:
            try:
                changes, last = self._trained(job, arn)
            except Exception as error:
                changes = {
                    "TrainingJobStatus": "Failed",
                    "FailureReason": f"ClientError: {error}"[:1024],
                }
                last = "Failed"
        if self.cloud.stopping:  # whatever failed has failed of that
            raise Leaving(arn)
        now = self.cloud.clock.now()
        job.update({**changes, "TrainingEndTime": now, "LastModifiedTime": now})
        if "TrainingStartTime" in job:
            seconds = max(1, int((now - job["TrainingStartTime"]).total_seconds()))
            job["TrainingTimeInSeconds"] = job["BillableTimeInSeconds"] = seconds
        self._move_training(job, last)
        self._jobs.running.end(arn)

    def _trained(self, job: Record, arn: str) -> tuple[Record, str]:
        image = job["AlgorithmSpecification"]["TrainingImage"]
        if preferences.lacks(job["ResourceConfig"], self.cloud.no_capacity):
            reason = f"CapacityError: {preferences.NO_CAPACITY}"
            return {"TrainingJobStatus": "Failed", "FailureReason": reason}, "Failed"
        behalf = Behalf(self.cloud, job["RoleArn"])
        behalf.pull(image)
        with ExitStack() as stack:
            count, docker = preferences.count(job["ResourceConfig"]), self._jobs.engine is not None
            folders = [stack.enter_context(self._jobs.job_folder()) for _ in range(count)]
            self._move_training(job, "Downloading")
            for number, folder in enumerate(folders):
                training_folder.bring_channels(self._jobs, job, folder, behalf, (number, count))
                training_folder.configure(job, folder, (number, count), docker=docker)
            try:
                wanted = [training_folder.bring_code(self.cloud, job, each) for each in folders]
                python = self._jobs.python(folders[0], image, wanted[0])
            except packages.NotInstalled as error:
                failure = f"AlgorithmError: {error}, exit code: 1"[:1024]
                return {"TrainingJobStatus": "Failed", "FailureReason": failure}, "Failed"
            job["TrainingStartTime"] = self.cloud.clock.now()
            self._move_training(job, "Training")
            outcome, failed = self._run_hosts(job, arn, folders, python, behalf)
            behalf.may_measure(_METRICS)  # of the instance: none are kept here
            text = "\n".join((each / ".log").read_text(errors="replace") for each in folders)
            metrics = training_metrics.final(job, text, self.cloud.clock.now())
            failure = _failure(folders[failed], outcome)
            self._move_training(job, "Uploading")
            if not failure or outcome.timed_out or outcome.stopped:
                made = [each / "model" for each in folders]
                training_folder.archive(made, self._artifact(job), behalf)
            outputs = [each / "output" / "data" for each in folders]
            if any(any(each.iterdir()) for each in outputs):
                beside = self._artifact(job).replace("model.tar.gz", "output.tar.gz")
                training_folder.archive(outputs, beside, behalf)
        done: Record = {"ModelArtifacts": {"S3ModelArtifacts": self._artifact(job)}}
        if metrics:
            done["FinalMetricDataList"] = metrics
        if outcome.stopped:
            return {**done, "TrainingJobStatus": "Stopped"}, "Stopped"
        if outcome.timed_out:
            return {**done, "TrainingJobStatus": "Stopped"}, "MaxRuntimeExceeded"
        if failure:
            return {"TrainingJobStatus": "Failed", "FailureReason": failure}, "Failed"
        return {**done, "TrainingJobStatus": "Completed"}, "Completed"

    def _run_hosts(
        self, job: Record, arn: str, folders: list[Path], python: Path, behalf: Behalf
    ) -> tuple[Outcome, int]:
        """Run the job on all its machines; returns how it ended, and on which that is to be seen.

        The first that fails ends the others, as on AWS.
        """
        with ThreadPoolExecutor(len(folders)) as pool:
            running = {
                pool.submit(self._run_host, job, arn, folder, number, python, behalf): number
                for number, folder in enumerate(folders)
            }
            ends: list[tuple[Outcome, int]] = []
            for done in as_completed(running):
                try:
                    ends.append((done.result(), running[done]))
                    failed = ends[-1][0].code != 0
                except Exception:
                    self._jobs.end_processes(arn)
                    raise
                if failed and len(ends) < len(folders):
                    self._jobs.end_processes(arn)
        bad = [end for end in ends if end[0].code]
        return bad[0] if bad else min(ends, key=lambda end: end[1])

    def _run_host(
        self, job: Record, arn: str, folder: Path, number: int, python: Path, behalf: Behalf
    ) -> Outcome:
        """Run the job's process on one of its machines."""
        name, image = job["TrainingJobName"], job["AlgorithmSpecification"]["TrainingImage"]
        entrypoint = job["AlgorithmSpecification"].get("ContainerEntrypoint", [])
        words = job["AlgorithmSpecification"].get("ContainerArguments", [])
        if self._jobs.engine is None:
            words = [*entrypoint, *words] or self._own_words(job, python)
        elif not entrypoint and not words:
            words = ["train"]
        env = {
            **self._jobs.job_environment(job["RoleArn"], name, python),
            "TRAINING_JOB_NAME": name,
            "TRAINING_JOB_ARN": arn,
            **job.get("Environment", {}),
        }
        with checkpoints.kept(job, folder, behalf):
            return self._jobs.run_process(
                arn,
                folder,
                words,
                env,
                limit=job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400),
                logs=(_LOGS, f"{name}/{container.host_name(number)}"),
                image=(image, entrypoint),
                behalf=behalf,
                heard=lambda line: self.series.hear(job, line),
                instance=preferences.runs_on(job["ResourceConfig"]),
            )

    def _check_hosts(self, request: Record, count: int) -> None:
        """Raise AwsError where several machines cannot be had here."""
        if count == 1:
            return
        image = request["AlgorithmSpecification"]["TrainingImage"]
        if built_in.trains(image, request.get("HyperParameters") or {}):
            raise validation(
                f"InstanceCount is {count}; the local cloud trains a built-in algorithm on one"
            )
        if self._jobs.engine is not None or container.namespace() is None:
            raise validation(
                f"InstanceCount is {count}; the local cloud has several machines of a job only "
                "where its jobs are processes and the kernel lets them have namespaces"
            )

    def _own_words(self, job: Record, python: Path) -> list[str]:
        """Return what an image runs by itself: a built-in algorithm, or the toolkit."""
        image = job["AlgorithmSpecification"]["TrainingImage"]
        if built_in.trains(image, job.get("HyperParameters") or {}):
            return [str(python), "-P", str(built_in.TRAIN)]
        return [str(python), "-P", "-c", _TOOLKIT]

    def _move_training(self, job: Record, secondary: str) -> None:
        now = self.cloud.clock.now()
        transitions = job["SecondaryStatusTransitions"]
        if transitions:
            transitions[-1].setdefault("EndTime", now)
        transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": secondary})
        job["SecondaryStatus"] = secondary
        job["LastModifiedTime"] = now
        self._training.save(job["TrainingJobName"])
        self._announce_training(job)

    def _announce_training(self, job: Record) -> None:
        detail = {
            key: milliseconds(value)
            for key, value in job.items()
            if key not in ("SecondaryStatusTransitions", "Environment") and value is not None
        }
        detail["SecondaryStatusTransitions"] = [
            {key: milliseconds(value) for key, value in step.items()}
            for step in job["SecondaryStatusTransitions"]
        ]
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [job["TrainingJobArn"]])


def _failure(folder: Path, outcome: Outcome) -> str:
    if outcome.code == 0:
        return ""
    path = folder / "output" / "failure"
    said = path.read_text(errors="replace").strip() if path.exists() else ""
    # AWS's images have the toolkit catch the script's own error; its bare entry leaves it out.
    said = said.replace('ErrorMessage ""', f'ErrorMessage "{_own_error(outcome.tail)}"')
    reason = f"AlgorithmError: {said or outcome.tail[-800:]}, exit code: {outcome.code}"
    return reason[:1024]


def _own_error(tail: str) -> str:
    """Return the script's exception, among what the toolkit printed after it."""
    lines = [line.strip() for line in tail.splitlines()]
    found = [line for line in lines if re.match(r"[A-Za-z_.]+(Error|Exception)\b.*:", line)]
    return found[0] if found else ""
