"""Prepare, train and evaluate in one training job: the same scripts, one after the other.

Each sees a folder of this job as its /opt/ml, laid out as in a job of its own. What would be
outputs of processing jobs is put to the same places in S3. `train.py` has its channels, model and
outputs where the SM_* variables say.
"""

import importlib.util
import json
import os
import shutil
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from container import ROOT, JobError, run_script

_CHANNELS = ROOT / "input" / "data"  # of this job: what a preparation has as inputs
_PREPARED = ("dataset", "code", "jobs")
_PATIENT = Config(
    connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 10}
)
# AWS's images have one of them; both look in SAGEMAKER_BASE_DIR for what is /opt/ml else.
_TOOLKITS = ("sagemaker_training", "sagemaker_containers")


def main() -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        inputs, outputs = (root / "processing" / name for name in ("input", "output"))
        inputs.mkdir(parents=True)
        for name in _PREPARED:
            (inputs / name).symlink_to(_CHANNELS / name)
        _job("prepare.py", root)
        spec = json.loads((inputs / "code" / "spec.json").read_text())
        _put(outputs)
        _train(root, ("train", "validation", *(spec["prepare"].get("channels") or ())))
        for name in ("holdout", *os.environ["EVERLOOP_EVALUATION_READS"].split()):
            (inputs / name).symlink_to(outputs / name)
        _job("evaluate.py", root)
        _put(outputs, "evaluation")
        return (root / "output" / "message").read_text()


def _job(script: str, root: Path) -> None:
    """Run a script of the jobs. Raises JobError with what it would have as its ExitMessage."""
    told = root / "output" / "message"
    told.unlink(missing_ok=True)
    command = [sys.executable, str(_CHANNELS / "jobs" / script)]
    code, last = run_script(command, environment={"EVERLOOP_ML_ROOT": str(root)})
    if code:
        raise JobError(told.read_text() if told.exists() else f"{script} failed: {last}")


def _train(root: Path, channels: tuple[str, ...]) -> None:
    """Run script mode on what was prepared, and pack the model as SageMaker packs it."""
    config, given = root / "input" / "config", ROOT / "input" / "config"
    config.mkdir(parents=True)
    for name in ("hyperparameters.json", "resourceconfig.json"):
        shutil.copy(given / name, config)
    as_file: dict[str, Any] = {
        "ContentType": "text/csv",
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(channels, as_file)))
    (root / "input" / "data").mkdir()
    for name in channels:
        (root / "input" / "data" / name).symlink_to(root / "processing" / "output" / name)
    (root / "output").mkdir(exist_ok=True)
    for place in ("model", "output/data"):
        (ROOT / place).mkdir(parents=True, exist_ok=True)
        (root / place).symlink_to(ROOT / place)
    code, last = run_script(_toolkit(), root, {"SAGEMAKER_BASE_DIR": str(root)})
    if code:
        told = root / "output" / "failure"
        raise JobError(told.read_text(errors="replace") if told.exists() else last)
    if os.environ.get("EVERLOOP_CODE_INSIDE"):  # where the serving container looks for it
        shutil.copytree(root / "code", ROOT / "model" / "code", dirs_exist_ok=True)
    packed = root / "processing" / "input" / "model" / "model.tar.gz"
    packed.parent.mkdir()
    with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
        for path in sorted((ROOT / "model").iterdir()):
            archive.add(path, path.name)


def _toolkit() -> list[str]:
    for name in _TOOLKITS:
        if importlib.util.find_spec(name):
            entry = f"import sys; from {name}.cli.train import main; sys.exit(main())"
            return [sys.executable, "-c", entry]
    raise JobError(f"the image has none of {', '.join(_TOOLKITS)}, which run train.py")


def _put(outputs: Path, below: str = "") -> None:
    """Put outputs to S3, below the run's prefix. Raises JobError."""
    place = os.environ["EVERLOOP_OUTPUT_URI"]
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3", config=_PATIENT)

    def put(path: Path) -> None:
        s3.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(outputs).as_posix()}")

    files = (path for path in (outputs / below).rglob("*") if path.is_file())
    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(put, files))
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise JobError(f"outputs cannot be put below {place}: {error}") from error


def run() -> None:
    """Run the job; why it failed becomes the training's FailureReason."""
    try:
        print(main())
    except Exception as error:
        wrong = str(error) if isinstance(error, JobError) else f"{type(error).__name__}: {error}"
        told = ROOT / "output" / "failure"
        told.parent.mkdir(parents=True, exist_ok=True)
        told.write_bytes(wrong.encode("utf-8", "replace")[:1024])
        if not isinstance(error, JobError):
            raise
        print(f"error: {wrong}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run()
