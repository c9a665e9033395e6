"""Parquet without a script: a folder that has no preprocess.py is split, trained and registered."""

import io
import json
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
from e2e.laptop import Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
MODEL = "no-script"
SPLIT = 'format = "parquet"\n[data.split]\nby = "key"\n\n[train]'


def test_parquet_is_split_trained_and_reported(laptop: Laptop, tmp_path: Path) -> None:
    folder = variant(tmp_path, MODEL, {}, **{"[train]": SPLIT})
    (folder / "preprocess.py").unlink()
    laptop.everloop("push", str(folder))
    assert laptop.decided(MODEL, "install")["go"]
    dropped, made = pyarrow.csv.read_csv(io.BytesIO(prices(1, 300))), tmp_path / "may.parquet"
    pyarrow.parquet.write_table(dropped, made)

    laptop.everloop("drop", MODEL, str(made))

    assert laptop.decided(MODEL, "train-end")["go"]
    s3 = laptop.client("s3")
    bucket = laptop.data_bucket.replace("-data-", "-artefacts-")
    keys = [
        entry["Key"]
        for entry in s3.list_objects_v2(Bucket=bucket, Prefix=f"runs/{MODEL}/")["Contents"]
    ]
    documents = {
        name: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        for name in ("data.json", "split.json")
        for key in keys
        if key.endswith(f"/{name}")
    }
    assert documents["data.json"]["rows"] == sum(documents["split.json"]["rows"].values()) == 300
    assert any(key.endswith("/files/data.html") for key in keys)
