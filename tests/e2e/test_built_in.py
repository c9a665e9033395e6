"""A folder that is its model.toml alone: SageMaker's XGBoost, tuned, up to a judged version 2.

No job imports its versions: each is scored by its own serving container, in a transform job.
"""

from pathlib import Path

import pytest
from e2e.laptop import ROOT, Laptop

from everloop_cli import tumours

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
FOLDER = ROOT / "models" / "tumour-diagnosis"


def test_a_built_in_algorithm_is_released_and_its_second_version_is_judged(
    laptop: Laptop, tmp_path: Path
) -> None:
    name = "tumours"
    folder = tmp_path / name
    folder.mkdir()
    spec = (FOLDER / "model.toml").read_text()
    with (folder / "model.toml").open("w") as file:
        file.write(spec.replace("[evaluate]", '[evaluate]\nby = "transform"'))
        file.write('\n[approve]\nby = "policy"\nfirst = "policy"\n')
        file.write("\n[deploy]\nbake_minutes = 0\nstep_minutes = 0\n")
        file.write("\n[tune]\nranges = { subsample = [0.7, 1.0] }\ntrials = 2\nparallel = 2\n")
    laptop.everloop("push", str(folder))
    assert laptop.decided(name, "install")["go"]
    drops = list(tumours.drops())
    for key, data in drops[:2]:
        laptop.put(f"data/{name}/first/{key}", data)
    laptop.put(f"data/{name}/first/_SUCCESS", b"")
    laptop.serves(name, 1, limit=240)  # the endpoint gave each golden row what the job had scored

    header, *cases = drops[0][1].decode().splitlines()
    asked = [line.split(",")[1:-1] for line in cases[:3]]
    answer = laptop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name,
        ContentType="text/csv",
        Body="\n".join(",".join(values) for values in asked),
    )
    said = [float(each) for each in answer["Body"].read().decode().split(",")]
    truth = [int(line.rpartition(",")[2]) for line in cases[:3]]
    assert header.startswith("case,") and header.endswith(",malignant")
    assert [round(score) for score in said] == truth

    laptop.put(f"data/{name}/second/{drops[2][0]}", drops[2][1])
    laptop.put(f"data/{name}/second/_SUCCESS", b"")
    judged = laptop.decided(name, "judge", count=2, limit=240)
    assert judged["facts"]["verdict"] != "unjudged", judged["reason"]
    assert (judged["facts"]["version"], judged["facts"]["champion"]) == (2, 1)
    assert "auc" in judged["reason"]
    assert_scored_by_their_containers(laptop, name)


def assert_scored_by_their_containers(laptop: Laptop, name: str) -> None:
    sagemaker = laptop.client("sagemaker")
    jobs = [
        sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
        for job in sagemaker.list_transform_jobs()["TransformJobSummaries"]
    ]
    mine = [job for job in jobs if f"/{name}/" in job["TransformOutput"]["S3OutputPath"]]
    # Each version on its own holdout, and the champion on the candidate's.
    assert len(mine) == 3
    assert {job["TransformJobStatus"] for job in mine} == {"Completed"}
    compared = [job for job in mine if "/comparisons/" in job["TransformOutput"]["S3OutputPath"]]
    assert [job["ModelName"].startswith(f"{name}-v1-") for job in compared] == [True]
    # What the runs made to be scored is gone; what is released stays.
    models = [model["ModelName"] for model in sagemaker.list_models()["Models"]]
    assert not [model for model in models if "-Model-" in model]
    assert [model for model in models if model.startswith(f"{name}-v1-")]
