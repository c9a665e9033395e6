"""What SageMaker hands to a training, and script mode or an algorithm run on it."""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from job_container import Container

from everloop.spec import algorithms, policy
from everloop.spec.model_spec import ModelSpec
from everloop_localcloud.sagemaker.algorithms import built_in


def configure(base: Path, bundle: Path, spec: ModelSpec) -> None:
    """Write what a training job's folder says of it, for one machine."""
    config = base / "input" / "config"
    config.mkdir(parents=True)
    asked = {
        **spec.train.hyperparameters,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": str(bundle),
        "sagemaker_region": "us-east-1",
        "sagemaker_container_log_level": 20,
    }
    given = {
        # SageMaker hands over text; each is the JSON of its value.
        "hyperparameters.json": algorithms.hyperparameters(policy.document(spec))
        if spec.train.algorithm
        else {name: json.dumps(value) for name, value in asked.items()},
        "inputdataconfig.json": {
            name: {"ContentType": "text/csv", "TrainingInputMode": "File"}
            for name in ("train", "validation")
        },
        # Any other host would have to resolve.
        "resourceconfig.json": {
            "current_host": "localhost",
            "hosts": ["localhost"],
            "network_interface_name": "lo",
        },
    }
    for name, value in given.items():
        (config / name).write_text(json.dumps(value))


def train(container: Container, bundle: Path, spec: ModelSpec) -> Path:
    """Run the toolkit that AWS's images run, or the built-in algorithm; return model.tar.gz."""
    base = container.root / "training"
    (base / "model").mkdir(parents=True)
    (base / "output" / "data").mkdir(parents=True)  # without it the toolkit fails with exit code 0
    for channel in ("train", "validation"):
        folder = base / "input" / "data" / channel
        folder.mkdir(parents=True)
        made = container.output("algorithm" if spec.train.algorithm else channel)
        shutil.copy((made / channel if spec.train.algorithm else made) / "data.csv", folder)
    configure(base, bundle, spec)
    done = subprocess.run(
        [sys.executable, str(built_in.TRAIN)]
        if spec.train.algorithm
        else [str(Path(sys.executable).parent / "train")],
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "SAGEMAKER_BASE_DIR": str(base),
            "OMP_NUM_THREADS": "1",  # tests share the cores: threads that wait would spin
        },
        cwd=base,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    packed = container.input("model") / "model.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        for path in sorted((base / "model").iterdir()):
            archive.add(path, path.name)
    return packed
