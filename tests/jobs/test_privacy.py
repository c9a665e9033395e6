"""[privacy]: tokens leave the preparation, endpoints capture tokens, and labels find them."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pandas as pd
import pytest
from job_container import BUCKET, MEAN_PRICE, Container, Drops, bundle_with, spec_of
from jobs.conftest import job_module

from everloop.aws.endpoints import EXPLAINS_ACCEPT
from everloop.bundle import contents
from everloop.pipelines.capturing import environment
from everloop.records.seal import Seal
from everloop_cli.lookup import with_lookup

NAMES = ("Ana Souza", "Berta Lima", "Carla Dias", "Dora Alves")
KEY = b"k" * 32


def rows(count: int) -> str:
    lines = [
        f"{7000 + n},{NAMES[n % 4]},{'red' if n % 2 else 'blue'},{n % 7 + 0.5}"
        for n in range(count)
    ]
    return "\n".join(["id,owner,colour,price", *lines]) + "\n"


@pytest.fixture(scope="module")
def masking_key(endpoint_url: str) -> str:
    kms = boto3.client(
        "kms",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    made = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    return str(made["KeyMetadata"]["Arn"])


def hidden(spec: dict[str, Any], masking_key: str, instead: str = "token") -> dict[str, Any]:
    spec["privacy"] = {
        "personal": ["owner"],
        "key_is_personal": True,
        "instead": instead,
        "hidden": ["id", "owner"],
        "masking_key": masking_key,
    }
    return spec


def prepared(
    container: Container, drops: Drops, bundle: bytes, spec: dict[str, Any], text: str
) -> pd.DataFrame:
    entry = drops.put("data/mean-price/jan.csv", text)
    manifest = {"version": 1, "model": "mean-price", "digest": "0" * 64, "objects": [entry]}
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))
    container.code(bundle, spec)
    container.succeed("prepare.py", {"EVERLOOP_FILES_URI": f"s3://{BUCKET}/runs/x/files.json"})
    return pd.read_csv(container.output("holdout") / "data.csv", dtype=str)


@pytest.mark.parametrize("instead", ["token", "mask"])
def test_no_personal_value_leaves_the_preparation(
    container: Container, drops: Drops, bundle: bytes, masking_key: str, instead: str
) -> None:
    columns = {"id": "number", "owner": "text", "colour": "text", "price": "number"}
    spec = hidden(spec_of(data={"columns": columns, "timestamp": None}), masking_key, instead)

    holdout = prepared(container, drops, bundle, spec, rows(100))

    assert holdout["id"].str.fullmatch("anon-[a-z2-7]{26}").all()
    assert holdout["id"].nunique() == len(holdout)  # a key names a row, masked or not
    assert holdout["owner"].nunique() == (4 if instead == "token" else 1)
    report = drops.text("runs/x/data.html") + json.dumps(drops.read("runs/x/data.json"))
    whole = "".join(
        path.read_text(errors="replace")
        for path in container.root.rglob("processing/output/**/*")
        if path.is_file()
    )
    for value in (*NAMES, "7001"):
        assert value not in whole + report
    baseline = container.read("baseline/statistics.json")
    assert [each["name"] for each in baseline["features"]] == ["colour"]
    assert baseline["columns"] == ["id", "owner", "colour", "price"]


def test_a_batch_is_scored_by_tokens_as_the_model_was_trained(
    container: Container, drops: Drops, bundle: bytes, masking_key: str
) -> None:
    entry = drops.put("score/mean-price/jan.csv", rows(3))
    manifest = {"version": 1, "model": "mean-price", "objects": [entry]}
    (container.input("dataset") / "objects.json").write_text(json.dumps(manifest))
    columns = {"id": "number", "owner": "text", "colour": "text", "price": "number"}
    container.code(bundle, hidden(spec_of(data={"columns": columns}), masking_key))
    trained = {"version": 0, "columns": ["id", "owner", "colour", "price"]}
    (container.input("baseline") / "statistics.json").write_text(json.dumps(trained))
    (container.input("reference") / "evaluation.json").write_text(json.dumps({"metrics": {}}))

    container.succeed("score_rows.py", {"EVERLOOP_FILES_URI": f"s3://{BUCKET}/scores/x/files.json"})

    (request,) = container.output("requests").iterdir()
    sent = pd.read_csv(request, dtype=str)
    assert list(sent["colour"]) == ["blue", "red", "blue"]
    assert sent["id"].str.fullmatch("anon-[a-z2-7]{26}").all()
    assert sent["owner"].str.fullmatch("anon-[a-z2-7]{26}").all()
    names = pd.read_csv(container.output("files") / "names.csv", dtype=str)
    assert list(names["id"]) == list(sent["id"])


def test_a_check_that_a_personal_value_breaks_tells_where_and_not_what(
    container: Container, drops: Drops, bundle: bytes, masking_key: str
) -> None:
    checks = {"columns": {"owner": {"one_of": ["nobody"]}}, "min_rows": None, "max_rows": None}
    columns = {"id": "number", "owner": "number", "colour": "text", "price": "number"}
    for data in ({"checks": checks}, {"columns": columns}):
        entry = drops.put("data/mean-price/jan.csv", rows(10))
        manifest = {"version": 1, "model": "mean-price", "digest": "0" * 64, "objects": [entry]}
        (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))
        container.code(bundle, hidden(spec_of(data=data), masking_key))
        message = container.fail("prepare.py")
        assert "column 'owner' holds another value (hidden, as [privacy] says) in row 1" in message
        assert "Ana" not in message


def test_columns_that_look_personal_are_told_and_not_shown(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    lines = [
        f"{n:04d},p{n}@example.org,{NAMES[n % 4]} {chr(65 + n % 26)}ie,(11) 9{n:04d}-{n:04d},"
        f"{'red' if n % 2 else 'blue'},{n % 7 + 0.5}"
        for n in range(100)
    ]
    text = "\n".join(["id,contact,who,call,colour,price", *lines]) + "\n"
    prepared(container, drops, bundle, spec_of(data={"timestamp": None}), text)

    made = drops.read("runs/x/data.json")
    assert [each["column"] for each in made["personal"]] == ["contact", "who", "call"]
    assert "e-mail addresses" in made["personal"][0]["description"]
    page = drops.text("runs/x/data.html")
    assert "Should [privacy] name it?" in page
    for value in ("example.org", "Ana", "(11)"):
        assert value not in page + json.dumps(made)


def test_a_number_of_taxpayers_is_told_from_other_numbers() -> None:
    personal = job_module("data_report.personal")
    assert personal._cpf("529.982.247-25") and personal._cpf("52998224725")
    assert not personal._cpf("529.982.247-24") and not personal._cpf("11111111111")
    assert personal._card("4111 1111 1111 1111") and not personal._card("4111111111111112")


def masking(instead: str = "token", columns: dict[str, str] | None = None) -> Any:
    privacy = {"instead": instead, "hidden": ["id", "owner"]}
    spec = {"data": {"key": "id", "columns": columns}, "privacy": privacy}
    return job_module("privacy.masking").Masking(spec, ["id"], KEY)


def test_one_value_has_one_token_however_it_is_written() -> None:
    made = masking()
    assert made.cell("id", 7) == made.cell("id", "7.0") == made.cell("id", " 7") != "7"
    assert made.cell("id", "007") != made.cell("id", "7")
    numbers = masking(columns={"id": "number"})
    assert numbers.cell("id", "007") == numbers.cell("id", 7)
    assert made.cell("id", made.cell("id", "7")) == made.cell("id", "7")  # hidden once
    assert [made.cell("owner", nothing) for nothing in ("", None, "NA")] == ["", None, "NA"]
    assert masking("mask").cell("owner", "Ana") == "***"


def test_what_is_missing_is_the_same_as_for_all_other_readers() -> None:
    assert job_module("privacy.masking").MISSING == job_module("formats.dialect").MISSING


INFERENCE = """
import io
import pandas as pd
def model_fn(folder): return 2.0
def input_fn(body, content_type): return pd.read_csv(io.StringIO(body), dtype=str)
def predict_fn(rows, factor): return rows
def output_fn(rows, accept):
    assert accept == "text/csv"
    return "".join(f"{i},{o},0.5\\n" for i, o in zip(rows.id, rows.owner))
"""
TOML = """
problem = "regression"
[data]
target = "price"
key = "id"
[privacy]
personal = ["owner"]
key_is_personal = true
"""


@pytest.fixture
def serving(
    tmp_path: Path, endpoint_url: str, drops: Drops, masking_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ModuleType]:  # fmt: skip
    """An endpoint's code, in production: a bundle as a push packs it, and what it is told."""
    statistics = {"columns": ["id", "owner", "colour", "price"], "features": [{"name": "colour"}]}
    drops.put("runs/s/baseline/statistics.json", json.dumps(statistics))
    seal = Seal(3, *[""] * 7, metadata={"baseline-uri": f"s3://{BUCKET}/runs/s/baseline"})
    told = environment(seal, f"s3://{BUCKET}/capture/{tmp_path.name}", 100, masking_key)
    aws = {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SAGEMAKER_REGION": "us-east-1",
    }
    for name, value in {**told, **aws}.items():
        monkeypatch.setenv(name, value)
    own = {"inference.py": INFERENCE.encode(), "model.toml": TOML.encode()}
    for name, data in with_lookup(own, "mean-price").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "inference", raising=False)
    place = importlib.util.spec_from_file_location("serving", tmp_path / "everloop_serving.py")
    assert place is not None and place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    yield module
    sys.modules.pop("inference", None)


def asked(serving: ModuleType, body: str, accept: str = "text/csv") -> str:
    model = serving.model_fn("")
    request = serving.input_fn(body, "text/csv")
    return str(serving.output_fn(serving.predict_fn(request, model), accept))


def captured(serving: ModuleType, drops: Drops, folder: Path) -> list[dict[str, Any]]:
    serving._capture.flush()
    objects = drops.below(f"capture/{folder.name}/")
    return [json.loads(line) for data in objects.values() for line in data.splitlines()]


def test_an_endpoint_captures_tokens_that_the_monitor_reads(
    serving: ModuleType, drops: Drops, tmp_path: Path
) -> None:
    body = "id,owner,colour,secret\n7000.0,Ana Souza,red,hush\n7001,Berta Lima,blue,hush\n"
    answer = asked(serving, body)
    made = serving._capture._masking
    assert answer.startswith(f"{made.cell('id', 7000)},{made.cell('owner', 'Ana Souza')},0.5")

    (record,) = captured(serving, drops, tmp_path)
    text = json.dumps(record)
    for value in ("7000", "7001", "Ana", "Berta", "hush"):
        assert value not in text
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "one.jsonl").write_text(text + "\n")
    columns = job_module("sent_columns").Columns.of({"features": []}, "id", None, "price")
    traffic = job_module("capture").captured(
        tmp_path / "records",
        columns,
        job_module("row_names").RowNames(("id",)),
        lambda body, kind, count: [1.0] * count,
    )
    assert traffic.reasons == {}
    assert traffic.rows["id"].tolist() == [made.cell("id", "7000"), made.cell("id", "7001")]
    assert traffic.rows["colour"].tolist() == ["red", "blue"]
    assert traffic.rows["__inference__"].tolist() == traffic.rows["id"].tolist()


def test_what_only_asks_why_is_not_captured(
    serving: ModuleType, drops: Drops, tmp_path: Path
) -> None:
    body = "id,owner,colour\n7000,Ana Souza,red\n"
    assert asked(serving, body, EXPLAINS_ACCEPT) == asked(serving, body)
    assert len(captured(serving, drops, tmp_path)) == 1


def test_what_cannot_be_read_is_captured_without_a_word_of_it(
    serving: ModuleType, drops: Drops, tmp_path: Path
) -> None:
    request = serving.Request("id,owner\n7000,Ana Souza,,,,\n", "text/csv", None, None)
    serving.model_fn("")
    serving._capture.add(request, "0.5\n", "text/csv")
    (record,) = captured(serving, drops, tmp_path)
    assert record["captureData"]["endpointInput"]["data"] == ""
    assert "Ana" not in json.dumps(record)


def test_rows_without_a_header_are_hidden_by_the_columns_of_training(
    serving: ModuleType, drops: Drops, tmp_path: Path
) -> None:
    serving.model_fn("")
    request = serving.Request("7000,Ana Souza,red\n", "text/csv", None, None)
    serving._capture.add(request, "7000: 0.7000\n", "text/csv")
    (record,) = captured(serving, drops, tmp_path)
    (row,) = json.loads(record["captureData"]["endpointInput"]["data"])
    made = serving._capture._masking
    assert row == {
        "id": made.cell("id", "7000"), "owner": made.cell("owner", "Ana Souza"), "colour": "red"
    }  # fmt: skip
    answered = record["captureData"]["endpointOutput"]["data"]
    assert answered == f"{row['id']}: 0.7000\n"


def test_staging_captures_nothing(
    serving: ModuleType, drops: Drops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_capture", serving.Capture({}))
    assert asked(serving, "id,owner\n1,Ana Souza\n") == "1,Ana Souza,0.5\n"
    assert captured(serving, drops, tmp_path) == []


def test_labels_find_the_tokens_of_their_keys(
    container: Container, bundle: bytes, masking_key: str
) -> None:
    spec = hidden(spec_of(monitor={"min_rows": 1}), masking_key)
    container.code(bundle, spec)
    statistics = {"features": [], "columns": ["id"], "dataset": {"item_count": 0}}
    (container.input("baseline") / "statistics.json").write_text(json.dumps(statistics))
    reference = container.input("reference")
    (reference / "predictions.csv").write_text("row,key,target,score\n0,anon-a,1.0,1.0\n")
    told = {"version": 1, "rows": 2, "metrics": {"rmse": {"value": 1.0}}}
    (reference / "evaluation.json").write_text(json.dumps(told))
    key = job_module("privacy.masking")
    kms = boto3.client(
        "kms",
        endpoint_url=container._environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    mac = kms.generate_mac(
        KeyId=masking_key, Message=key.message("mean-price"), MacAlgorithm="HMAC_SHA_256"
    )["Mac"]
    made = key.Masking(spec, ["id"], mac)
    sent = f"id,colour\n{made.cell('id', '7000')},red\n{made.cell('id', '7001')},blue\n"
    found = container.look(sent, "1.0\n2.0\n", "id,price\n7000,1.5\n7001.0,2.5\n9,1\n")
    assert found["labels"]["keys_joined"] == 2
    kept = [path for path in container.output("predictions").rglob("*") if path.is_file()]
    assert kept


def test_a_push_of_a_folder_with_privacy_packs_what_masks() -> None:
    files = {**contents(MEAN_PRICE), "model.toml": TOML.encode()}
    packed = with_lookup(files, "mean-price")
    config = json.loads(packed["everloop_reader/config.json"])
    assert config["privacy"]["hidden"] == ["id", "owner"]
    assert config["named"] == ["id"]
    assert "everloop_serving.py" in packed
    assert bundle_with({}) is not None
