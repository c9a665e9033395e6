"""Batch transform jobs: a model server of their own, objects of S3 sent through it."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as FilePath
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import inputs, preferences
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.disks import check_key
from everloop_localcloud.sagemaker.instance import Instance, NotHealthy
from everloop_localcloud.sagemaker.jobs import Jobs, Leaving, Record
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.models import ModelRecords, refuse
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.transform_records import BadRecord, Format, Path, batches, lines

_EVENT = "SageMaker Transform Job State Change"
_LOGS = "/aws/sagemaker/TransformJobs"
_START_SECONDS = 240
_MEGABYTE = 1024 * 1024
_DEFAULT_PAYLOAD_MB = 6
_LARGEST_PAYLOAD_MB = 100
_ANSWER_SECONDS = 600
_RETRIES = 3


class Refused(Exception):
    """The model did not answer a request well; the job fails with this reason."""


class Transform(Part):
    """Operations on transform jobs."""

    def __init__(self, cloud: Account, jobs: Jobs, models: ModelRecords) -> None:
        super().__init__(cloud)
        self._jobs = jobs
        self._transforms = cloud.store.table("sagemaker.transform-jobs")
        self._models = models
        self._serving: dict[str, Instance] = {}  # by job

    def records(self) -> dict[str, Records]:
        return {"transform-job": self._transforms}

    def start(self) -> None:
        self._jobs.lose(
            self._transforms, "TransformJobName", "TransformJobStatus", self._announce_transform
        )

    @operation
    def create_transform_job(self, call: Call, request: Record) -> Record:
        name = request["TransformJobName"]
        if name in self._transforms:
            raise AwsError(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, "
                f"and a job with name {name} already exists",
            )
        model = self._models.seen(request["ModelName"])
        _check(request)
        source = request["TransformInput"]["DataSource"]["S3DataSource"]
        inputs.check(self.cloud, model.get("ExecutionRoleArn"), source["S3Uri"])
        arn = self.cloud.arn("sagemaker", f"transform-job/{name}")
        self._transforms[name] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "TransformJobArn": arn,
            "TransformJobStatus": "InProgress",
            "CreationTime": call.time,
            "LastModifiedTime": call.time,
        }
        self._announce_transform(self._transforms[name])
        self.cloud.spawn(self._transform, name, name=f"transform {name}")
        return {"TransformJobArn": arn}

    @operation
    def describe_transform_job(self, call: Call, request: Record) -> Record:
        job = self._transform_job(request["TransformJobName"])
        return {key: value for key, value in job.items() if key != "LastModifiedTime"}

    @operation
    def list_transform_jobs(self, call: Call, request: Record) -> Record:
        return page(
            self._transforms.values(),
            request,
            member="TransformJobSummaries",
            status="TransformJobStatus",
            name="TransformJobName",
            summary=lambda job: pick(
                job,
                "TransformJobName",
                "TransformJobArn",
                "CreationTime",
                "TransformEndTime",
                "LastModifiedTime",
                "TransformJobStatus",
                "FailureReason",
            ),
        )

    @operation
    def stop_transform_job(self, call: Call, request: Record) -> None:
        job = self._transform_job(request["TransformJobName"])
        if job["TransformJobStatus"] != "InProgress":
            raise validation(
                "The request was rejected because the transform job is in status "
                f"{job['TransformJobStatus']}."
            )
        job["TransformJobStatus"] = "Stopping"
        self._transforms.save(job["TransformJobName"])
        self._announce_transform(job)
        self._jobs.stop_process(job["TransformJobArn"])
        instance = self._serving.get(job["TransformJobArn"])
        if instance is not None:  # which may not be up yet
            self.cloud.spawn(instance.stop, name=f"stop {job['TransformJobName']}")

    def _transform_job(self, name: str) -> Record:
        found: Record | None = self._transforms.get(name)
        if found is None:
            raise AwsError("ResourceNotFound", f"Could not find transform job with name {name}")
        return found

    def _transform(self, name: str) -> None:
        job = self._transforms[name]
        arn = job["TransformJobArn"]
        self._jobs.await_start(arn)
        with self._jobs.running.slots:
            try:
                self._transformed(job)
                changes: Record = {"TransformJobStatus": "Completed"}
            except (Refused, NotHealthy) as error:
                changes = _failed(f"AlgorithmError: {error}")
            except Exception as error:
                changes = _failed(f"ClientError: {error}")
        if self.cloud.stopping:
            raise Leaving(arn)
        if self._jobs.running.was_stopped(arn):
            changes = {"TransformJobStatus": "Stopped"}
        now = self.cloud.clock.now()
        job.update({**changes, "TransformEndTime": now, "LastModifiedTime": now})
        self._transforms.save(name)
        self._announce_transform(job)
        self._jobs.running.end(arn)

    def _transformed(self, job: Record) -> None:
        model = self._models.model(job["ModelName"])
        behalf = Behalf(self.cloud, model.get("ExecutionRoleArn"))
        source = job["TransformInput"]["DataSource"]["S3DataSource"]
        variant = {
            "VariantName": job["TransformJobName"],
            "RoleArn": model.get("ExecutionRoleArn"),
            "StartSeconds": _START_SECONDS,
            "Isolated": model["EnableNetworkIsolation"],
            "Container": {
                **model["serving"],
                "Environment": {
                    **model["serving"].get("Environment", {}),
                    **job.get("Environment", {}),
                    **_batch_environment(job),
                },
            },
        }
        seconds = job.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds")
        instance = Instance(
            self.cloud,
            job["TransformJobName"],
            variant,
            group=_LOGS,
            answer_seconds=seconds or _ANSWER_SECONDS,
        )
        with self._jobs.job_folder() as folder:
            given, made = folder / "input", folder / "output"
            self._jobs.download(source["S3Uri"], given, source["S3DataType"], behalf)
            self._serving[job["TransformJobArn"]] = instance
            try:
                if self.transform_stopped(job):
                    raise Refused("the job was stopped")
                instance.start()
                job["TransformStartTime"] = self.cloud.clock.now()
                self._transforms.save(job["TransformJobName"])
                sender = Sender(self, job, instance)
                for path in sorted(path for path in given.rglob("*") if path.is_file()):
                    relative = path.relative_to(given)
                    target = made / relative.with_name(f"{relative.name}.out")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(sender.send(path))
                    self._jobs.upload(target.parent, _output(job, relative.parent), behalf)
                    target.unlink()
            finally:
                self._serving.pop(job["TransformJobArn"], None)
                instance.stop()

    def transform_stopped(self, job: Record) -> bool:
        return self.cloud.stopping or self._jobs.running.was_stopped(job["TransformJobArn"])

    def log_transform(self, job: Record, text: str) -> None:
        logs: Any = self.cloud.apis.get("logs")
        if logs is not None:
            logs.append(_LOGS, f"{job['TransformJobName']}/data-log", text.splitlines())

    def _announce_transform(self, job: Record) -> None:
        detail = {
            key: int(value.timestamp() * 1000) if hasattr(value, "timestamp") else value
            for key, value in job.items()
            if key != "Environment" and value is not None
        }
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [job["TransformJobArn"]])


class Sender:
    """Sends the records of objects to one model server, and puts the answers together."""

    def __init__(self, api: Transform, job: Record, instance: Instance) -> None:
        self._api = api
        self._job = job
        self._instance = instance
        self._input = job["TransformInput"]
        self._output = job["TransformOutput"]
        processing = job.get("DataProcessing") or {}
        self._input_filter = Path("InputFilter", processing.get("InputFilter", "$"))
        self._output_filter = Path("OutputFilter", processing.get("OutputFilter", "$"))
        self._joins = processing.get("JoinSource", "None") == "Input"
        self._given = Format(self._input.get("ContentType", ""))
        self._told = Format(self._output.get("Accept") or self._input.get("ContentType", ""))

    def send(self, path: FilePath) -> bytes:
        """Return an object's transformed data. Raises Refused or BadRecord."""
        data = path.read_bytes()
        if self._input.get("CompressionType") == "Gzip":
            data = gzip.decompress(data)
        split = self._input.get("SplitType", "None") == "Line"
        records = lines(data) if split else [data]
        sent = records
        if not self._input_filter.whole:
            sent = [
                self._given.write(self._input_filter.pick(self._given.read(record)))
                for record in records
            ]
        most = self._job.get("MaxPayloadInMB", _DEFAULT_PAYLOAD_MB) * _MEGABYTE
        single = self._job.get("BatchStrategy", "MultiRecord") == "SingleRecord"
        found = list(batches(sent, most, single=single))
        with ThreadPoolExecutor(self._job.get("MaxConcurrentTransforms") or 1) as pool:
            answers = list(
                pool.map(lambda batch: self._ask(b"\n".join(sent[n] for n in batch)), found)
            )
        parts = [
            part
            for batch, answer in zip(found, answers, strict=True)
            for part in self._results([records[number] for number in batch], answer, split)
        ]
        if self._output.get("AssembleWith", "None") == "Line":
            return b"".join(part if part.endswith(b"\n") else part + b"\n" for part in parts)
        return b"".join(parts)

    def _ask(self, body: bytes) -> bytes:
        headers = {"Content-Type": self._input.get("ContentType", "application/octet-stream")}
        if "Accept" in self._output:
            headers["Accept"] = self._output["Accept"]
        client = self._job.get("ModelClientConfig") or {}
        for _ in range(client.get("InvocationsMaxRetries", _RETRIES) + 1):
            if self._api.transform_stopped(self._job):
                raise Refused("the job was stopped")
            answer = self._instance.invoke(body, headers)
            if 200 <= answer.status < 300:
                return answer.body
            if 400 <= answer.status < 500:
                break
        said = answer.body.decode("utf-8", "replace")[:600]
        self._api.log_transform(self._job, f"{answer.status} from the model: {said}")
        raise Refused(
            f"See job logs for more information: the model answered {answer.status} {said}"
        )

    def _results(self, records: list[bytes], answer: bytes, split: bool) -> list[bytes]:
        """Return what becomes of one answer: as it is, or joined and filtered by record."""
        if not self._joins and self._output_filter.whole:
            return [answer]
        results = lines(answer) if split else [answer.strip()]
        if self._joins and len(results) != len(records):
            raise BadRecord(
                f"the model answered {len(results)} results to {len(records)} records: they cannot"
                " be joined"
            )
        told = [self._told.read(result) for result in results]
        if self._joins:
            pairs = zip(records, told, strict=True)
            told = [self._told.join(self._given.read(record), one) for record, one in pairs]
        return [self._told.write(self._output_filter.pick(one)) + b"\n" for one in told]


def _check(request: Record) -> None:
    refuse(request, ("DataCaptureConfig",), "of a transform job")
    check_key(request.get("TransformResources", {}))
    preferences.check_alone(request.get("TransformResources", {}), "transform job")
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise validation(f"the local cloud does not take S3DataType {source['S3DataType']}")
    split = request["TransformInput"].get("SplitType", "None")
    if split not in ("None", "Line"):
        raise validation(f"the local cloud does not take SplitType {split}: use Line or None")
    concurrent = request.get("MaxConcurrentTransforms") or 1
    payload = request.get("MaxPayloadInMB", _DEFAULT_PAYLOAD_MB)
    if payload * concurrent > _LARGEST_PAYLOAD_MB:
        raise validation(
            f"MaxConcurrentTransforms * MaxPayloadInMB is {payload * concurrent}; at most"
            f" {_LARGEST_PAYLOAD_MB} MB are taken"
        )
    processing = request.get("DataProcessing") or {}
    paths = [Path(m, processing.get(m, "$")) for m in ("InputFilter", "OutputFilter")]
    joins = processing.get("JoinSource", "None") == "Input"
    if not joins and all(path.whole for path in paths):
        return
    given = request["TransformInput"].get("ContentType", "")
    accept = request["TransformOutput"].get("Accept") or given
    if not Format(given).known or not Format(accept).known:
        raise validation(
            "DataProcessing needs ContentType and Accept of text/csv, application/json or"
            f" application/jsonlines, not {given!r} and {accept!r}"
        )
    if joins and Format(given).csv != Format(accept).csv:
        raise validation(f"JoinSource Input cannot join {given} with {accept}")
    assembled = request["TransformOutput"].get("AssembleWith", "None")
    if joins and split != assembled:
        raise validation(
            f"JoinSource Input needs SplitType and AssembleWith alike, not {split} and {assembled}"
        )


def _batch_environment(job: Record) -> dict[str, str]:
    """Return what a container learns of the batch: what the caller set, and that it is one."""
    told = {"SAGEMAKER_BATCH": "true"}
    if "MaxPayloadInMB" in job:
        told["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(job["MaxPayloadInMB"])
    if "BatchStrategy" in job:
        strategy = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}
        told["SAGEMAKER_BATCH_STRATEGY"] = strategy[job["BatchStrategy"]]
    if "MaxConcurrentTransforms" in job:
        told["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(job["MaxConcurrentTransforms"])
    return told


def _output(job: Record, folder: FilePath) -> str:
    root = job["TransformOutput"]["S3OutputPath"].rstrip("/")
    return root if folder == FilePath() else f"{root}/{folder.as_posix()}"


def _failed(reason: str) -> Record:
    return {"TransformJobStatus": "Failed", "FailureReason": reason[:1024]}
