"""Compile a folder's pipeline.py with the SageMaker Python SDK, which has a Python of its own.

The SDK is far too big for a Lambda and pins other packages than ours, so `pipeline.py` runs in
another process: offline, without credentials, the same folder giving the same bytes.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from everloop.pipelines import own as own_pipeline
from everloop_cli import stack_files
from everloop_cli.trouble import Trouble

VARIABLE = "EVERLOOP_SDK_PYTHON"
_PROGRAM = Path(__file__).with_name("sdk_program.py")
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")
_LIMIT = 600  # seconds; importing the SDK takes up to half a minute on a busy machine


def with_pipeline(folder: Path, files: Mapping[str, bytes], model: str) -> dict[str, bytes]:
    """Return a folder's files with the pipeline.json that its pipeline.py compiles to.

    One that was compiled from these very files is taken as it is, so that no SDK is needed. Raises
    Trouble where there is no SDK, or where pipeline.py fails.
    """
    if own_pipeline.SOURCE not in files or own_pipeline.is_current(files):
        return dict(files)
    answer = _run(_python(), folder, model)
    made = own_pipeline.compiled(answer["definition"], files, answer["sdk"])
    return {**files, own_pipeline.COMPILED: made}


def _python() -> Path:
    places = list(_places())
    for place in places:
        if place.exists():
            return place
    looked = ", ".join(str(place) for place in places) or "this one only"
    raise Trouble(
        "this folder has a pipeline.py, which the SageMaker Python SDK compiles, and there is no "
        f"Python with that SDK (looked at {looked}). In a clone of the repository:  "
        "tools/setup clients  Elsewhere: install sagemaker==3.27.0 into any environment, and set "
        f"{VARIABLE} to its python"
    )


def _places() -> Iterator[Path]:
    """Yield where a Python with the SDK may be: named, our own, the clone's."""
    if named := os.environ.get(VARIABLE):
        yield Path(named)
        return
    if _has_sdk():
        yield Path(sys.executable)
    if (clone := stack_files.clone()) is not None:
        yield clone / ".venv-clients" / "bin" / "python"


def _has_sdk() -> bool:
    try:
        return importlib.util.find_spec("sagemaker.mlops") is not None
    except ModuleNotFoundError:
        return False


def _run(python: Path, folder: Path, model: str) -> dict[str, Any]:
    package_spec = importlib.util.find_spec("everloop")
    assert package_spec is not None and package_spec.origin is not None
    env = {
        **{name: value for name, value in os.environ.items() if name in _KEPT},
        "PYTHONPATH": str(Path(package_spec.origin).parent.parent),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",  # no client is ever called; the SDK wants one named
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }
    request = json.dumps({"folder": str(folder.resolve()), "model": model})
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer.json"
        try:
            done = subprocess.run(
                [str(python), str(_PROGRAM), str(answer)],
                input=request,
                env=env,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Trouble(f"{folder}/pipeline.py was not compiled within {_LIMIT} s") from None
        except OSError as error:
            raise Trouble(f"{python} cannot be run: {error}; see {VARIABLE}") from error
        if not answer.exists():
            last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
            raise Trouble(f"{python} could not compile {folder}/pipeline.py: {last[0]}")
        result: dict[str, Any] = json.loads(answer.read_text())
    if "trouble" in result:
        raise Trouble(f"{folder}/pipeline.py does not compile: {result['trouble']}")
    return result
