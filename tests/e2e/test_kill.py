"""SIGKILL in the middle of things: started again, the loop ends where it should."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.laptop import Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
MODEL = "phoenix"
SLOW = """
import json, os, time
from pathlib import Path
time.sleep(4)
(Path(os.environ["SM_MODEL_DIR"]) / "means.json").write_text(json.dumps({"red": 10, "green": 20}))
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Laptop]:
    with Laptop(tmp_path / "state", speed=60) as started:
        yield started
        assert started.denied() == []


def test_a_killed_cloud_finishes_training_and_release(own: Laptop, tmp_path: Path) -> None:
    own.everloop("push", str(variant(tmp_path, MODEL, {"train.py": SLOW})))
    own.decided(MODEL, "install")
    own.put(f"data/{MODEL}/one.csv", prices(1, 300))

    def training() -> bool | None:
        jobs = own.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
        return True if any(job["TrainingJobStatus"] == "InProgress" for job in jobs) else None

    own.wait(MODEL, "a training job", training)
    own.kill()
    own.up()
    own.decided(MODEL, "judge", limit=240)
    own.approve(MODEL, 1)
    own.serves(MODEL, 1, limit=240)

    own.put(f"data/{MODEL}/two.csv", prices(2, 900, shift=1))
    own.decided(MODEL, "judge", 2, limit=240)
    own.approve(MODEL, 2)

    def baking() -> bool | None:
        told = own.client("sagemaker").describe_endpoint(EndpointName=MODEL)
        return True if told["EndpointStatus"] == "Updating" else None

    own.wait(MODEL, "a canary", baking, limit=240)
    own.kill()
    own.up()
    own.serves(MODEL, 2, limit=240)
    assert not list((own.state / "jobs").glob("*"))
