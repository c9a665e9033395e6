"""everloop drop: files are looked at with the job's own reader before anything is uploaded."""

from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import boto3
import pytest
from job_container import spec_of
from moto import mock_aws

from everloop.aws import ledger, settings
from everloop.moments import moment
from everloop.records.installation import Installation
from everloop_cli import deliver
from everloop_cli.drops import collected
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

BUCKET, TABLE = "everloop-data", "everloop-ledger"
NOW = moment("2026-11-20T10:20:00Z")
GOOD = "id,colour,price\n1,red,2\n"


class Stack(Site):
    """A stack with one model, as far as a drop asks it."""

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

    def drop(self, *paths: Path, model: str = "prices", anyway: bool = False) -> dict[str, Any]:
        return deliver.drop(
            self, model, list(paths), prefix="", progress=lambda *_: None, anyway=anyway
        )

    def refuse(self, *paths: Path, model: str = "prices") -> str:
        """Return why nothing is dropped; nothing may be uploaded then."""
        with pytest.raises(Trouble) as refused:
            self.drop(*paths, model=model)
        assert self.uploaded() == []
        return str(refused.value)

    def install(self, model: str = "prices", **data: Any) -> None:
        self.open_door()
        spec = spec_of(data=data)
        ledger.install(Installation(model, spec, "digest", "s3://bundle", "s3://jobs", "arn", NOW))

    def uploaded(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [each["Key"] for each in found]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Stack()
    settings.use(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good data, and what systems leave beside it."""
    files = {
        "jan.csv": GOOD,
        "2026/feb.csv": GOOD,
        "empty.csv": "",
        "header.csv": "id,colour,price\n",
        ".DS_Store": "\0\1",
        "__MACOSX/._jan.csv": "\0",
        ".git/config": "[core]",
        "Thumbs.db": "x",
        "~$jan.xlsx": "x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_folder_is_dropped_without_what_is_no_data(stack: Stack, folder: Path) -> None:
    done = stack.drop(folder)
    assert stack.uploaded() == ["data/prices/2026/feb.csv", "data/prices/jan.csv"]
    assert done["files"] == 2
    left_out = "\n".join(done["left_out"])
    for name in ("empty.csv", "header.csv", ".DS_Store", "__MACOSX", ".git", "Thumbs.db", "~$jan"):
        assert name in left_out
    assert "header.csv: has a header and no rows" in left_out
    assert len(done["left_out"]) == 7  # folders are told once


def test_bad_files_are_told_all_at_once_and_nothing_is_uploaded(stack: Stack, folder: Path) -> None:
    (folder / "mar.csv").write_text("id;colour;price\n1;red;2,5\n")
    (folder / "apr.csv").write_bytes(b"PAR1" + bytes(range(256)) + b"PAR1")
    said = stack.refuse(folder)
    assert "mar.csv: its fields are separated by ';'" in said
    assert "apr.csv: is a Parquet file" in said


def test_the_installed_spec_says_what_is_good(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(GOOD)
    stack.install(dialect={"separator": ";", "decimal": ","})
    assert "separated by ','" in stack.refuse(file)
    file.write_text("id;colour;price\n1;red;2,5\n")
    assert stack.drop(file)["files"] == 1


def test_specs_of_before_are_read_with_defaults(stack: Stack, folder: Path) -> None:
    stack.install(dialect=None, check="all")
    assert stack.drop(folder / "jan.csv")["files"] == 1


def test_doubtful_targets_are_told_and_dropped(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,colour,price\n1,red,2\n2,red,\n")
    (warning,) = stack.drop(tmp_path / "a.csv")["warnings"]
    assert "the target 'price' is missing in row 2" in warning


def test_a_model_that_is_not_installed_gets_nothing(stack: Stack, folder: Path) -> None:
    said = stack.refuse(folder, model="price")
    assert "no model 'price' is installed here. Installed: prices" in said
    assert "--anyway" in said


def test_a_hidden_file_that_is_named_is_refused(stack: Stack, folder: Path) -> None:
    assert "is hidden" in stack.refuse(folder / ".DS_Store")


def test_anyway_uploads_whatever_is_there(stack: Stack, folder: Path) -> None:
    (folder / "mar.csv").write_text("no data at all")
    assert stack.drop(folder, model="nobody", anyway=True)["files"] == 10
    assert len(stack.uploaded()) == 10


def test_files_that_would_replace_each_other_are_refused(stack: Stack, folder: Path) -> None:
    other = folder / "2026" / "jan.csv"
    other.write_text(GOOD)
    assert "would both become 'jan.csv'" in stack.refuse(folder / "jan.csv", other)


def test_the_marker_comes_last(stack: Stack, folder: Path) -> None:
    (folder / "_SUCCESS").write_text("")
    found = collected([folder], "_SUCCESS", anyway=False)
    assert [name for name, _ in found.in_order("_SUCCESS")][-2:] == ["jan.csv", "_SUCCESS"]
    stack.drop(folder)
    assert "data/prices/_SUCCESS" in stack.uploaded()
    stack.drop(folder, anyway=True)
    assert "data/prices/.DS_Store" in stack.uploaded()


def test_a_folder_without_data_is_told_why(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,colour,price\n")
    said = stack.refuse(tmp_path)
    assert "nothing to drop" in said and "has a header and no rows" in said


def test_a_push_that_is_on_its_way_is_waited_for(stack: Stack, folder: Path) -> None:
    stack.s3.put_object(Bucket=BUCKET, Key="models/later/bundle.tar.gz", Body=b"x")
    late = Timer(0.1, stack.install, kwargs={"model": "later"})
    late.start()
    assert stack.drop(folder / "jan.csv", model="later")["files"] == 1
    late.join()
