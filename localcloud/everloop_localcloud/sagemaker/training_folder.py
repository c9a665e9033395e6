"""What a training job's machines find below /opt/ml, and what of it is put to S3 afterwards."""

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.sagemaker import container, preferences
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.jobs import Jobs, upload
from everloop_localcloud.sagemaker.model_files import NotFetched, unpack

Record = dict[str, Any]
Machine = tuple[int, int]  # which of how many, counted from 0
_SHARDED = "ShardedByS3Key"


def bring_channels(jobs: Jobs, job: Record, folder: Path, behalf: Behalf, machine: Machine) -> None:
    """Download a machine's channels: each object, or of a sharded one its own share of them."""
    for channel in job.get("InputDataConfig", []):
        source = channel["DataSource"]["S3DataSource"]
        target = folder / "input" / "data" / channel["ChannelName"]
        shard = machine if _distribution(channel) == _SHARDED else (0, 1)
        jobs.download(source["S3Uri"], target, source["S3DataType"], behalf, shard)


def configure(job: Record, folder: Path, machine: Machine, *, docker: bool) -> None:
    """Write what the machine is told of the job. Containers of Docker share this machine's name."""
    number, count = machine
    config = folder / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    for each in ("model", "output/data", "code", "checkpoints"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    usual = job["AlgorithmSpecification"]["TrainingInputMode"]
    channels = {
        channel["ChannelName"]: {
            "ContentType": channel.get("ContentType", ""),
            "TrainingInputMode": channel.get("InputMode") or usual,
            "S3DistributionType": _distribution(channel),
            "RecordWrapperType": "None",
        }
        for channel in job.get("InputDataConfig", [])
    }
    hosts = ["localhost"] if docker else container.hosts(folder, count)
    resources = {
        "current_host": hosts[number],
        "hosts": hosts,
        "network_interface_name": "lo",
        "current_instance_type": preferences.runs_on(job["ResourceConfig"]) or "local",
        "current_group_name": "homogeneousCluster",
        "instance_groups": [],
    }
    (config / "hyperparameters.json").write_text(json.dumps(job.get("HyperParameters", {})))
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    (config / "resourceconfig.json").write_text(json.dumps(resources))


def bring_code(cloud: Account, job: Record, folder: Path) -> Path | None:
    """Unpack script mode's archive; returns the requirements.txt of the job's code, if any.

    The toolkit would fetch it, too, and takes what is there already: code that is here before
    the job starts can have its packages, and its paths, prepared.
    """
    given = str(job.get("HyperParameters", {}).get("sagemaker_submit_directory", ""))
    uri = given.strip('"')
    if uri.startswith("s3://") and uri.endswith(".tar.gz"):
        try:
            unpack(cloud, uri, folder / "code", job["RoleArn"])
        except NotFetched as error:
            raise ValueError(f"the code at {uri} cannot be used: {error.__cause__}") from error
    places = [folder / "code", folder / "input" / "data" / "code"]
    files = (place / "requirements.txt" for place in places)
    return next((file for file in files if file.is_file()), None)


def archive(folders: Sequence[Path], uri: str, behalf: Behalf) -> None:
    """Put what all machines left into one archive; of one name, that of the first."""
    path = folders[0].parent / ".archive.tar.gz"
    packed: set[Path] = set()
    with tarfile.open(path, "w:gz", compresslevel=6) as opened:
        for folder in folders:
            for each in sorted(folder.rglob("*")):
                name = each.relative_to(folder)
                if name not in packed:
                    packed.add(name)
                    opened.add(each, arcname=name.as_posix(), recursive=False)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    upload(behalf, path, bucket, key)


def _distribution(channel: Record) -> str:
    source = channel["DataSource"]["S3DataSource"]
    return str(source.get("S3DataDistributionType") or "FullyReplicated")
