"""Real, tiny models behind real endpoints: a JSON file, ten lines of Python, a strict cloud."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from waiting import until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/serving"
BUCKET = "models"
SCRIPT = """
import json, pathlib, time

def model_fn(folder):
    return json.loads((pathlib.Path(folder) / "model.json").read_text())

def input_fn(body, content_type):
    return float(body)

def predict_fn(number, model):
    return number + model["add"]

def output_fn(total, accept):
    return f"{total:g}"
"""
SERVICES = ("s3", "logs", "cloudwatch", "events", "sagemaker", "sagemaker-runtime")


def archive(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


class Hosted:
    """A cloud with hosting, its clients, and short ways to models and endpoints."""

    def __init__(self, cloud: Any, client: Callable[..., Any]) -> None:
        self.cloud = cloud
        self.client = client
        self.sagemaker = client("sagemaker")
        self.runtime = client("sagemaker-runtime")
        self.s3 = client("s3")
        self.cloudwatch = client("cloudwatch")
        self.logs = client("logs")
        self.events: list[dict[str, Any]] = []
        cloud.on_event(self.events.append)

    def put(self, key: str, data: bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}"

    def model(self, name: str, *, add: float = 0, script: str = SCRIPT, **extra: Any) -> str:
        files = {"model.json": json.dumps({"add": add}), "code/inference.py": script}
        files |= extra.pop("files", {})
        container = {
            "Image": IMAGE,
            "ModelDataUrl": self.put(f"{name}/model.tar.gz", archive(files)),
            **extra,
        }
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE
        )
        return name

    def config(self, name: str, *models: str, **extra: Any) -> str:
        count = extra.pop("count", 1)
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic" if len(models) == 1 else f"v-{model}",
                    "ModelName": model,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": count,
                }
                for model in models
            ],
            **extra,
        )
        return name

    def endpoint(self, name: str, config: str) -> dict[str, Any]:
        """Create an endpoint and wait until that is done, well or not."""
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return self.settled(name)

    def update(self, name: str, config: str, **deployment: Any) -> None:
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **deployment)

    def settled(self, name: str) -> dict[str, Any]:
        return until(
            lambda: self.sagemaker.describe_endpoint(EndpointName=name),
            lambda told: told["EndpointStatus"] in ("InService", "Failed"),
        )

    def ask(self, endpoint: str, number: float = 1, **extra: Any) -> str:
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, Body=f"{number:g}".encode(), ContentType="text/csv", **extra
        )
        return str(answer["Body"].read().decode())

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [event["detail"] for event in self.events if event["detail-type"] == kind]


@pytest.fixture
def hosting(cloud_with: Any) -> Callable[..., Hosted]:
    """Start a cloud that hosts models; a folder that is given is kept over starts."""

    def start(*more: str, **options: Any) -> Hosted:
        hosted = Hosted(*cloud_with(*SERVICES, *more, **options))
        if BUCKET not in [bucket["Name"] for bucket in hosted.s3.list_buckets()["Buckets"]]:
            hosted.s3.create_bucket(Bucket=BUCKET)
        return hosted

    return start


@pytest.fixture
def hosted(hosting: Callable[..., Hosted]) -> Hosted:
    return hosting()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "kept"


@pytest.fixture
def pack() -> Callable[[dict[str, str | bytes]], bytes]:
    """Pack files into a tar.gz."""
    return archive


@pytest.fixture
def attach() -> Callable[[str, Path], Hosted]:
    """Give the same short ways to a cloud that runs as a process of its own."""

    def attach(url: str, state: Path) -> Hosted:
        def client(service: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id="tester",
                aws_secret_access_key="secret",
            )

        there = SimpleNamespace(url=url, folder=state, on_event=lambda listener: None)
        return Hosted(there, client)

    return attach
