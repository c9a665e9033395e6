"""Features through the loop: put, awaited by a machine that sleeps, learnt, and looked up."""

import json
import textwrap
from pathlib import Path

import pytest
from e2e.laptop import Laptop

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
MODEL = "spending"
FILES = {
    "model.toml": """
        problem = "regression"
        [data]
        target = "price"
        key = "id"
        timestamp = "at"
        quiet_minutes = 1
        split = { by = "key" }
        [data.tables.customers]
        prefix = "customers/"
        keys = ["customer"]
        [features.customers]
        table = "customers"
        id = "customer"
        event_time = "seen"
        columns = { spent = "number" }
        [approve]
        by = "policy"
        first = "policy"
        [deploy]
        strategy = "all-at-once"
        bake_minutes = 0
        """,
    "train.py": """
        import csv, os, pathlib
        path = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]) / "data.csv"
        rows = [row for row in csv.DictReader(path.open()) if row["spent"]]
        factor = sum(float(row["price"]) / float(row["spent"]) for row in rows) / len(rows)
        (pathlib.Path(os.environ["SM_MODEL_DIR"]) / "factor").write_text(repr(factor))
        """,
    "inference.py": """
        import io, pathlib
        import pandas as pd
        import everloop_features
        def model_fn(folder):
            return float((pathlib.Path(folder) / "factor").read_text())
        def input_fn(body, content_type):
            text = body.decode() if isinstance(body, bytes) else body
            return pd.read_csv(io.StringIO(text), dtype={"customer": str})
        def predict_fn(rows, factor):
            return everloop_features.filled(rows)["spent"].fillna(0.0) * factor
        def output_fn(scores, accept):
            return "".join(f"{score!r}\\n" for score in scores.tolist())
        """,
}


def test_features_are_awaited_learnt_and_looked_up(laptop: Laptop, tmp_path: Path) -> None:
    folder = tmp_path / MODEL
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(textwrap.dedent(text))
    laptop.everloop("push", str(folder))
    assert laptop.decided(MODEL, "install")["go"]
    customers = "".join(f"c{n},2026-03-01T00:00:00Z,{n + 1}\n" for n in range(20))
    laptop.put(f"data/{MODEL}/customers/march.csv", f"customer,seen,spent\n{customers}".encode())
    rows = "".join(f"r{n:03},c{n % 20},2026-04-01,{3 * (n % 20 + 1)}\n" for n in range(300))
    laptop.put(f"data/{MODEL}/april.csv", f"id,customer,at,price\n{rows}".encode())

    laptop.serves(MODEL, 1, limit=300)

    # The run ended once to wait, as no failure, and learned from what was there then.
    ended = laptop.decided(MODEL, "train-end")
    assert ended["go"], ended["reason"]
    assert ended["facts"]["features"]["customers"]["records"] == 20
    s3 = laptop.client("s3")
    bucket = laptop.data_bucket.replace("-data-", "-artefacts-")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"runs/{MODEL}/")["Contents"]
    (key,) = [each["Key"] for each in listed if each["Key"].endswith("/files/features.json")]
    note = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    # The job that went on found them there: the one before it had put them, each once.
    assert (note["waits"], note["groups"][0]["put"]) == (False, 20)
    answer = laptop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=MODEL, Body=b"customer\nc4\nnobody\n", ContentType="text/csv"
    )
    assert [float(line) for line in answer["Body"].read().split()] == pytest.approx([15.0, 0.0])
