"""Three bad days: data, account, endpoint and labels go wrong; all of it recovers or is told."""

import json
from collections.abc import Iterator

import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

from everloop.spec.images import image_uri

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(900)]
MODEL = "harbour"
BAD_DAYS = ("--quotas", "aws", "--consistency", "eventual")
SPEC = {
    "quiet_minutes = 2": 'quiet_minutes = 2\nbad_files = "set-aside"',
    'by = "person"': 'by = "policy"\nfirst = "policy"',
    'schedule = "rate(1 hour)"': 'schedule = "rate(30 minutes)"',
    "[retrain]": "[monitor.quality]\nmin_labelled_rows = 20\nmax_drop = 1.0\n\n[retrain]",
}


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """An account with AWS's default quotas that sees things late; its mails can be read."""
    with Laptop(tmp_path_factory.mktemp("bad") / "state", options=BAD_DAYS) as started:
        topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:everloop-notifications"
        started.client("sns").subscribe(
            TopicArn=topic, Protocol="email", Endpoint="team@example.com"
        )
        yield started
        assert started.denied() == []


@pytest.fixture(scope="module", autouse=True)
def live(laptop: Laptop, tmp_path_factory: pytest.TempPathFactory) -> None:
    laptop.everloop("push", str(variant(tmp_path_factory.mktemp("folder"), MODEL, {}, **SPEC)))
    laptop.decided(MODEL, "install")


def mails(laptop: Laptop, kind: str) -> list[str]:
    """Return the model's mails of a kind, as people got them, the oldest first."""
    found = [path.read_text() for path in sorted((laptop.state / "mail").rglob("*.txt"))]
    return [mail for mail in found if MODEL in mail and f"\nkind {kind};" in mail]


def told(laptop: Laptop, kind: str, count: int = 1, limit: float = 180) -> str:
    """Wait for the mail of a kind; it is told once, and not more."""

    def probe() -> str | None:
        found = mails(laptop, kind)
        return found[count - 1] if len(found) >= count else None

    return laptop.wait(MODEL, f"mail number {count} of kind {kind}", probe, limit)


def used(laptop: Laptop) -> list[str]:
    """Return the files that the newest run was trained on, by files.json."""
    s3, bucket = laptop.client("s3"), f"everloop-artefacts-{ACCOUNT}-us-east-1"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"runs/{MODEL}/")["Contents"]
    found = [each for each in listed if each["Key"].endswith("/files/files.json")]
    newest = max(found, key=lambda each: each["LastModified"])["Key"]
    told = json.loads(s3.get_object(Bucket=bucket, Key=newest)["Body"].read())
    return [o["key"].rpartition("/")[2] for o in told["objects"] if o["status"] == "used"]


def labels(drop: bytes) -> bytes:
    lines = [line.split(",") for line in drop.decode().splitlines()]
    return "".join(f"{key},{price}\n" for key, _, price in lines).encode()


def registered(laptop: Laptop, version: int) -> None:
    def probe() -> bool | None:
        ends = [d for d in laptop.decisions(MODEL, "train-end") if d["go"]]
        return True if len(ends) >= version else None

    laptop.wait(MODEL, f"version {version}", probe, 240)


def test_day_one_bad_files_and_a_person_who_asks_to_be_forgotten(laptop: Laptop) -> None:
    laptop.put(f"data/{MODEL}/.DS_Store", b"\0\0\0\1Bud1")
    laptop.put(f"data/{MODEL}/january.csv", prices(1, 200))
    laptop.put(f"data/{MODEL}/somebody.csv", prices(2, 20))
    laptop.put(f"data/{MODEL}/february.csv", b"\x1f\x8b\x08\0 not what it says")
    laptop.put(f"data/{MODEL}/_SUCCESS", b"")
    laptop.serves(MODEL, 1, limit=300)
    mail = told(laptop, "files-set-aside")
    assert "february.csv" in mail and "gzip" in mail
    told(laptop, "released")

    laptop.client("s3").delete_object(Bucket=laptop.data_bucket, Key=f"data/{MODEL}/somebody.csv")
    withdrawn = laptop.decided(MODEL, "withdraw")
    assert "somebody.csv" in json.dumps(withdrawn)


def test_day_two_no_room_in_the_account_and_a_clean_up_of_what_is_live(laptop: Laptop) -> None:
    sagemaker = laptop.client("sagemaker")
    others = [f"other-team-{number}" for number in range(4)]
    for name in others:
        sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/everloop-sagemaker",
            AppSpecification={
                "ImageUri": image_uri("scikit-learn", "1.9-0", "us-east-1"),
                "ContainerEntrypoint": ["sleep", "3000"],
            },
            ProcessingResources={
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": "ml.t3.large",  # as the model's own jobs
                    "VolumeSizeInGB": 10,
                }
            },
        )
    laptop.put(f"data/{MODEL}/march.csv", prices(3, 400))
    mail = told(laptop, "waits-for-capacity")
    assert "ml.t3.large for processing job usage" in mail
    assert laptop.decisions(MODEL, "train-end")[1:] == []  # no verdict on the model
    for name in others:
        sagemaker.stop_processing_job(ProcessingJobName=name)

    live = sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointConfigName"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=live)
    sagemaker.delete_endpoint_config(EndpointConfigName=live)
    sagemaker.delete_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    registered(laptop, 2)
    assert used(laptop) == ["january.csv", "march.csv"]
    told(laptop, "ok-again")
    laptop.approve(MODEL, 2)
    laptop.serves(MODEL, 2, limit=300)
    laptop.approve(MODEL, 2, "Rejected")
    laptop.serves(MODEL, 1, limit=300)  # made again, config and model


def test_day_three_an_endpoint_that_fails_and_labels_that_come_late(laptop: Laptop) -> None:
    runtime = laptop.client("sagemaker-runtime")
    # What serves is asked by key; colours come as training had them.
    rows = [line.rpartition(",")[0] for line in prices(4, 120).decode().splitlines()]
    runtime.invoke_endpoint(
        EndpointName=MODEL, ContentType="text/csv", Body="\n".join(rows).encode()
    )

    def broken() -> str | None:
        with pytest.raises(runtime.exceptions.ModelError):
            runtime.invoke_endpoint(EndpointName=MODEL, ContentType="text/csv", Body=b"a\n1\n")
        found = mails(laptop, "endpoint-alarm")
        return found[0] if found else None

    assert "error" in laptop.wait(MODEL, "the endpoint's alarm", broken, 240)

    def repaired() -> str | None:
        runtime.invoke_endpoint(
            EndpointName=MODEL, ContentType="text/csv", Body="\n".join(rows[:2]).encode()
        )
        found = [mail for mail in mails(laptop, "ok-again") if "endpoint" in mail]
        return found[0] if found else None

    laptop.wait(MODEL, "the alarm's end", repaired, 240)

    looks = len(laptop.decisions(MODEL, "monitor"))
    laptop.decided(MODEL, "monitor", looks + 1, limit=240)
    # Weeks later the outcomes come, and they are not what was predicted.
    laptop.put(f"labels/{MODEL}/outcomes.csv", labels(prices(4, 120, shift=40.0)))

    def wrong() -> bool | None:  # one of the look before, of what was asked, may come first
        return any("rmse" in mail for mail in mails(laptop, "violation")) or None

    laptop.wait(MODEL, "a mail of predictions that were wrong", wrong, 240)


def test_nothing_was_lost(laptop: Laptop) -> None:
    sqs = laptop.client("sqs")
    for queue in ("everloop-failed", "everloop-undelivered", "everloop-arrivals-dead"):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert (queue, waiting["ApproximateNumberOfMessages"]) == (queue, "0")
    shown = json.loads(laptop.everloop("why", MODEL, "--json"))
    assert shown["chain"]["problems"] == []
