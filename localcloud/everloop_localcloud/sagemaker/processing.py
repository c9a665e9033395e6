"""Processing jobs: inputs from S3, a process under the container contract, outputs to S3."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import preferences
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.disks import check_key
from everloop_localcloud.sagemaker.jobs import ENDED, Jobs, Leaving, Record
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.part import Part, Records

_EVENT = "SageMaker Processing Job State Change"
_LOGS = _METRICS = "/aws/sagemaker/ProcessingJobs"


class Processing(Part):
    """Operations on processing jobs."""

    def __init__(self, cloud: Account, jobs: Jobs) -> None:
        super().__init__(cloud)
        self._jobs = jobs
        self._processing = cloud.store.table("sagemaker.processing-jobs")

    def records(self) -> dict[str, Records]:
        return {"processing-job": self._processing}

    def start(self) -> None:
        self._jobs.lose(
            self._processing, "ProcessingJobName", "ProcessingJobStatus", self._announce_processing
        )

    @operation
    def create_processing_job(self, call: Call, request: Record) -> Record:
        name = request["ProcessingJobName"]
        if name in self._processing:
            raise AwsError(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, "
                f"and a job with name {name} already exists",
            )
        for unsupported in ("NetworkConfig", "ExperimentConfig"):
            if (request.get(unsupported) or {}).get("EnableNetworkIsolation"):
                raise validation("the local cloud cannot isolate a job from the network")
        self._jobs.check_image(request["AppSpecification"]["ImageUri"])
        cluster = request.get("ProcessingResources", {}).get("ClusterConfig", {})
        preferences.check(cluster)
        check_key(cluster)
        for item in request.get("ProcessingInputs", []):
            if "S3Input" not in item:
                raise validation(f"the local cloud takes S3Input only: {item['InputName']}")
        for item in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
            if "S3Output" not in item:
                raise validation(f"the local cloud takes S3Output only: {item['OutputName']}")
        selected = preferences.selected(cluster, self.cloud.no_capacity)
        preferences.check_alone(selected, "processing job")
        arn = self.cloud.arn("sagemaker", f"processing-job/{name}")
        self._processing[name] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "ProcessingResources": {"ClusterConfig": selected},
            "ProcessingJobArn": arn,
            "ProcessingJobStatus": "InProgress",
            "CreationTime": call.time,
            "LastModifiedTime": call.time,
        }
        self._announce_processing(self._processing[name])
        self.cloud.spawn(self._process, name, name=f"processing {name}")
        return {"ProcessingJobArn": arn}

    @operation
    def describe_processing_job(self, call: Call, request: Record) -> Record:
        return dict(self._processing_job(request["ProcessingJobName"]))

    @operation
    def list_processing_jobs(self, call: Call, request: Record) -> Record:
        return page(
            self._processing.values(),
            request,
            member="ProcessingJobSummaries",
            status="ProcessingJobStatus",
            name="ProcessingJobName",
            summary=lambda job: pick(
                job,
                "ProcessingJobName",
                "ProcessingJobArn",
                "CreationTime",
                "ProcessingEndTime",
                "LastModifiedTime",
                "ProcessingJobStatus",
                "FailureReason",
                "ExitMessage",
            ),
        )

    @operation
    def stop_processing_job(self, call: Call, request: Record) -> None:
        job = self._processing_job(request["ProcessingJobName"])
        if job["ProcessingJobStatus"] != "InProgress":
            raise validation(
                "The request was rejected because the processing job is in status "
                f"{job['ProcessingJobStatus']}."
            )
        job["ProcessingJobStatus"] = "Stopping"
        self._processing.save(job["ProcessingJobName"])
        self._announce_processing(job)
        self._jobs.stop_process(job["ProcessingJobArn"])

    def _processing_job(self, name: str) -> Record:
        found: Record | None = self._processing.get(name)
        if found is None:
            raise validation(f"Could not find requested job with name: {name}")
        return found

    def _process(self, name: str) -> None:
        job = self._processing[name]
        arn = job["ProcessingJobArn"]
        changes: Record = {}
        self._jobs.await_start(arn)
        with self._jobs.running.slots:
            try:
                changes = self._processed(job, arn)
            except Exception as error:
                changes = {
                    "ProcessingJobStatus": "Failed",
                    "FailureReason": f"ClientError: {error}"[:1024],
                }
        if self.cloud.stopping:  # whatever failed has failed of that
            raise Leaving(arn)
        now = self.cloud.clock.now()
        job.update({**changes, "ProcessingEndTime": now, "LastModifiedTime": now})
        self._processing.save(name)
        self._announce_processing(job)
        self._jobs.running.end(arn)

    def _processed(self, job: Record, arn: str) -> Record:  # noqa: C901 # a job's life, in order
        application = job["AppSpecification"]
        name = job["ProcessingJobName"]
        image = application["ImageUri"]
        cluster = job["ProcessingResources"]["ClusterConfig"]
        if preferences.lacks(cluster, self.cloud.no_capacity):
            reason = f"CapacityError: {preferences.NO_CAPACITY}"
            return {"ProcessingJobStatus": "Failed", "FailureReason": reason}
        behalf = Behalf(self.cloud, job["RoleArn"])
        behalf.pull(image)
        with self._jobs.job_folder() as folder:
            python = self._jobs.python(folder, image)
            for item in job.get("ProcessingInputs", []):
                source = item["S3Input"]
                target = _inside(folder, source["LocalPath"])
                kind = source.get("S3DataType", "S3Prefix")
                self._jobs.download(source["S3Uri"], target, kind, behalf)
                if source.get("S3CompressionType") == "Gzip":
                    _gunzip(target)
            outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
            for item in outputs:
                _inside(folder, item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
            self._write_processing_config(folder, job)
            entrypoint = application.get("ContainerEntrypoint", [])
            words = application.get("ContainerArguments", [])
            if self._jobs.engine is None:
                words = [*entrypoint, *words]
                if not words:
                    raise ValueError(
                        "the image's own entry point is not known here: give ContainerEntrypoint"
                    )
                if words[0] in ("python", "python3"):
                    words = [str(python), *words[1:]]
            job["ProcessingStartTime"] = self.cloud.clock.now()
            self._processing.save(name)
            limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
            env = {
                **self._jobs.job_environment(job["RoleArn"], name, python),
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
                instance=preferences.runs_on(cluster),
            )
            changes = _exit_message(folder)
            good = outcome.code == 0 and not outcome.timed_out and not outcome.stopped
            for item in outputs:
                target = item["S3Output"]
                if good or target.get("S3UploadMode") == "Continuous":
                    self._jobs.upload(_inside(folder, target["LocalPath"]), target["S3Uri"], behalf)
            if behalf.may_measure(_METRICS):
                self._publish_metrics(folder)
        if outcome.stopped:
            return {**changes, "ProcessingJobStatus": "Stopped"}
        if outcome.timed_out:
            reason = f"ClientError: the job ran longer than MaxRuntimeInSeconds ({limit})"
            return {**changes, "ProcessingJobStatus": "Stopped", "FailureReason": reason}
        if outcome.code:
            said = changes.get("ExitMessage") or outcome.tail[-800:]
            reason = f"AlgorithmError: {said}, exit code: {outcome.code}"
            return {**changes, "ProcessingJobStatus": "Failed", "FailureReason": reason[:1024]}
        return {**changes, "ProcessingJobStatus": changes.get("ProcessingJobStatus", "Completed")}

    def _write_processing_config(self, folder: Path, job: Record) -> None:
        config = folder / "config"
        config.mkdir(parents=True, exist_ok=True)
        told = {
            key: job.get(key)
            for key in (
                "ProcessingJobArn",
                "ProcessingJobName",
                "AppSpecification",
                "Environment",
                "ProcessingInputs",
                "ProcessingOutputConfig",
                "ProcessingResources",
                "RoleArn",
                "StoppingCondition",
            )
        }
        (config / "processingjobconfig.json").write_text(json.dumps(told))
        hosts = {"current_host": "algo-1", "hosts": ["algo-1"]}
        (config / "resourceconfig.json").write_text(json.dumps(hosts))
        (folder / "output").mkdir(exist_ok=True)

    def _publish_metrics(self, folder: Path) -> None:
        cloudwatch: Any = self.cloud.apis.get("cloudwatch")
        metrics = folder / "output" / "metrics" / "cloudwatch"
        if cloudwatch is None or not metrics.is_dir():
            return
        for path in sorted(metrics.iterdir()):
            for line in path.read_text().splitlines():
                told = json.loads(line)
                dimensions = {d["Name"]: d["Value"] for d in told.get("Dimensions", [])}
                cloudwatch.put(
                    _METRICS,
                    told["MetricName"],
                    told.get("Value", 0.0),
                    dimensions,
                    told.get("Unit", "None"),
                )

    def _announce_processing(self, job: Record) -> None:
        detail = {
            key: milliseconds(value)
            for key, value in job.items()
            if key not in ("Environment",) and value is not None
        }
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [job["ProcessingJobArn"]])


def milliseconds(value: Any) -> Any:
    return int(value.timestamp() * 1000) if hasattr(value, "timestamp") else value


def _inside(folder: Path, local: str) -> Path:
    """Return where a path of the container lies in the job's folder."""
    if not local.startswith("/opt/ml/"):
        raise ValueError(f"LocalPath {local!r} must lie under /opt/ml/processing/")
    path = Path(os.path.normpath(folder / local.removeprefix("/opt/ml/")))
    if not path.is_relative_to(folder):
        raise ValueError(f"LocalPath {local!r} reaches outside /opt/ml")
    return path


def _exit_message(folder: Path) -> Record:
    path = folder / "output" / "message"
    if not path.exists():
        return {}
    try:
        return {"ExitMessage": path.read_bytes()[:1024].decode()}
    except UnicodeDecodeError:
        reason = "ClientError: the exit message is no UTF-8"
        return {"ProcessingJobStatus": "Failed", "FailureReason": reason}


def _gunzip(folder: Path) -> None:
    for path in folder.rglob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


__all__ = ["ENDED", "Processing"]
