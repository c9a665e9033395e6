"""Hundreds of objects at once: one dataset that holds each of them once. make load has 10,000."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
MODEL = "burst"
ODD = ["a b.csv", "a+b.csv", "a%20b.csv", "ä/ü/ñ.csv", "deep/er/one.csv", "quote'd&.csv"]


def test_a_burst_of_600_objects_is_one_training_run(laptop: Laptop, tmp_path: Path) -> None:
    # 15 real seconds of quiet at this clock: the burst itself takes some.
    quiet = {"quiet_minutes = 2": "quiet_minutes = 30"}
    laptop.everloop("push", str(variant(tmp_path, MODEL, {}, **quiet)))
    laptop.decided(MODEL, "install")
    names = [f"part-{number:04d}.csv" for number in range(600 - len(ODD))] + ODD
    keys = [f"data/{MODEL}/{name}" for name in names]
    s3 = laptop.client("s3")
    s3.put_object(Bucket=laptop.data_bucket, Key=f"data/{MODEL}/", Body=b"")  # a console's folder

    def put(item: tuple[int, str]) -> None:
        number, key = item
        s3.put_object(Bucket=laptop.data_bucket, Key=key, Body=prices(number, 2))

    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(put, enumerate(keys)))

    frozen = laptop.decided(MODEL, "freeze", limit=240)
    bucket = f"everloop-artefacts-{ACCOUNT}-us-east-1"
    place = frozen["subject"].removeprefix(f"s3://{bucket}/")
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=place)["Body"].read())
    assert sorted(entry["key"] for entry in manifest["objects"]) == sorted(keys)
    ended = laptop.decided(MODEL, "train-end", limit=240)
    assert ended["go"], ended["reason"]
    assert len(laptop.executions("train", MODEL)) == 1
