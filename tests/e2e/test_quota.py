"""Six models get data at once where AWS lets four jobs run: nothing is lost, all are trained."""

from pathlib import Path

import pytest
from e2e.laptop import Laptop, prices, variant

from everloop.aws.items import plain_item

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(900)]
MODELS = [f"crowd-{number}" for number in range(6)]


def test_six_models_in_an_account_with_four_instances_are_all_trained(tmp_path: Path) -> None:
    with Laptop(tmp_path / "state", options=("--quotas", "aws")) as laptop:
        # So long that all drops come before the first is quiet: their trainings begin together.
        quiet = {"quiet_minutes = 2": "quiet_minutes = 60"}
        for model in MODELS:
            laptop.everloop("push", str(variant(tmp_path, model, {}, **quiet)))
        for model in MODELS:
            laptop.decided(model, "install")
        for number, model in enumerate(MODELS):
            laptop.put(f"data/{model}/prices.csv", prices(number, 300))
        for model in MODELS:
            ended = laptop.decided(model, "train-end", limit=600)
            assert ended["go"], ended["reason"]
            assert len(laptop.decisions(model, "train-end")) == 1
            assert len(laptop.executions("train", model)) == 1
        waited = [model for model in MODELS if shortage(laptop, model)]
        assert waited, "nobody met the quota of four instances"
        for model in waited:
            assert shortage(laptop, model)["trouble"]["kind"] == "quota"
            assert "ended_at" in shortage(laptop, model)
        assert laptop.denied() == []


def shortage(laptop: Laptop, model: str) -> dict[str, object]:
    """Return what a model's training waited for."""
    found = laptop.client("dynamodb").get_item(
        TableName="everloop-ledger",
        Key={"pk": {"S": f"MODEL#{model}"}, "sk": {"S": "SHORTAGE#training"}},
        ConsistentRead=True,
    )
    return plain_item(found.get("Item", {}))
