"""A model that scores in batches: released by golden rows, objects in, scores and manifest out."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
MODEL = "nightly"
ARTEFACTS = f"everloop-artefacts-{ACCOUNT}-us-east-1"
BATCH = 'min_rows = 20\nwatch = ["data", "prediction"]\n\n[deploy.batch]\nquiet_minutes = 2'
# What answers otherwise in a transform job than where it was evaluated.
OTHERWISE = """
import os

usual_fn = predict_fn


def predict_fn(rows, means):
    wrong = dict.fromkeys(means, 1.0)
    return usual_fn(rows, wrong if "SAGEMAKER_BATCH" in os.environ else means)
"""


def test_what_comes_is_scored_by_the_version_in_production(laptop: Laptop, tmp_path: Path) -> None:
    spec = {"[deploy]": '[deploy]\nserve = "batch"', "min_rows = 20": BATCH}
    folder = variant(tmp_path, MODEL, {}, **spec)
    laptop.everloop("push", str(folder))
    assert laptop.decided(MODEL, "install")["go"]

    # What comes before there is a version waits for one.
    laptop.put(f"score/{MODEL}/early.csv", rows("e", 5))
    laptop.put(f"data/{MODEL}/one.csv", prices(1, 300))
    laptop.decided(MODEL, "judge")
    laptop.approve(MODEL, 1)
    assert laptop.decided(MODEL, "test")["go"]
    assert laptop.decided(MODEL, "serve")["go"]
    first = laptop.decided(MODEL, "score", limit=180)
    assert (first["facts"]["version"], first["facts"]["rows"]) == (1, 5), first["reason"]
    sagemaker = laptop.client("sagemaker")
    assert MODEL not in str(sagemaker.list_endpoints()["Endpoints"])

    # A burst is one batch where the machine keeps pace; of it a bad file is set aside.
    for name in ("a", "b", "c"):
        laptop.put(f"score/{MODEL}/{name}.csv", rows(name, 20))
    laptop.put(f"score/{MODEL}/bad.csv", b"id\n1\n")
    until_rows(laptop, 65)
    manifests = scored(laptop)
    assert sorted(each["key"].rpartition("/")[2] for m in manifests for each in m["objects"]) == [
        *("a.csv", "b.csv", "c.csv", "early.csv")
    ]  # each of them once
    table = scores_of(laptop, manifests, "a.csv")
    assert list(table.columns) == ["id", "score"]
    assert table["id"].tolist() == [f"a-{n}" for n in range(20)]
    red = table["score"].iloc[0]
    assert 8 < red < 12
    aside = laptop.decided(MODEL, "set-aside")
    assert f"score/{MODEL}/bad.csv" in aside["reason"]

    # A second version scores what comes from then on; one that answers otherwise does not.
    laptop.put(f"data/{MODEL}/two.csv", prices(3, 1500, shift=6))
    laptop.decided(MODEL, "judge", 2)
    laptop.approve(MODEL, 2)
    laptop.decided(MODEL, "serve", 2)
    laptop.put(f"score/{MODEL}/second.csv", rows("s", 20))
    until_rows(laptop, 85)
    assert scored(laptop)[-1]["model_version"] == 2

    inference = folder / "inference.py"
    inference.write_text(inference.read_text() + OTHERWISE)
    laptop.everloop("push", str(folder))
    laptop.decided(MODEL, "install", 2)
    laptop.put(f"data/{MODEL}/three.csv", prices(4, 1500, shift=6))
    laptop.decided(MODEL, "judge", 3)
    laptop.approve(MODEL, 3)
    failed = laptop.decided(MODEL, "test", 3)
    assert (failed["go"], "scores differ" in failed["reason"]) == (False, True)
    assert laptop.decided(MODEL, "rollback")["facts"]["serving"] == 2

    # What is withdrawn scores no more: the version before does.
    laptop.approve(MODEL, 2, "Rejected")
    laptop.decided(MODEL, "serve", 3)
    laptop.put(f"score/{MODEL}/third.csv", rows("t", 20))
    until_rows(laptop, 105)
    assert scored(laptop)[-1]["model_version"] == 1
    told = json.loads(laptop.everloop("why", MODEL, "--json"))
    assert (told["serving"]["version"], told["chain"]["problems"]) == (1, [])

    # What was scored is what the monitor looks at.
    laptop.wait(MODEL, "a look at scored rows", lambda: looked(laptop), limit=180)

    laptop.everloop("remove", MODEL, "--yes", "--reason", "the story ended")
    laptop.wait(MODEL, "its end", lambda: removed(laptop))
    names = [each["ModelName"] for each in sagemaker.list_models()["Models"]]
    assert not [name for name in names if name.startswith(f"{MODEL}-")]
    assert laptop.denied() == []


def rows(name: str, count: int) -> bytes:
    lines = [f"{name}-{n},{('red', 'green', 'blue')[n % 3]}" for n in range(count)]
    return ("\n".join(["id,colour", *lines]) + "\n").encode()


def until_rows(laptop: Laptop, count: int) -> None:
    """Wait until so many rows are scored: in how many batches is a matter of the machine's pace."""

    def probe() -> bool | None:
        done = sum(each["facts"]["rows"] or 0 for each in laptop.decisions(MODEL, "score"))
        return done >= count or None

    laptop.wait(MODEL, f"{count} scored rows", probe, limit=180)


def scored(laptop: Laptop) -> list[dict[str, Any]]:
    """Return the manifests of all batches, the oldest first."""
    made = [each for each in laptop.decisions(MODEL, "score") if each["go"]]
    return [json.loads(read(laptop, each["subject"])) for each in made]


def scores_of(laptop: Laptop, manifests: list[dict[str, Any]], name: str) -> pd.DataFrame:
    objects = [each for manifest in manifests for each in manifest["objects"]]
    (entry,) = (each for each in objects if each["key"].endswith(f"/{name}"))
    return pd.read_csv(io.BytesIO(read(laptop, entry["scores"])))


def read(laptop: Laptop, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = laptop.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def looked(laptop: Laptop) -> bool | None:
    looks = laptop.decisions(MODEL, "monitor")
    return any(each["facts"]["rows"] >= 20 for each in looks) or None


def removed(laptop: Laptop) -> bool | None:
    ends = [each for each in laptop.decisions(MODEL, "remove") if each["go"]]
    return bool(ends) or None
