"""Personal values stay in drops and labels; who is forgotten is nowhere at all."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

from everloop_jobs.privacy.masking import Masking, message

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]

MODEL = "discreet"
PRIVACY = '\n[privacy]\npersonal = ["owner"]\nkey_is_personal = true\n'
SUBJECT, OWNER = "subject-4711", "Xenia Quirk"


def drop(seed: int, rows: int, subject: bool = False) -> bytes:
    head, *lines = prices(seed, rows).decode().splitlines()
    lines = [f"{line},Owner of {line.partition(',')[0]}" for line in lines]
    if subject:
        lines.insert(rows // 2, f"{SUBJECT},red,12.5,{OWNER}")
        lines.insert(rows - 2, f"{SUBJECT},red,13.5,{OWNER}")
    return ("\n".join([f"{head},owner", *lines]) + "\n").encode()


def everything(laptop: Laptop, but: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """Yield all that the cloud keeps: versions of objects, items, log lines, its own files."""
    s3 = laptop.client("s3")
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", []):
                if not each["Key"].startswith(but):
                    which = {"Key": each["Key"], "VersionId": each["VersionId"]}
                    body = s3.get_object(Bucket=bucket, **which)["Body"].read()
                    packed = body.startswith(b"\x1f\x8b")
                    yield f"s3://{bucket}/{each['Key']}", gzip.decompress(body) if packed else body
    dynamodb = laptop.client("dynamodb")
    for page in dynamodb.get_paginator("scan").paginate(TableName="everloop-ledger"):
        yield "the ledger", json.dumps(page["Items"]).encode()
    logs = laptop.client("logs")
    for group in logs.get_paginator("describe_log_groups").paginate().search("logGroups[]"):
        name = group["logGroupName"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
            yield f"logs of {name}", json.dumps(page["events"]).encode()


def holding(laptop: Laptop, value: str, but: tuple[str, ...] = ()) -> list[str]:
    return sorted({where for where, body in everything(laptop, but) if value.encode() in body})


def config(laptop: Laptop) -> dict[str, Any]:
    """Return what the jobs read of the model's spec."""
    s3, bucket = laptop.client("s3"), f"everloop-artefacts-{ACCOUNT}-us-east-1"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"bundles/{MODEL}/")["Contents"]
    key = next(each["Key"] for each in listed if each["Key"].endswith("/spec.json"))
    found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return found


def tokens(laptop: Laptop, spec: dict[str, Any]) -> tuple[str, str]:
    """Return what stands for the subject's key and name."""
    answer = laptop.client("kms").generate_mac(
        KeyId=spec["privacy"]["masking_key"],
        Message=message(MODEL),
        MacAlgorithm="HMAC_SHA_256",
    )
    hidden = Masking(spec, ["id"], answer["Mac"])
    return str(hidden.cell("id", SUBJECT)), str(hidden.cell("owner", OWNER))


def capture(laptop: Laptop, count: int) -> list[dict[str, Any]] | None:
    s3, bucket = laptop.client("s3"), f"everloop-artefacts-{ACCOUNT}-us-east-1"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"capture/{MODEL}/").get("Contents", [])
    bodies = [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed]
    found = [json.loads(line) for body in bodies for line in body.splitlines()]
    return found if len(found) >= count else None


def test_personal_values_stay_where_they_were_dropped(laptop: Laptop, tmp_path: Path) -> None:
    folder = variant(tmp_path, MODEL, {}, **{'by = "person"': 'by = "policy"\nfirst = "policy"'})
    spec = folder / "model.toml"
    spec.write_text(spec.read_text() + PRIVACY)
    laptop.everloop("push", str(folder))
    laptop.decided(MODEL, "install")
    laptop.put(f"data/{MODEL}/one.csv", drop(1, 300, subject=True))
    laptop.put(f"data/{MODEL}/two.csv", drop(2, 50))
    laptop.put(f"data/{MODEL}/_SUCCESS", b"")
    laptop.serves(MODEL, 1, limit=240)

    runtime = laptop.client("sagemaker-runtime")
    body = f"id,owner,colour\n{SUBJECT},{OWNER},red\n1-1,Owner of 1-1,green\n".encode()
    for _ in range(3):
        runtime.invoke_endpoint(EndpointName=MODEL, ContentType="text/csv", Body=body)
    records = laptop.wait(MODEL, "captured requests", lambda: capture(laptop, 3))
    assert "anon-" in records[0]["captureData"]["endpointInput"]["data"]
    laptop.put(f"labels/{MODEL}/late.csv", f"id,price\n{SUBJECT},10.0\n1-1,20.0\n".encode())

    def joined() -> dict[str, int] | None:
        found = [look["facts"].get("labels") or {} for look in laptop.decisions(MODEL, "monitor")]
        return next((labels for labels in found if labels.get("keys_joined")), None)

    assert laptop.wait(MODEL, "labels that find tokens", joined, limit=240)["keys_joined"] == 2
    for token in tokens(laptop, config(laptop)):
        assert any("/train/" in where or "/holdout/" in where for where in holding(laptop, token))
    for value in (SUBJECT, OWNER):
        assert holding(laptop, value, (f"data/{MODEL}/", f"labels/{MODEL}/")) == []


def forget(laptop: Laptop, *words: str) -> tuple[int, str, str]:
    """Forget somebody once nothing holds the data; until then the command is refused."""
    command = ["forget", MODEL, *words, "--reason", "a letter of 30 November", "--yes", "--json"]

    def tried() -> tuple[int, str, str] | None:
        done = laptop._ended([sys.executable, "-m", "everloop_cli.main", *command])
        return (
            None if "is under way" in done.stderr else (done.returncode, done.stdout, done.stderr)
        )

    return laptop.wait(MODEL, "a moment in which nothing holds the data", tried, limit=240)


def test_who_is_forgotten_is_nowhere_and_in_no_later_dataset(
    laptop: Laptop, tmp_path: Path
) -> None:
    code, out, err = forget(laptop, "--key", SUBJECT)
    assert code == 0, err
    told = json.loads(out)
    assert told["learned"] == [1]
    assert told["not_looked_into"] == {}
    gone = (SUBJECT, OWNER, *tokens(laptop, config(laptop)))
    for value in gone:
        assert holding(laptop, value) == []

    # The rows that stay arrive as any drop, and the next dataset is made of them.
    laptop.decided(MODEL, "train-end", 2, limit=240)
    for value in gone:
        assert holding(laptop, value) == []
    assert (
        b"1-1,"
        in laptop.client("s3")
        .get_object(Bucket=laptop.data_bucket, Key=f"data/{MODEL}/one.csv")["Body"]
        .read()
    )
    decision = laptop.decided(MODEL, "forget")
    assert (decision["facts"]["subject"], decision["reason"]) == (
        told["subject"],
        "a letter of 30 November",
    )

    code, out, err = forget(laptop, "--key", SUBJECT)
    assert (code, out) == (2, "")
    assert "no row of discreet has this id" in err and "Nothing was changed" in err
    assert "paused" not in laptop.everloop("status", MODEL)

    pack = tmp_path / "one.zip"
    laptop.everloop("audit", MODEL, "--version", "1", "-o", str(pack))
    assert "withdrawn on" in laptop.everloop("audit", "--verify", str(pack))
    refused = laptop.everloop("reproduce", MODEL, "--version", "1", code=1)
    assert "withdrawn on" in refused and "tampered" not in refused
