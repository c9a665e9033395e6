"""`serve = "serverless"`: what is asked of AWS, what follows, and what it cannot have."""

import pytest

from everloop.billing import prices, usage
from everloop.errors import BadInput
from everloop.pipelines.rollouts import endpoint_config
from everloop.records.config import ServingConfig
from everloop.spec import policy
from everloop.spec.instances import of_endpoint
from everloop.spec.model_spec import load_spec

BASE = 'problem = "regression"\n[data]\ntarget = "price"\n'
SERVERLESS = '[deploy]\nserve = "serverless"\n'


def document(text=SERVERLESS):
    return policy.document(load_spec(BASE + text, name="prices"))


def test_its_variant_has_memory_and_concurrency_and_no_instances():
    deploy = policy.deploy(document())
    config = endpoint_config("m", deploy.production, capture_uri="s3://b/c", kms_key="key")
    (variant,) = config["ProductionVariants"]
    assert variant == {
        "VariantName": "AllTraffic",
        "ModelName": "m",
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
        "InitialVariantWeight": 1.0,
    }
    assert "KmsKeyId" not in config and "DataCaptureConfig" not in config
    assert ServingConfig("c", config, "m", {}).instances == ()


def test_what_is_kept_warm_is_so_in_production_alone():
    text = f"{SERVERLESS}[deploy.serverless]\nmemory_mb = 4096\nprovisioned = 2\n"
    deploy = policy.deploy(document(text))
    assert deploy.production.serverless["ProvisionedConcurrency"] == 2
    assert "ProvisionedConcurrency" not in deploy.staging.serverless


def test_nothing_is_captured_and_all_traffic_moves_at_once():
    spec = document()
    assert of_endpoint(spec, "production") == ()
    watch = policy.watch(spec)
    assert (watch.captured, watch.uncaptured.split(":")[0]) == (
        False,
        "AWS captures no traffic of a serverless endpoint",
    )
    assert policy.deploy(spec).steps.strategy == "all-at-once"
    assert "no instances that could be shifted" in policy.rollout_note(spec)


def test_specs_of_before_have_instances():
    spec = document("")
    for key in ("serve", "serverless", "scale"):
        del spec["deploy"][key]
    assert policy.deploy(spec).production.serverless is None
    assert [choice.instance for choice in of_endpoint(spec, "staging")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{SERVERLESS}capture_percent = 5\n", "deploy.capture_percent is 5 and deploy.serve is"),
        (f"{SERVERLESS}[deploy.serverless]\nmemory_mb = 2000\n", "multiple of 1024"),
        (f"{SERVERLESS}[deploy.serverless]\nmax_concurrency = 201\n", "give at most 200"),
        (f"{SERVERLESS}[deploy.serverless]\nprovisioned = 6\n", "which is 5"),
        (f'{SERVERLESS}[deploy.production]\ninstance = "ml.g5.xlarge"\n', "without GPUs"),
        (f"{SERVERLESS}[deploy.staging]\ncount = 2\n", "deploy.staging.count is 2"),
        (f"{SERVERLESS}[monitor]\nmin_rows = 9\n", "monitor.min_rows is given"),
        (
            f"{SERVERLESS}[deploy.scale]\nmax = 3\nrequests_per_minute = 9\n",
            "deploy.scale is given and deploy.serve is 'serverless'; it belongs to 'realtime'",
        ),
        ("[deploy.serverless]\nmemory_mb = 1024\n", "it belongs to 'serverless'"),
        ('[deploy]\nserve = "serverles"\n', "did you mean 'serverless'?"),
        ("[deploy]\nserve = 3\n", "deploy.serve is 3"),
    ],
)
def test_what_it_cannot_have_is_said(text, said):
    with pytest.raises(BadInput) as error:
        load_spec(BASE + text, name="prices")
    assert said in str(error.value)


def test_learning_from_traffic_is_said_to_have_none():
    text = BASE.replace("[data]", '[data]\nkey = "id"\nlearn_from_traffic = true') + SERVERLESS
    with pytest.raises(BadInput, match="learn_from_traffic is true"):
        load_spec(text, name="prices")


def test_nothing_is_paid_by_the_hour_but_what_is_kept_warm():
    known = prices.read("us-east-1")
    assert not [item for item in usage.served(document()) if item.endswith("hour")]
    assert known.cost(usage.loop(document())) > 0
    assert usage.looks_a_month(document()) == 0
    warm = document(f"{SERVERLESS}[deploy.serverless]\nprovisioned = 2\n")
    assert usage.served(warm)["serverless provisioned GB hour"] == 2 * 2 * 720
    with pytest.raises(BadInput, match="no price of 'serverless provisioned GB hour'"):
        known.cost(usage.served(warm))
