"""Versions that no job imports: each is scored by its own serving container, in a transform job."""

import shutil
from pathlib import Path

import pytest
from e2e.laptop import ROOT, Laptop

from everloop_cli import tumours

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
FOLDER = ROOT / "models" / "tumour-diagnosis"


def test_two_versions_are_scored_by_their_containers_and_compared(
    laptop: Laptop, tmp_path: Path
) -> None:
    name = "by-container"
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(FOLDER / "model.toml", folder)
    spec = (folder / "model.toml").read_text().replace("[evaluate]", '[evaluate]\nby = "transform"')
    policy = '\n[approve]\nby = "policy"\nfirst = "policy"\n'
    (folder / "model.toml").write_text(
        f"{spec}{policy}\n[deploy]\nbake_minutes = 0\nstep_minutes = 0\n"
    )
    laptop.everloop("push", str(folder))
    assert laptop.decided(name, "install")["go"]
    drops = list(tumours.drops())
    for key, data in drops[:2]:
        laptop.put(f"data/{name}/first/{key}", data)
    laptop.put(f"data/{name}/first/_SUCCESS", b"")
    laptop.serves(name, 1, limit=240)  # the endpoint gave each golden row what the job had scored

    laptop.put(f"data/{name}/second/{drops[2][0]}", drops[2][1])
    laptop.put(f"data/{name}/second/_SUCCESS", b"")
    judged = laptop.decided(name, "judge", count=2, limit=240)

    assert judged["facts"]["verdict"] != "unjudged", judged["reason"]
    assert (judged["facts"]["version"], judged["facts"]["champion"]) == (2, 1)
    assert "auc" in judged["reason"]
    sagemaker = laptop.client("sagemaker")
    jobs = [
        sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
        for job in sagemaker.list_transform_jobs()["TransformJobSummaries"]
    ]
    mine = [job for job in jobs if name in job["TransformOutput"]["S3OutputPath"]]
    # Each version on its own holdout, and the champion on the candidate's.
    assert len(mine) == 3
    assert {job["TransformJobStatus"] for job in mine} == {"Completed"}
    compared = [job for job in mine if "/comparisons/" in job["TransformOutput"]["S3OutputPath"]]
    assert [job["ModelName"].startswith(f"{name}-v1-") for job in compared] == [True]
    # What the runs made to be scored is gone; what is released stays.
    models = [model["ModelName"] for model in sagemaker.list_models()["Models"]]
    assert not [model for model in models if "-Model-" in model]
    assert [model for model in models if model.startswith(f"{name}-v1-")]
    assert laptop.denied() == []
