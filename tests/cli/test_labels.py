"""everloop label: files are read as the monitor will read them, before anything is uploaded."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from job_container import spec_of
from moto import mock_aws

from everloop.aws import ledger, settings
from everloop.moments import moment
from everloop.records.installation import Installation
from everloop_cli import labels
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

NOW = moment("2026-11-20T10:20:00Z")
BUCKET, TABLE = "everloop-data", "everloop-ledger"


class Stack(Site):
    """A stack with one model, as far as labels ask it."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {"DataBucket": BUCKET, "LedgerTable": TABLE}
        self.s3.create_bucket(Bucket=BUCKET)
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.install()

    def install(self, **data: Any) -> None:
        self.open_door()
        spec = spec_of(data=data)
        ledger.install(
            Installation("prices", spec, "digest", "s3://bundle", "s3://jobs", "arn", NOW)
        )

    def uploaded(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [each["Key"] for each in found]

    def refuse(self, *paths: Path, model: str = "prices") -> str:
        with pytest.raises(Trouble) as refused:
            labels.upload(self, model, list(paths))
        assert self.uploaded() == []
        return str(refused.value)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Stack()
    settings.use(None)


def file(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


GOOD = "id,price\n1,2.5\n2,3\n"


def test_labels_are_uploaded_under_names_of_their_own(stack: Stack, tmp_path: Path) -> None:
    may = file(tmp_path, "may.csv", GOOD)
    done = labels.upload(stack, "prices", [may])
    assert (done["files"], done["rows"]) == (1, 2)
    labels.upload(stack, "prices", [may])
    assert len(stack.uploaded()) == 1
    may.write_text("id,price\n3,4\n")
    labels.upload(stack, "prices", [may])
    (first, second) = stack.uploaded()
    assert first.startswith("labels/prices/may-")
    assert second.startswith("labels/prices/may-")


def test_a_folder_is_uploaded_without_what_systems_leave_in_it(
    stack: Stack, tmp_path: Path
) -> None:
    file(tmp_path, "may.csv", GOOD)
    file(tmp_path, ".DS_Store", b"\0")
    assert labels.upload(stack, "prices", [tmp_path])["files"] == 1


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("may.CSV", GOOD, "its name ends in capital letters"),
        ("may.csv.gz", GOOD, "it is compressed"),
        ("may.csv", gzip.compress(GOOD.encode(), mtime=0), "gzip"),
        ("may.csv", "key,price\n1,2\n", "column 'id' is missing"),
        ("may.csv", "id,price\n1,cheap\n", "'cheap'"),
        ("may.csv", "id,price\n", "no rows"),
        ("may.csv", "", "is empty"),
    ],
)
def test_what_the_monitor_would_refuse_is_not_uploaded(
    stack: Stack, tmp_path: Path, name: str, data: str | bytes, why: str
) -> None:
    good, bad = file(tmp_path, "good.csv", GOOD), file(tmp_path, name, data)
    told = stack.refuse(good, bad)
    assert why in told
    assert str(bad) in told


def test_a_model_must_be_there_and_have_a_key(stack: Stack, tmp_path: Path) -> None:
    may = file(tmp_path, "may.csv", GOOD)
    assert "prises" in stack.refuse(may, model="prises")
    stack.install(key=None)
    assert "[data].key" in stack.refuse(may)
