"""Endpoints that cost what they are worth: one without instances, one that follows its load."""

from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(900)]

RARE, BUSY = "rarely-asked", "much-asked"
CANARY = '[deploy]\nstrategy = "canary"\nstep_percent = 20\nbake_minutes = 2\n'
SERVERLESS = '[deploy]\nserve = "serverless"\n'
WATCHED = (
    '[monitor]\nschedule = "rate(1 hour)"\nmin_rows = 20\n\n[retrain]\non = ["data", "violation"]'
)
UNWATCHED = '[retrain]\non = ["data"]'  # AWS captures nothing without instances
SCALED = "[deploy]\nbake_minutes = 0\n[deploy.scale]\nmin = 1\nmax = 2\nrequests_per_minute = 60\n"


def serving(laptop: Laptop, model: str) -> dict[str, Any]:
    """Return the variant of the endpoint config that serves."""
    sagemaker = laptop.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=model)["EndpointConfigName"]
    found = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    variant: dict[str, Any] = found["ProductionVariants"][0]
    return variant


def asked(laptop: Laptop, model: str) -> float:
    answer = laptop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=model, ContentType="text/csv", Body="colour\nred\n"
    )
    return float(answer["Body"].read().decode())


def test_two_forms_are_released_replaced_returned_and_removed(
    laptop: Laptop, tmp_path: Path
) -> None:
    rare, busy = {CANARY: SERVERLESS, WATCHED: UNWATCHED}, {CANARY: SCALED}
    for model, spec in ((RARE, rare), (BUSY, busy)):
        laptop.everloop("push", str(variant(tmp_path, model, {}, **spec)))
        laptop.put(f"data/{model}/one.csv", prices(1, 300))
    for model in (RARE, BUSY):
        laptop.decided(model, "judge", limit=240)
        laptop.approve(model, 1)
    for model in (RARE, BUSY):
        laptop.serves(model, 1, limit=240)
        assert asked(laptop, model) > 0
    assert serving(laptop, RARE)["ServerlessConfig"]["MemorySizeInMB"] == 2048
    assert "InstanceType" not in serving(laptop, RARE)
    assert laptop.wait(BUSY, "bounds for its instances", lambda: scaled(laptop)) == (1, 2)

    for model in (RARE, BUSY):
        laptop.put(f"data/{model}/two.csv", prices(3, 1500, shift=6))
    for model in (RARE, BUSY):
        laptop.decided(model, "judge", 2, limit=240)
        laptop.approve(model, 2)
    for model in (RARE, BUSY):
        laptop.serves(model, 2, limit=240)
    assert "InstanceType" not in serving(laptop, RARE)
    # The end of a release lets it scale again.
    assert laptop.wait(BUSY, "its bounds again", lambda: scaled(laptop)) == (1, 2)

    # What is withdrawn goes back to the version before, in its form.
    laptop.approve(RARE, 2, "Rejected")
    laptop.serves(RARE, 1, limit=240)
    assert "InstanceType" not in serving(laptop, RARE)
    assert asked(laptop, RARE) > 0

    # AWS turns no endpoint on instances into one without; a push says so and changes nothing.
    turned = variant(tmp_path / "turned", BUSY, {}, **rare)
    laptop.everloop("push", str(turned), code=2)
    refused = laptop.decided(BUSY, "install", 2)
    assert not refused["go"]
    assert "AWS turns none of those into a serverless one" in refused["reason"]
    laptop.serves(BUSY, 2)

    for model in (RARE, BUSY):
        laptop.everloop("remove", model, "--yes", "--reason", "nobody asks")
    left = [
        each["EndpointName"] for each in laptop.client("sagemaker").list_endpoints()["Endpoints"]
    ]
    assert not {RARE, BUSY} & set(left)
    assert scaled(laptop) is None


def scaled(laptop: Laptop) -> tuple[int, int] | None:
    """Return between how many instances production follows its load."""
    targets = laptop.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker"
    )["ScalableTargets"]
    mine = [each for each in targets if f"/{BUSY}/" in each["ResourceId"]]
    return (mine[0]["MinCapacity"], mine[0]["MaxCapacity"]) if mine else None
