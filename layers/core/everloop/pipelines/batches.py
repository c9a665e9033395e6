"""Requests of the jobs that score a window of objects: its rows, their answers, and the results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from everloop.pipelines.job_requests import folder_of, job, scores
from everloop.pipelines.transform import Scoring
from everloop.spec import instances


@dataclass(frozen=True)
class Batch:
    """A window that is scored: by which version, from what, and where its results lie."""

    name: str
    model: str
    window: int
    version: int
    time: str  # of its closing
    objects_uri: str  # the folder of its manifest
    work_uri: str
    scores_uri: str
    capture_uri: str
    bundle_uri: str
    baseline_uri: str
    predictions_uri: str

    @property
    def files_uri(self) -> str:
        return f"{self.work_uri}/files.json"


def requests(
    batch: Batch,
    spec: Mapping[str, Any],
    sagemaker_model: str,
    how: Scoring,
    *,
    jobs_uri: str,
    jobs: tuple[str, str, str | None],
    instance: str = "",
) -> dict[str, Any]:
    """Return the three jobs: `rows`, `score` and `results`."""
    common = {
        "jobs": jobs_uri,
        "code": folder_of(batch.bundle_uri),  # the bundle, and spec.json beside it
        "reference": folder_of(batch.predictions_uri),  # evaluation.json lies beside them
    }
    machine = instance or instances.of_job(spec, "prepare")[0].instance
    work, sent, answered = batch.work_uri, f"{batch.work_uri}/requests", f"{batch.work_uri}/answers"
    environment = {
        "EVERLOOP_VERSION": str(batch.version),
        "EVERLOOP_WINDOW": str(batch.window),
        "EVERLOOP_SCORES_URI": batch.scores_uri,
    }
    rows = job(
        f"{batch.name}-rows",
        "score_rows.py",
        spec,
        machine,
        {**common, "dataset": batch.objects_uri, "baseline": batch.baseline_uri},
        {"requests": sent, "files": f"{work}/files"},
        {"EVERLOOP_FILES_URI": batch.files_uri},
        jobs=jobs,
    )
    results = job(
        f"{batch.name}-results",
        "score_results.py",
        spec,
        machine,
        {**common, "files": f"{work}/files/", "requests": f"{sent}/", "answers": f"{answered}/"},
        {"scores": batch.scores_uri, "capture": batch.capture_uri},
        environment,
        jobs=jobs,
    )
    score = scores(
        name=f"{batch.name}-score",
        model=batch.model,
        sagemaker_model=sagemaker_model,
        rows_uri=f"{sent}/",
        answers_uri=answered,
        how=how,
    )
    return {"rows": rows, "score": score, "results": results}
