"""Training jobs: channels from S3, script mode through AWS's own toolkit, a model archive to S3."""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import packages, training_metrics
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.disks import check_key
from everloop_localcloud.sagemaker.jobs import Jobs, Leaving, Outcome, Record, upload
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.model_files import NotFetched, unpack
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.processing import milliseconds
from everloop_localcloud.sagemaker.training_metrics import Series

_EVENT = "SageMaker Training Job State Change"
_LOGS = _METRICS = "/aws/sagemaker/TrainingJobs"
# A host that does not resolve makes the toolkit wait up to 15 minutes.
_HOST = "localhost"
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
        self._jobs.lose(
            self._training, "TrainingJobName", "TrainingJobStatus", self._announce_training
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
            "TrainingJobArn": arn,
            "TrainingJobStatus": "InProgress",
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
        check_key(request.get("ResourceConfig", {}))
        if request.get("EnableNetworkIsolation"):
            raise validation("the local cloud cannot isolate a job from the network")
        if request.get("ResourceConfig", {}).get("InstanceCount", 1) != 1:
            raise validation("the local cloud trains on one instance: InstanceCount must be 1")
        for channel in request.get("InputDataConfig", []):
            if "S3DataSource" not in channel["DataSource"]:
                raise validation(
                    f"the local cloud takes S3DataSource only: {channel['ChannelName']}"
                )
            if channel.get("InputMode") == "Pipe":
                raise validation("the local cloud has no Pipe mode")
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

    def _train(self, name: str) -> None:
        job = self._training[name]
        arn = job["TrainingJobArn"]
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
        name = job["TrainingJobName"]
        image = job["AlgorithmSpecification"]["TrainingImage"]
        behalf = Behalf(self.cloud, job["RoleArn"])
        behalf.pull(image)
        with self._jobs.job_folder() as folder:
            self._move_training(job, "Downloading")
            for channel in job.get("InputDataConfig", []):
                source = channel["DataSource"]["S3DataSource"]
                target = folder / "input" / "data" / channel["ChannelName"]
                self._jobs.download(source["S3Uri"], target, source["S3DataType"], behalf)
            self._write_training_config(folder, job)
            try:
                wanted = self._bring_code(job, folder)
                python = self._jobs.python(folder, image, wanted)
            except packages.NotInstalled as error:
                failure = f"AlgorithmError: {error}, exit code: 1"[:1024]
                return {"TrainingJobStatus": "Failed", "FailureReason": failure}, "Failed"
            job["TrainingStartTime"] = self.cloud.clock.now()
            self._move_training(job, "Training")
            algorithm = job["AlgorithmSpecification"]
            entrypoint = algorithm.get("ContainerEntrypoint", [])
            words = algorithm.get("ContainerArguments", [])
            if self._jobs.engine is None:
                words = [*entrypoint, *words] or [str(python), "-P", "-c", _TOOLKIT]
            elif not entrypoint and not words:
                words = ["train"]
            limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
            env = {
                **self._jobs.job_environment(job["RoleArn"], name, python),
                "TRAINING_JOB_NAME": name,
                "TRAINING_JOB_ARN": arn,
                **job.get("Environment", {}),
            }
            outcome = self._jobs.run_process(
                arn,
                folder,
                words,
                env,
                limit=limit,
                logs=(_LOGS, f"{name}/algo-1"),
                image=(image, entrypoint),
                behalf=behalf,
                heard=lambda line: self.series.hear(job, line),
                instance=job["ResourceConfig"].get("InstanceType", ""),
            )
            behalf.may_measure(_METRICS)  # of the instance: none are kept here
            text = (folder / ".log").read_text(errors="replace")
            metrics = training_metrics.final(job, text, self.cloud.clock.now())
            failure = _failure(folder, outcome)
            self._move_training(job, "Uploading")
            if not failure or outcome.timed_out or outcome.stopped:
                self._archive(folder / "model", self._artifact(job), folder, behalf)
            outputs = folder / "output" / "data"
            if any(outputs.iterdir()):
                beside = self._artifact(job).replace("model.tar.gz", "output.tar.gz")
                self._archive(outputs, beside, folder, behalf)
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

    def _bring_code(self, job: Record, folder: Path) -> Path | None:
        """Unpack script mode's archive; returns the requirements.txt of the job's code, if any.

        The toolkit would fetch it, too, and takes what is there already: code that is here before
        the job starts can have its packages, and its paths, prepared.
        """
        given = str(job.get("HyperParameters", {}).get("sagemaker_submit_directory", ""))
        uri = given.strip('"')
        if uri.startswith("s3://") and uri.endswith(".tar.gz"):
            try:
                unpack(self.cloud, uri, folder / "code", job["RoleArn"])
            except NotFetched as error:
                raise ValueError(f"the code at {uri} cannot be used: {error.__cause__}") from error
        places = [folder / "code", folder / "input" / "data" / "code"]
        files = (place / "requirements.txt" for place in places)
        return next((file for file in files if file.is_file()), None)

    def _write_training_config(self, folder: Path, job: Record) -> None:
        config = folder / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        for each in ("model", "output/data", "code", "checkpoints"):
            (folder / each).mkdir(parents=True, exist_ok=True)
        channels = {
            channel["ChannelName"]: {
                "ContentType": channel.get("ContentType", ""),
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
            for channel in job.get("InputDataConfig", [])
        }
        resources = {
            "current_host": _HOST,
            "hosts": [_HOST],
            "network_interface_name": "lo",
            "current_instance_type": job["ResourceConfig"].get("InstanceType", "local"),
            "current_group_name": "homogeneousCluster",
            "instance_groups": [],
        }
        (config / "hyperparameters.json").write_text(json.dumps(job.get("HyperParameters", {})))
        (config / "inputdataconfig.json").write_text(json.dumps(channels))
        (config / "resourceconfig.json").write_text(json.dumps(resources))

    def _archive(self, source: Path, uri: str, folder: Path, behalf: Behalf) -> None:
        path = folder / ".archive.tar.gz"
        with tarfile.open(path, "w:gz", compresslevel=6) as archive:
            for child in sorted(source.iterdir()):
                archive.add(child, arcname=child.name)
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        upload(behalf, path, bucket, key)

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
