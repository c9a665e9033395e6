"""Ten classes in Parquet, split by us: probabilities are judged, tested on staging, compared."""

import io
import json
import shutil
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
from e2e.laptop import ROOT, Laptop

from everloop_cli import digits

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
MODEL = "digits"
SPLIT = 'format = "parquet"\n[data.split]\nby = "key"\n\n[train]'


def test_a_second_version_of_ten_classes_is_judged(laptop: Laptop, tmp_path: Path) -> None:
    folder = tmp_path / MODEL
    shutil.copytree(ROOT / "models" / "handwritten-digits", folder)
    (folder / "preprocess.py").unlink()
    spec = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(spec.replace("[train]", SPLIT))
    laptop.everloop("push", str(folder))
    assert laptop.decided(MODEL, "install")["go"]
    files = []
    for name, rows in digits.drops():
        files.append(tmp_path / Path(name).with_suffix(".parquet"))
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(rows)), files[-1])
    laptop.everloop("drop", MODEL, str(files[0]))
    laptop.serves(MODEL, 1, limit=300)
    tested = laptop.decided(MODEL, "test")
    assert "scores differ from the offline ones by at most" in tested["reason"]
    assert_data_is_reported(laptop)

    laptop.everloop("drop", MODEL, str(files[1]))
    judged = laptop.decided(MODEL, "judge", 2, limit=300)
    assert judged["facts"]["version"] == 2
    assert judged["facts"]["comparison"]["metric"] == "log_loss"


def assert_data_is_reported(laptop: Laptop) -> None:
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
    assert documents["data.json"]["rows"] == sum(documents["split.json"]["rows"].values()) == 599
    assert any(key.endswith("/files/data.html") for key in keys)
