"""Data that is taken back leaves the next dataset, comes back when it is wanted, and is told."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]

MODEL = "forgetful"


def dataset(laptop: Laptop, window: int) -> dict[str, Any]:
    """Return the manifest that a window was frozen as."""
    frozen = laptop.decided(MODEL, "freeze", window)
    uri = str(frozen["subject"])
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = laptop.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    found: dict[str, Any] = json.loads(body)
    return found


def names(manifest: dict[str, Any]) -> list[str]:
    return [entry["key"].rpartition("/")[2] for entry in manifest["objects"]]


def told(laptop: Laptop, *words: str) -> Any:
    return json.loads(laptop.everloop("data", *words, "--json"))


def test_what_a_person_takes_out_and_brings_back(laptop: Laptop, tmp_path: Path) -> None:
    # What is dropped together stays together, however slow the machine is.
    patient = variant(tmp_path, MODEL, {}, **{"quiet_minutes = 2": "quiet_minutes = 10"})
    laptop.everloop("push", str(patient))
    laptop.decided(MODEL, "install")
    for name, seed in (("a", 1), ("b", 2)):
        laptop.put(f"data/{MODEL}/{name}.csv", prices(seed, 100))
    laptop.decided(MODEL, "train-end", 1)
    whole = dataset(laptop, 1)
    assert names(whole) == ["a.csv", "b.csv"]

    done = told(laptop, "undrop", MODEL, "b.csv", "--reason", "asked to be forgotten")
    assert done["undrop"] == [f"data/{MODEL}/b.csv"]
    assert done["next_dataset"]["objects"] == 1
    # By hand, with nothing of ours: S3's event tells, and no person has a name.
    key = f"data/{MODEL}/c.csv"
    laptop.put(key, prices(3, 100))
    laptop.client("s3").delete_object(Bucket=laptop.data_bucket, Key=key)
    laptop.put(f"data/{MODEL}/d.csv", prices(4, 100))
    laptop.decided(MODEL, "train-end", 2)
    assert names(dataset(laptop, 2)) == ["a.csv", "d.csv"]
    by = {
        row["key"].rpartition("/")[2]: row["by"] for row in told(laptop, "list", MODEL)["objects"]
    }
    assert by["b.csv"].startswith("arn:aws:")
    assert by["c.csv"] == "123456789012"

    why = json.loads(laptop.everloop("why", MODEL, "--json"))["trained_on_withdrawn"]
    assert [(each["version"], each["keys"]) for each in why["versions"]] == [
        (1, [f"data/{MODEL}/b.csv"])
    ]

    told(laptop, "undrop", MODEL, "d.csv")
    assert told(laptop, "restore", MODEL, "b.csv")["restore"] == [f"data/{MODEL}/b.csv"]
    back = dataset(laptop, 3)  # nothing was dropped: what comes back counts as an arrival
    assert back["digest"] == whole["digest"]
    assert not json.loads(laptop.everloop("why", MODEL, "--json"))["trained_on_withdrawn"][
        "versions"
    ][1:]


def test_a_bucket_whose_notification_setting_was_replaced_is_told_with_what_mends_it(
    laptop: Laptop,
) -> None:
    s3 = laptop.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket=laptop.data_bucket, NotificationConfiguration={}
    )

    def replaced() -> list[dict[str, Any]]:
        said = "its notification setting was replaced"
        return [each for each in laptop.doctor()[1] if said in each["found"]]

    (found,) = replaced()
    laptop.aws(*shlex.split(found["fix"])[1:])
    assert replaced() == []


def test_what_came_and_went_while_the_rule_was_off_is_found(laptop: Laptop, tmp_path: Path) -> None:
    model = "unheard"
    rules = [f"everloop-{name}" for name in ("data-arrived", "model-pushed")]
    for rule in rules:
        laptop.aws("events", "disable-rule", "--name", rule)
    try:
        laptop.everloop("push", str(variant(tmp_path, model, {})))
        for name, seed in (("a", 1), ("b", 2)):
            laptop.put(f"data/{model}/{name}.csv", prices(seed, 100))
        laptop.client("s3").delete_object(Bucket=laptop.data_bucket, Key=f"data/{model}/b.csv")
    finally:
        for rule in rules:
            laptop.aws("events", "enable-rule", "--name", rule)
    assert laptop.decided(model, "install")["go"]
    frozen = laptop.decided(model, "freeze")
    assert frozen["facts"]["new_objects"] == 1
    assert laptop.decided(model, "train-end")["go"]
    found = [d["reason"] for d in laptop.decisions(model, "reconcile")]
    assert any("a push lay in S3 that no event reported" in reason for reason in found)
    assert any("1 objects lay in S3 that no event reported" in reason for reason in found)
