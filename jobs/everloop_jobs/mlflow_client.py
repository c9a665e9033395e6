"""Runs in an MLflow tracking server, by its REST API: no package of MLflow's is needed in a job.

A server that cannot be reached, or that refuses, fails nothing: what became of it is returned, and
kept with the evaluation. https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_SECONDS = 10  # that one answer may take
_MOST_PARAMETERS = 100  # of one call, as MLflow takes them
_LONGEST = 500  # characters of a value that every version of MLflow takes
_RUN = "everloop.run"


class Refused(Exception):
    """The server answered, and not what was asked for."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


def track(spec: Mapping[str, Any], evaluation: Mapping[str, Any]) -> Json | None:
    """Note a training's run where [track] says; return what became of it, or None without one."""
    section = spec.get("track") or {}  # specs of before have none
    server = section.get("mlflow")
    if not server:
        return None
    try:
        run = _noted(str(server), spec, evaluation)
    except (OSError, ValueError, http.client.HTTPException, Refused, LookupError) as error:
        words = f"{type(error).__name__}: {error}"[:_LONGEST]
        print(f"WARNING: the run was not noted in {server}: {words}", flush=True)
        return {"mlflow": server, "run": None, "warning": words}
    return {"mlflow": server, "run": run, "warning": None}


def _noted(server: str, spec: Mapping[str, Any], evaluation: Mapping[str, Any]) -> str:
    section = spec["track"]
    experiment = _experiment(server, section.get("experiment") or spec["name"])
    source = os.environ.get("EVERLOOP_RUN", "")
    now = int(time.time() * 1000)
    run = _known(server, experiment, source)
    if run is None:
        tags = {
            "mlflow.runName": source.rpartition("/")[2] or spec["name"],
            _RUN: source,
            "everloop.model": spec["name"],
            "everloop.problem": spec["problem"],
            "everloop.dataset_digest": os.environ.get("EVERLOOP_DATASET_DIGEST", ""),
            "everloop.bundle_digest": os.environ.get("EVERLOOP_BUNDLE_DIGEST", ""),
        }
        made = {"experiment_id": experiment, "start_time": now, "tags": _pairs(tags)}
        run = str(_post(server, "runs/create", made)["run"]["info"]["run_id"])
    train = spec["train"]
    parameters = {**train["hyperparameters"], "framework": train.get("framework")}
    parameters |= {"algorithm": train.get("algorithm"), "rows_of_holdout": evaluation["rows"]}
    given = {name: value for name, value in parameters.items() if value is not None}
    found = evaluation["metrics"].items()
    metrics = [
        {"key": name, "value": each["value"], "timestamp": now, "step": 0}
        for name, each in found
        if isinstance(each.get("value"), int | float)
    ]
    batch = {"run_id": run, "metrics": metrics, "params": _pairs(given)[:_MOST_PARAMETERS]}
    _post(server, "runs/log-batch", batch)
    _post(server, "runs/update", {"run_id": run, "status": "FINISHED", "end_time": now})
    return run


def _experiment(server: str, name: str) -> str:
    """Return an experiment's id; make it where there is none."""
    for _ in range(2):
        try:
            query = urllib.parse.urlencode({"experiment_name": name})
            found = _call(server, f"experiments/get-by-name?{query}")
            return str(found["experiment"]["experiment_id"])
        except Refused as refused:
            if refused.code != "RESOURCE_DOES_NOT_EXIST":
                raise
        try:
            return str(_post(server, "experiments/create", {"name": name})["experiment_id"])
        except Refused as refused:  # another run was faster
            if refused.code != "RESOURCE_ALREADY_EXISTS":
                raise
    raise Refused("", f"the experiment {name!r} was made and is not there")


def _known(server: str, experiment: str, source: str) -> str | None:
    """Return the run that this training has already, from an evaluation that was begun before."""
    asked = {
        "experiment_ids": [experiment],
        "filter": f"tags.`{_RUN}` = '{source}'",
        "max_results": 1,
    }
    found = _post(server, "runs/search", asked).get("runs") or []
    return str(found[0]["info"]["run_id"]) if found and source else None


def _pairs(values: Mapping[str, Any]) -> list[Json]:
    return [
        {"key": str(name), "value": str(value)[:_LONGEST]}
        for name, value in values.items()
        if value
    ]


def _post(server: str, what: str, body: Json) -> Json:
    return _call(server, what, json.dumps(body).encode())


def _call(server: str, what: str, body: bytes | None = None) -> Json:
    request = urllib.request.Request(
        f"{server}/api/2.0/mlflow/{what}", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            found = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise _refused(error) from error
    if not isinstance(found, dict):
        raise Refused("", f"{what} answered {type(found).__name__} where an object belongs")
    return found


def _refused(error: urllib.error.HTTPError) -> Refused:
    try:
        told = json.loads(error.read())
        return Refused(str(told.get("error_code")), f"{error.code}: {told.get('message')}")
    except (ValueError, AttributeError, OSError):
        return Refused("", f"{error.code}: {error.reason}")
