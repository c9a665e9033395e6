"""A folder that is its model.toml alone: SageMaker's XGBoost, tuned, up to a judged version 2."""

import shutil
from pathlib import Path

import pytest
from e2e.laptop import ROOT, Laptop

from everloop_cli import tumours

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
FOLDER = ROOT / "models" / "tumour-diagnosis"


def test_a_built_in_algorithm_is_released_and_its_second_version_is_judged(
    laptop: Laptop, tmp_path: Path
) -> None:
    name = "tumours"
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(FOLDER / "model.toml", folder)
    with (folder / "model.toml").open("a") as file:
        file.write('\n[approve]\nby = "policy"\nfirst = "policy"\n')
        file.write("\n[deploy]\nbake_minutes = 0\nstep_minutes = 0\n")
        file.write("\n[tune]\nranges = { subsample = [0.7, 1.0] }\ntrials = 2\nparallel = 2\n")
    laptop.everloop("push", str(folder))
    assert laptop.decided(name, "install")["go"]
    drops = list(tumours.drops())
    for key, data in drops[:2]:
        laptop.put(f"data/{name}/first/{key}", data)
    laptop.put(f"data/{name}/first/_SUCCESS", b"")
    laptop.serves(name, 1, limit=240)

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
    assert judged["facts"]["version"] == 2
    assert judged["facts"]["champion"] == 1
    assert "auc" in judged["reason"]
