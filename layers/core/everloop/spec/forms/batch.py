"""`serve = "batch"`: no endpoint; objects that come are scored by transform jobs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from everloop.spec.forms.form import Form


def _mistakes(spec: Mapping[str, Any]) -> Iterator[str]:
    data, deploy = spec["data"], spec["deploy"]
    if data["format"] == "files":
        yield (
            "deploy.serve is 'batch' and data.format is 'files'; what is scored are rows, so give "
            "csv, parquet or jsonl, or serve in real time"
        )
    if deploy["staging"]["keep"]:
        yield (
            "deploy.staging.keep is true and deploy.serve is 'batch'; a version is tested by a "
            "transform job, and nothing is there to keep: leave it out"
        )


def _implied(given: dict[str, Any]) -> dict[str, Any]:
    return {"batch": {}, **given}


FORM: Final = Form("batch", _mistakes, has_endpoint=False, sections=("batch",), implied=_implied)
