"""Scripts in the images of frameworks, by the very requests that a pipeline is rendered to."""

import json
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from everloop.bundle import packed
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec.model_spec import load_spec

ROLE = "arn:aws:iam::123456789012:role/serving"
TRAIN = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--add", type=float)
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "data.csv").read_text().split()
import {module}
total = len(rows) + parser.parse_args().add + {module}.ONE
pathlib.Path(os.environ["SM_MODEL_DIR"], "total").write_text(str(total))
"""
INFERENCE = """
import pathlib
def model_fn(folder): return float((pathlib.Path(folder) / "total").read_text())
def input_fn(body, content_type): return float(body)
def predict_fn(number, total): return number + total
def output_fn(answer, accept): return f"{answer:g}"
"""


@pytest.mark.parametrize(
    ("framework", "module"), [("xgboost", "own"), ("pytorch", "torch")], ids=["xgboost", "pytorch"]
)
def test_a_script_trains_and_serves_in_a_frameworks_images(
    hosted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str, module: str
) -> None:
    # A module of one line stands for PyTorch's gigabytes; the job finds it beside its script.
    (tmp_path / "torch.py").write_text("")
    if framework == "pytorch":
        monkeypatch.syspath_prepend(tmp_path)
    files = {
        "train.py": TRAIN.format(module=module),
        "inference.py": INFERENCE,
        f"{module}.py": "ONE = 1\n",
        "model.toml": "",
    }
    bundle = hosted.put("bundle.tar.gz", packed({n: t.encode() for n, t in files.items()}))
    train = f'[train]\nframework = "{framework}"\nspot = false\nhyperparameters = {{ add = 0.5 }}\n'
    spec = load_spec(f'problem = "regression"\n[data]\ntarget = "y"\n{train}', name="sums")
    site = Site("models", "us-east-1", ROLE, "s3://models/jobs")
    steps = json.loads(render(spec, site, BundleRef(bundle, "0" * 64)))["Steps"]
    asked = next(step["Arguments"] for step in steps if step["Name"] == "Train")
    for channel in asked["InputDataConfig"]:
        hosted.put(f"{channel['ChannelName']}/data.csv", b"1\n2\n3\n")
        uri = f"s3://models/{channel['ChannelName']}/"
        channel["DataSource"]["S3DataSource"]["S3Uri"] = uri
    asked["OutputDataConfig"]["S3OutputPath"] = "s3://models/out"
    hosted.sagemaker.create_training_job(TrainingJobName="sums", **asked)
    job = until(
        lambda: hosted.sagemaker.describe_training_job(TrainingJobName="sums"),
        lambda told: told["TrainingJobStatus"] in ("Completed", "Failed"),
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")

    meets = next(step["Arguments"] for step in steps if step["Name"] == "MeetsBars")
    (container,) = meets["IfSteps"][0]["Arguments"]["InferenceSpecification"]["Containers"]
    container["ModelDataUrl"] = job["ModelArtifacts"]["S3ModelArtifacts"]
    hosted.sagemaker.create_model(
        ModelName="sums", PrimaryContainer=container, ExecutionRoleArn=ROLE
    )
    endpoint = hosted.endpoint("sums", hosted.config("sums", "sums"))
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    assert hosted.ask("sums", 1) == "5.5"
