"""Features: put by the prepare job, learnt as they were known, looked up by the endpoint."""

import io
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.config import Config
from job_container import Container, Drops, archive
from job_image import Image
from waiting import until

from everloop.pipelines.feature_groups import Place, creation
from everloop.spec import policy
from everloop.spec.model_spec import load_spec
from everloop_cli.lookup import with_lookup
from everloop_localcloud.cloud import Cloud, started

MODEL = """
problem = "regression"

[data]
target = "price"
key = "id"
timestamp = "at"
split = { by = "key", validation = 0.3, holdout = 0.3 }

[data.tables.customers]
prefix = "customers/"
keys = ["customer"]

[features.customers]
table = "customers"
id = "customer"
event_time = "seen"
columns = { orders = "integer", spent = "number", segment = "text" }
"""
INFERENCE = """
import io, pathlib
import pandas as pd
import everloop_features
def model_fn(folder): return float((pathlib.Path(folder) / "factor").read_text())
def input_fn(body, content_type): return pd.read_csv(io.StringIO(body), dtype={"customer": str})
def predict_fn(rows, factor): return everloop_features.filled(rows)["spent"] * factor
def output_fn(scores, accept): return "".join(f"{score}\\n" for score in scores)
"""
SERVICES = (
    *("s3", "logs", "cloudwatch", "events", "sagemaker", "sagemaker-runtime"),
    "sagemaker-featurestore-runtime",
)
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
# Ann is seen three times, once with an offset; what is known of Bob is corrected by a later file.
CUSTOMERS = """customer,seen,orders,spent,segment
ann,2026-03-01T10:00:00Z,1,10.50,new
ann,2026-03-02T11:00:00+01:00,2,20,
bob,2026-03-01T10:00:00Z,5,50,old
"""
LATER = """customer,seen,orders,spent,segment
bob,2026-03-01T10:00:00Z,6,60,old
ann,2026-03-05T00:00:00Z,9,90,old
"""


class Store:
    """A feature store with the group of a model in it, and runs of its prepare job."""

    def __init__(self, cloud: Cloud, folder: Path, image: Image, model: str) -> None:
        self.cloud, self.folder, self.image = cloud, folder, image
        self.model, self.group = model, f"everloop-{model}-customers"
        self.artefacts = f"artefacts-{model}"
        self.drops = Drops(cloud.url)
        self.client("s3").create_bucket(Bucket=self.artefacts)
        self.spec = policy.document(load_spec(MODEL, name=model))
        self.files: list[dict[str, Any]] = []
        self._jobs = 0

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.cloud.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(inject_host_prefix=False),
        )

    def create(self, **changes: Any) -> None:
        section = self.spec["features"]["customers"]
        request = creation(self.model, section, Place(self.artefacts, ROLE, None))
        self.client("sagemaker").create_feature_group(**{**request, **changes})
        until(
            lambda: self.client("sagemaker").describe_feature_group(FeatureGroupName=self.group),
            lambda told: told["FeatureGroupStatus"] == "Created",
        )

    def drop(self, name: str, data: str, window: int = 1) -> None:
        self.files.append({**self.drops.put(f"data/{self.model}/{name}", data), "window": window})

    def prepare(self, run: str = "r1") -> Container:
        self._jobs += 1
        container = Container(self.folder / f"job-{self._jobs}", self.cloud.url, self.image)
        container.root.mkdir()
        manifest = {"version": 1, "model": self.model, "digest": "0" * 64, "objects": self.files}
        (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))
        container.code(archive({"model.toml": MODEL}), self.spec)
        uri = f"s3://{self.artefacts}/runs/{self.model}/{run}/files/files.json"
        container.run("prepare.py", {"EVERLOOP_FILES_URI": uri})
        return container

    def note(self, run: str = "r1") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.client("s3")
            .get_object(Bucket=self.artefacts, Key=f"runs/{self.model}/{run}/files/features.json")[
                "Body"
            ]
            .read()
        )
        return found

    def flush(self) -> None:
        """Let the minutes pass until the offline store is written."""
        self.cloud.apis["sagemaker"].feature_groups.offline_store.flush()

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Let no file of the offline store be there yet."""
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=self.artefacts, Prefix="features/")["Contents"]
        bodies = {}
        for key in [each["Key"] for each in listed]:
            bodies[key] = s3.get_object(Bucket=self.artefacts, Key=key)["Body"].read()
            s3.delete_object(Bucket=self.artefacts, Key=key)
        yield
        for key, body in bodies.items():
            s3.put_object(Bucket=self.artefacts, Key=key, Body=body)

    def offline(self) -> pd.DataFrame:
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=self.artefacts, Prefix="features/").get("Contents", [])
        bodies = [
            s3.get_object(Bucket=self.artefacts, Key=each["Key"])["Body"].read() for each in listed
        ]
        return pd.concat([pd.read_parquet(io.BytesIO(body)) for body in bodies] or [pd.DataFrame()])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud, front = started(tmp_path_factory.mktemp("cloud"), services=SERVICES, strict=True)
    yield cloud
    cloud.stop()
    front.stop()


MODELS = (f"churn{number}" for number in itertools.count())


@pytest.fixture
def store(cloud: Cloud, tmp_path: Path, image: Image) -> Store:
    """A model of its own, with its own buckets and group, in the file's cloud."""
    return Store(cloud, tmp_path, image, next(MODELS))


def rows(*whole: str) -> str:
    """Return rows of the table with the targets: twenty of each, so that each part has some."""
    lines = [f"{n:02}{line},{n}" for line in whole for n in range(20)]
    return "\n".join(["id,customer,at,price", *lines]) + "\n"


def parts(container: Container) -> pd.DataFrame:
    tables = [
        pd.read_csv(container.output(part) / "data.csv", dtype=str, keep_default_na=False)
        for part in ("train", "validation", "holdout")
    ]
    return pd.concat(tables)


def test_records_are_put_awaited_and_learnt_as_they_were_known_and_then_looked_up(
    store: Store, endpoint: Callable[[Store], Callable[[str], str]]
) -> None:
    store.create()
    store.drop("customers/march.csv", CUSTOMERS)
    store.drop("customers/later.csv", LATER, window=2)
    store.drop(
        "march.csv",
        rows(
            "a,ann,2026-03-01T09:59:59Z",
            "b,ann,2026-03-01T10:00:00Z",
            "c,ann,2026-03-04T00:00:00Z",
            "d,ann,2026-03-06T00:00:00Z",
            "e,bob,2026-03-02",
            "f,eve,2026-03-02",
        ),
    )

    # Put, and not there yet: the job ends, and says that it is no failure.
    waits = store.prepare()
    assert waits.message == (
        f"4 of 4 records of {store.group} are not in the offline store yet (AWS: within "
        "15 minutes); the training goes on when they are"
    )
    assert store.note()["waits"] is True
    # Tried again too early, it waits on, and nothing is put twice.
    store.flush()
    with store.unseen():
        assert store.prepare().message == waits.message
        store.flush()
        assert store.offline().empty
    assert len(store.offline()) == 4

    done = store.prepare()
    assert "features: customers from 4 records until 20" in done.message
    assert store.note()["waits"] is False
    table = parts(done)
    found = {
        id: tuple(each[["orders", "spent", "segment"]].drop_duplicates().to_numpy().tolist()[0])
        for id, each in table.groupby(table["id"].str[2:])
    }
    assert found == {
        "a": ("", "", ""),  # a second before anything was known
        "b": ("1", "10.5", "new"),
        "c": ("2", "20.0", ""),
        "d": ("9", "90.0", "old"),
        "e": ("6", "60.0", "old"),  # of one id and event time, the later file's
        "f": ("", "", ""),
    }
    (group,) = done.read("baseline/features.json")["groups"]
    assert (group["records"], group["rows_read"], group["put"]) == (4, 4, 4)
    assert sum(each["unknown"] for each in group["joined"].values()) == 40
    statistics = done.read("baseline/statistics.json")
    # What finds a feature names a customer, and is watched as little as a key.
    assert [each["name"] for each in statistics["features"]] == ["orders", "spent", "segment"]

    # Another run of the same data has nothing to put, and learns from the very same records.
    again = store.prepare("r2")
    (same,) = again.read("baseline/features.json")["groups"]
    assert (same["digest"], same["put"]) == (group["digest"], 0)
    assert len(store.offline()) == 4

    ask = endpoint(store)
    assert ask("customer\nann\nbob\neve\n") == "180.0\n120.0\nnan\n"
    assert ask("customer,spent,orders,segment\nann,1,1,x\n") == "2.0\n"  # what is sent stays
    store.client("sagemaker-featurestore-runtime").delete_record(
        FeatureGroupName=group["group"],
        RecordIdentifierValueAsString="ann",
        EventTime="2026-03-07T00:00:00Z",
    )
    assert ask("customer\nann\n") == "nan\n"
    store.flush()
    # And whoever is deleted is unknown to rows from then on, and not to those of before.
    store.drop("april.csv", rows("g,ann,2026-04-01", "h,ann,2026-03-06"), window=3)
    table = parts(store.prepare("r3"))
    assert set(table[table["id"].str.endswith("g")]["spent"]) == {""}
    assert set(table[table["id"].str.endswith("h")]["spent"]) == {"90.0"}


@pytest.fixture
def endpoint() -> Callable[[Store], Callable[[str], str]]:
    """Let a model serve that is sent customers and looks up what they spent."""

    def serve(store: Store) -> Callable[[str], str]:
        folder = with_lookup(
            {"model.toml": MODEL.encode(), "inference.py": INFERENCE.encode()}, store.model
        )
        bundle = archive({name: data.decode() for name, data in folder.items()})
        for key, data in (("bundle.tar.gz", bundle), ("model.tar.gz", archive({"factor": "2"}))):
            store.client("s3").put_object(Bucket=store.artefacts, Key=key, Body=data)
        sagemaker = store.client("sagemaker")
        sagemaker.create_model(
            ModelName=store.model,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{store.artefacts}/model.tar.gz",
                "Environment": {
                    "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{store.artefacts}/bundle.tar.gz",
                    "SAGEMAKER_PROGRAM": "inference.py",
                },
            },
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": store.model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(
            EndpointConfigName=store.model, ProductionVariants=[variant]
        )
        sagemaker.create_endpoint(EndpointName=store.model, EndpointConfigName=store.model)
        told = until(
            lambda: sagemaker.describe_endpoint(EndpointName=store.model),
            lambda told: told["EndpointStatus"] != "Creating",
        )
        assert told["EndpointStatus"] == "InService", told

        def ask(body: str) -> str:
            answer = store.client("sagemaker-runtime").invoke_endpoint(
                EndpointName=store.model, Body=body.encode(), ContentType="text/csv"
            )
            return str(answer["Body"].read().decode())

        return ask

    return serve


def test_the_monitor_compares_what_was_looked_up_with_what_training_learnt(store: Store) -> None:
    many = [f"c{n:02},2026-03-01T00:00:00Z,{n},{n * 1.5},s{n % 3}" for n in range(50)]
    stale = [f"x{n:02},2026-03-01T00:00:00Z,,," for n in range(50)]
    store.create()
    head = "customer,seen,orders,spent,segment"
    store.drop("customers/march.csv", "\n".join([head, *many, *stale]) + "\n")
    store.drop(
        "march.csv",
        "\n".join(
            ["id,customer,at,price", *(f"r{n},c{n % 50:02},2026-03-05,{n % 9}" for n in range(600))]
        )
        + "\n",
    )
    store.prepare()
    store.flush()
    prepared = store.prepare()

    def look(whose: str) -> dict[tuple[str, str], bool]:
        container = Container(store.folder / f"look-{whose}", store.cloud.url, store.image)
        container.root.mkdir()
        container.code(archive({"model.toml": MODEL}), store.spec)
        shutil.copytree(
            prepared.output("baseline"), container.input("baseline"), dirs_exist_ok=True
        )
        table = "row,key,target,score\n" + "".join(f"{n},k{n},1,{n % 9}\n" for n in range(400))
        (container.input("reference") / "predictions.csv").write_text(table)
        told = {"version": 1, "rows": 400, "metrics": {"rmse": {"value": 1.0}}}
        (container.input("reference") / "evaluation.json").write_text(json.dumps(told))
        sent = "".join(f"k{n},{whose}{n % 50:02}\n" for n in range(400))
        answered = "".join(f"{n % 9}\n" for n in range(400))
        record = {
            "captureData": {
                "endpointInput": {
                    **{"observedContentType": "text/csv", "mode": "INPUT", "encoding": "CSV"},
                    "data": f"id,customer\n{sent}",
                },
                "endpointOutput": {
                    **{"observedContentType": "text/csv", "mode": "OUTPUT", "encoding": "CSV"},
                    "data": answered,
                },
            },
            "eventMetadata": {"eventId": "e", "inferenceTime": "2026-03-09T00:00:00Z"},
            "eventVersion": "0",
        }
        (container.input("capture") / "a.jsonl").write_text(json.dumps(record) + "\n")
        times = {"FROM": "2026-03-09T00:00:00Z", "TO": "2026-03-09T01:00:00Z"}
        asked = {"MODEL": store.model, "ENDPOINT": store.model, "VERSION": "1", **times}
        container.succeed("monitor.py", {f"EVERLOOP_{key}": text for key, text in asked.items()})
        checks = container.read("findings/findings.json")["checks"]
        return {(each["feature"], each["statistic"]): each["violated"] for each in checks}

    usual = look("c")
    assert usual[("spent", "baseline_drift_check")] is False and not any(usual.values())
    # Customers of whom the table says nothing any more: training never saw rows without features.
    assert any(wrong for (feature, _), wrong in look("x").items() if feature == "spent")


def test_a_group_that_is_still_being_made_is_awaited(store: Store) -> None:
    store.create()
    groups = store.cloud.apis["sagemaker"].feature_groups
    groups.feature_group(store.group)["FeatureGroupStatus"] = "Creating"
    store.drop("customers/march.csv", CUSTOMERS)
    store.drop("march.csv", rows("a,ann,2026-03-01"))

    assert store.prepare().message == (
        f"[features.customers]: feature group {store.group} is still being made; the "
        "training goes on when it is"
    )
    assert store.note()["waits"] is True


def test_a_group_that_is_not_there_is_named(store: Store) -> None:
    store.drop("customers/march.csv", CUSTOMERS)
    store.drop("march.csv", rows("a,ann,2026-03-01"))

    assert store.prepare().message == (
        f"[features.customers]: there is no feature group {store.group}; push the folder "
        "again, which makes it"
    )


def test_a_group_that_lost_what_model_toml_names_is_named(store: Store) -> None:
    features = {"customer": "String", "seen": "String", "orders": "String", "spent": "Fractional"}
    store.create(
        FeatureDefinitions=[
            {"FeatureName": name, "FeatureType": kind} for name, kind in features.items()
        ]
    )
    store.drop("customers/march.csv", CUSTOMERS)
    store.drop("march.csv", rows("a,ann,2026-03-01"))

    assert store.prepare().message == (
        f"[features.customers]: feature group {store.group} has feature 'orders' of type "
        "String, and model.toml says 'integer', which is Integral"
    )


@pytest.mark.parametrize(
    ("customers", "said"),
    [
        (
            "customer,seen,orders,spent,when\nann,2026-03-01,1,1,x\n",
            "bad data: {place}/customers/march.csv: column 'segment' is missing",
        ),
        (
            "customer,seen,orders,spent,segment\nann,soon,1,1,x\n",
            "{place}/customers/march.csv: column 'seen' holds 'soon', which is no time; write "
            "it as 2026-11-20T10:00:00Z",
        ),
        (
            "customer,seen,orders,spent,segment\nann,2026-03-01,1.5,1,x\n",
            "{place}/customers/march.csv: column 'orders' holds '1.5'; a whole number belongs "
            "there",
        ),
        (
            "customer,seen,orders,spent,segment\n,2026-03-01,1,1,x\n",
            "{place}/customers/march.csv: column 'customer' is empty in a row; a record needs "
            "its id",
        ),
    ],
)
def test_records_that_no_group_can_hold_are_named_and_none_is_put(
    store: Store, customers: str, said: str
) -> None:
    store.create()
    store.drop("customers/march.csv", customers)
    store.drop("march.csv", rows("a,ann,2026-03-01"))

    assert store.prepare().message.startswith(said.format(place=f"data/{store.model}"))
    store.flush()
    assert store.offline().empty
