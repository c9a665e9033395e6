"""The stack is updated while it works: nothing is lost, and nothing is done twice.

A training waits for its job, a release bakes, and a thousand messages lie in the queue: they came
while somebody held collecting back, and it begins as the update does.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from e2e.laptop import Laptop, prices, variant
from upgrade.later import later

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
OBJECTS = 1000
BAKER, LEARNER, CROWD = "baker", "learner", "crowd"
WAITS = """
import json, os, time
from pathlib import Path
while not Path({go!r}).exists():
    time.sleep(0.1)
(Path(os.environ["SM_MODEL_DIR"]) / "means.json").write_text(json.dumps({{"red": 10, "green": 20}}))
"""


def test_an_update_loses_nothing_of_what_is_under_way(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Laptop(tmp_path / "state") as laptop:
        waits = {"train.py": WAITS.format(go=str(go))}
        laptop.everloop("push", str(variant(tmp_path, LEARNER, waits)))
        laptop.decided(LEARNER, "install")
        laptop.put(f"data/{LEARNER}/one.csv", prices(1, 300))
        longer = {"bake_minutes = 2": "bake_minutes = 60"}
        laptop.everloop("push", str(variant(tmp_path, BAKER, {}, **longer)))
        laptop.everloop("push", str(variant(tmp_path, CROWD, {})))
        template = later(laptop, tmp_path / "later")
        serves_one_of_two(laptop)
        laptop.wait(LEARNER, "a training job", lambda: trains(laptop))
        keys = dropped(laptop)
        bakes(laptop)
        busy = {"messages": OBJECTS, "training": True, "release": "Updating"}
        assert under_way(laptop) == busy
        collects(laptop, True)  # they are answered while the functions change
        laptop.deploy(template)
        [stack] = laptop.client("cloudformation").describe_stacks()["Stacks"]
        assert stack["StackStatus"] == "UPDATE_COMPLETE"
        changed = laptop.client("lambda").get_function(FunctionName="everloop-resume-execution")
        assert changed["Configuration"]["MemorySize"] == 640
        assert trains(laptop)
        go.touch()
        all_is_answered_once(laptop, keys)
        assert laptop.denied() == []


def serves_one_of_two(laptop: Laptop) -> None:
    laptop.put(f"data/{BAKER}/one.csv", prices(1, 300))
    laptop.decided(BAKER, "judge")
    laptop.approve(BAKER, 1)
    laptop.decided(BAKER, "serve")
    laptop.put(f"data/{BAKER}/two.csv", prices(2, 1500, shift=6))
    laptop.decided(BAKER, "judge", 2)


def bakes(laptop: Laptop) -> None:
    """Bring a release to where its endpoint has the new version on trial."""
    laptop.approve(BAKER, 2)
    laptop.wait(BAKER, "a release that bakes", lambda: endpoint(laptop) == "Updating" or None)


def endpoint(laptop: Laptop) -> str:
    found = laptop.client("sagemaker").describe_endpoint(EndpointName=BAKER)
    return str(found["EndpointStatus"])


def trains(laptop: Laptop) -> bool | None:
    jobs = laptop.client("sagemaker").list_training_jobs(StatusEquals="InProgress")
    return bool(jobs["TrainingJobSummaries"]) or None


def dropped(laptop: Laptop) -> list[str]:
    """Hold collecting back, and put objects until each is a message that nobody has answered."""
    collects(laptop, False)
    keys = [f"data/{CROWD}/{number:04d}.csv" for number in range(OBJECTS)]
    s3 = laptop.client("s3")

    def put(number: int) -> None:
        s3.put_object(Bucket=laptop.data_bucket, Key=keys[number], Body=prices(number, 2))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(OBJECTS)))
    laptop.wait(CROWD, "all messages", lambda: queued(laptop) == OBJECTS or None)
    return keys


def collects(laptop: Laptop, yes: bool) -> None:
    functions = laptop.client("lambda")
    [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=yes)
    state = "Enabled" if yes else "Disabled"

    def settled() -> bool | None:
        found = functions.get_event_source_mapping(UUID=mapping["UUID"])
        return found["State"] == state or None

    laptop.wait(CROWD, f"a mapping that is {state}", settled)


def queued(laptop: Laptop, queue: str = "arrivals") -> int:
    sqs = laptop.client("sqs")
    url = sqs.get_queue_url(QueueName=f"everloop-{queue}")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in found.values())


def under_way(laptop: Laptop) -> dict[str, object]:
    def runs(machine: str, model: str) -> bool:
        return any(each["status"] == "RUNNING" for each in laptop.executions(machine, model))

    return {
        "messages": queued(laptop),
        "training": runs("train", LEARNER) and trains(laptop),
        "release": runs("deploy", BAKER) and endpoint(laptop),
    }


def all_is_answered_once(laptop: Laptop, keys: list[str]) -> None:
    def frozen() -> list[str] | None:
        found = [d for d in laptop.decisions(CROWD, "freeze") if d["go"]]
        objects = [key for decision in found for key in new_keys(laptop, decision["subject"])]
        return objects if len(objects) >= OBJECTS else None

    assert Counter(laptop.wait(CROWD, "all objects in datasets", frozen, limit=240)) == Counter(
        keys
    )
    laptop.serves(BAKER, 2, limit=240)
    for model, served in ((CROWD, 0), (LEARNER, 0), (BAKER, 2)):
        # The crowd may have been quiet for so long that it is two drops: each is answered once.
        windows = [d["subject"] for d in laptop.decisions(model, "freeze") if d["go"]]
        for kind, count in (("train-end", len(windows)), ("judge", len(windows))):
            laptop.decided(model, kind, count, limit=240)
        if served:
            laptop.decided(model, "serve", served)
        kinds = Counter(decision["kind"] for decision in laptop.decisions(model))
        once = {"train-end": len(set(windows)), "judge": len(windows)}
        assert {kind: kinds[kind] for kind in (*once, "serve")} == {**once, "serve": served}
        assert json.loads(laptop.everloop("why", model, "--json"))["chain"]["problems"] == []
    for queue in ("arrivals", "arrivals-dead", "undelivered", "failed"):
        assert queued(laptop, queue) == 0, queue


def new_keys(laptop: Laptop, uri: str) -> list[str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = laptop.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    manifest = json.loads(body)
    new = manifest["new_windows"]
    return [each["key"] for each in manifest["objects"] if each["window"] in new]
