"""What is counted is what the template has and what functions do; what it costs is arithmetic."""

import json
from pathlib import Path
from typing import Any

import pytest

from everloop.billing import estimates, usage
from everloop.billing.prices import FILE, Prices, read
from everloop.errors import BadInput
from everloop.spec import policy
from everloop.spec.model_spec import load_spec
from proofs.template import TEMPLATE, Template
from tools.translate import translate

PRICES = read("us-east-1")


def spec(**changes: dict[str, Any]) -> dict[str, Any]:
    made = estimates.default_spec()
    for section, values in changes.items():
        made[section] |= values
    return made


def test_the_stack_has_as_many_alarm_metrics_as_are_counted() -> None:
    template = Template(translate(TEMPLATE), yes=False)
    alarms = [alarm for _, alarm in template.of("AWS::CloudWatch::Alarm")]
    metrics = [
        sum("MetricStat" in each for each in alarm["Metrics"]) if "Metrics" in alarm else 1
        for alarm in alarms
    ]
    assert sum(metrics) == usage.ALARM_METRICS
    assert not list(template.of("AWS::CloudWatch::CompositeAlarm"))  # they cost five times as much


def test_most_of_what_an_idle_stack_costs_are_its_alarms() -> None:
    watched = {"alarm metric, a month": usage.ALARM_METRICS, "dashboard, a month": 1}
    watched["KMS key, a month"] = 1
    watching = PRICES.cost(watched)
    assert watching < PRICES.cost(usage.idle()) < watching + 1


def test_a_served_model_costs_the_hours_of_its_instances() -> None:
    two = spec(deploy={"production": {"instance": "ml.c5.xlarge", "count": 2}})
    assert usage.served(two)["ml.c5.xlarge hour"] == 2 * 720
    kept = spec(deploy={"staging": {"instance": "ml.t3.medium", "count": 1, "keep": True}})
    assert usage.served(kept)["ml.t3.medium hour"] == 720
    slow = spec(deploy={"alarms": {"max_error_rate": 0.05, "max_latency_ms": 100.0}})
    alarms = "alarm metric, a month"
    assert (usage.served(spec())[alarms], usage.served(slow)[alarms]) == (1, 2)


def test_a_gpu_that_trains_costs_nothing_in_a_look() -> None:
    gpu = spec(train={"instance": "ml.g5.xlarge"})
    assert "ml.g5.xlarge hour" in usage.loop(gpu)
    assert "ml.g5.xlarge hour" not in usage.look(gpu)
    assert usage.look(gpu)["ml.t3.medium hour"] == pytest.approx(2 / 60)


@pytest.mark.parametrize(
    ("schedule", "looks"),
    [("rate(1 hour)", 720), ("rate(6 hours)", 120), ("cron(0 6 * * ? *)", 30)],
)
def test_a_schedule_says_how_often_is_looked(schedule: str, looks: float) -> None:
    assert usage.looks_a_month(spec(monitor={"schedule": schedule})) == looks


@pytest.mark.parametrize(("strategy", "minutes"), [("all-at-once", 10), ("canary", 15)])
def test_two_fleets_run_while_a_release_moves_and_bakes(strategy: str, minutes: int) -> None:
    found = usage.rollout(spec(deploy={"strategy": strategy}))
    assert found.total_seconds() == 60 * minutes


def test_a_month_adds_up() -> None:
    made = estimates.estimate(spec(), PRICES, models=[1, 100], loops=4)
    one, many = made["months"]
    assert one["all"] == pytest.approx(sum(one[share] for share in estimates.SHARES))
    assert one["stack"] == many["stack"] == made["each"][0]["cost"]
    assert many["endpoints"] == pytest.approx(100 * made["each"][1]["cost"])


def test_a_batch_has_a_price_and_is_said_to_be_in_no_month() -> None:
    text = 'problem = "regression"\n[data]\ntarget = "y"\n[deploy]\nserve = "batch"\n'
    batch = "[deploy.batch]\ninstance = 'ml.c5.xlarge'\ncount = 3\n"
    scored = policy.document(load_spec(text + batch, name="m", source="model.toml"))
    assert usage.batch(scored)["ml.c5.xlarge hour"] == pytest.approx(3 * 5 / 60)
    made = estimates.estimate(scored, PRICES, models=[1], loops=4)
    costs = {each["what"]: each["cost"] for each in made["each"]}
    assert costs[estimates.BATCH] == PRICES.cost(usage.batch(scored)) > 0.05
    assert "a model that serves, a month, without what it scores" in costs


def test_an_instance_without_a_price_is_named() -> None:
    with pytest.raises(BadInput, match=r"no price of 'ml\.p9\.huge hour' in us-east-1"):
        PRICES.cost(usage.look(spec(monitor={"instance": "ml.p9.huge"})))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no prices can be read"),
        ("[" * 100_000, "no prices can be read"),
        ("[]", "regions is missing"),
        ('{"regions": {"us-east-1": {}}}', "has no prices of mars, only of us-east-1"),
        ('{"regions": {"mars": {"log GB": "much"}}}', "mars: 'log GB': 'much' is no price"),
        ('{"regions": {"mars": {"log GB": -1}}}', "-1 is no price"),
        ('{"regions": {"mars": {"log GB": NaN}}}', "nan is no price"),
        ('{"regions": {"mars": ["log GB"]}}', "mars: its prices are no table"),
    ],
)
def test_a_file_that_holds_no_prices_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "own.json"
    file.write_text(text)
    with pytest.raises(BadInput, match=words):
        read("mars", file)


def test_a_file_of_ones_own_has_other_regions(tmp_path: Path) -> None:
    document = json.loads(FILE.read_text())
    document["regions"] = {"mars": {**PRICES.items, "ml.m5.large hour": 1.0}}
    (tmp_path / "own.json").write_text(json.dumps(document))
    mars = read("mars", tmp_path / "own.json")
    assert mars == Prices("mars", PRICES.as_of, "USD", {**PRICES.items, "ml.m5.large hour": 1.0})
    assert mars.cost({"ml.m5.large hour": 720}) == 720
