"""Record what the container's own serving code answers: answers.json beside this file.

It needs an environment of its own, as the image has it (scikit-learn 1.9-0): Flask 3.1.3 and the
source of sagemaker-containers 2.8.6.post2, whose package asks for a Flask that is long gone:

    pip install flask==3.1.3 six numpy scipy boto3 retrying psutil paramiko inotify_simple gevent
    pip install gunicorn protobuf==3.20.2
    pip download --no-deps --no-binary :all: sagemaker-containers==2.8.6.post2    # then unpack it
    export PYTHONPATH=sagemaker_containers-2.8.6.post2/src
    python tests/localcloud/sagemaker/container_answers/record.py

The container's serving.py, which puts these together, is in aws/sagemaker-scikit-learn-container.
"""

import collections
import collections.abc
import json
import sys
import types
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.modules["gethostname"] = types.ModuleType("gethostname")  # its C part, for training with MPI
collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined] # gone since Python 3.10
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
from cases import CASES, Case  # noqa: E402
from sagemaker_containers.beta.framework import (  # type: ignore[import-not-found] # noqa: E402
    content_types,
    encoders,
    transformer,
    worker,
)

HERE = Path(__file__).parent


def input_fn(data: Any, content_type: str) -> Any:
    array = encoders.decode(data, content_type)
    return array.astype(np.float32) if content_type in content_types.UTF8_TYPES else array


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data)


def output_fn(prediction: Any, accept: str) -> Any:
    return worker.Response(encoders.encode(prediction, accept), accept, mimetype=accept)


def answer(case: Case) -> dict[str, Any]:
    script: dict[str, Any] = {}
    exec(case.script, script)
    own = {"model_fn": script["model_fn"]}
    if "transform_fn" in script:
        own["transform_fn"] = script["transform_fn"]
    else:
        for default in (input_fn, predict_fn, output_fn):
            own[default.__name__] = script.get(default.__name__, default)
    handlers = transformer.Transformer(**own)
    handlers.initialize()
    app = worker.Worker(transform_fn=handlers.transform, module_name="inference")
    headers = {"Content-Type": case.content_type, "Accept": case.accept}
    told = app.test_client().post(
        "/invocations",
        data=case.body,
        headers={name: value for name, value in headers.items() if value is not None},
    )
    body = told.get_data()
    return {
        "status": told.status_code,
        "content_type": told.headers.get("Content-Type"),
        "body": body.decode("latin-1") if told.status_code == 200 else None,
    }


if __name__ == "__main__":
    found = {case.name: answer(case) for case in CASES}
    (HERE / "answers.json").write_text(json.dumps(found, indent=1) + "\n")
