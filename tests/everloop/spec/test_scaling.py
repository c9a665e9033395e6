"""[deploy.scale]: bounds that go together, what they imply, and what is asked of AWS."""

import pytest

from everloop.billing import prices, usage
from everloop.billing.estimates import estimate
from everloop.errors import BadInput
from everloop.pipelines.scaling import Scale, policy, scaled_endpoint, target
from everloop.spec import policy as policies
from everloop.spec.model_spec import load_spec

BASE = 'problem = "regression"\n[data]\ntarget = "price"\n'
SCALE = "[deploy.scale]\nmin = 2\nmax = 6\nrequests_per_minute = 300\n"


def document(text=""):
    return policies.document(load_spec(BASE + text, name="prices"))


def test_without_it_nothing_is_scaled_and_specs_of_before_read_so():
    spec = document()
    assert policies.deploy(spec).scale is None
    del spec["deploy"]["scale"]
    assert policies.deploy(spec).scale is None


def test_a_scaled_model_begins_with_the_least_and_on_what_aws_scales():
    deploy = policies.deploy(document(SCALE))
    assert (deploy.production.instance_type, deploy.production.instances) == ("ml.m5.large", 2)
    assert (deploy.production.fallbacks, deploy.largest.instances) == ((), 6)
    assert deploy.scale == Scale(2, 6, 300.0, 300, 300)
    assert deploy.staging.instances == 1


def test_what_is_given_is_kept():
    text = f'{SCALE}[deploy.production]\ncount = 4\ninstance = ["ml.c5.large", "ml.m5.large"]\n'
    deploy = policies.deploy(document(text))
    assert (deploy.production.instance_type, deploy.production.instances) == ("ml.c5.large", 4)
    assert deploy.production.fallbacks == ("ml.m5.large",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[deploy.scale]\nmin = 2\n", "deploy.scale.max is missing; add it"),
        (SCALE.replace("max = 6", "max = 2"), "deploy.scale.max is 2 and deploy.scale.min is 2"),
        (SCALE.replace("max = 6", "max = 99"), "deploy.scale.max is 99; give at most 50"),
        (SCALE.replace("min = 2", "min = 0"), "deploy.scale.min is 0; give at least 1"),
        (SCALE.replace("= 300", "= 0"), "requests_per_minute is 0; give more than 0"),
        (SCALE.replace("min = 2", 'min = "x"'), "deploy.scale.min is 'x'; a whole number"),
        (
            f"{SCALE}[deploy.production]\ncount = 7\n",
            "deploy.production.count is 7; the first release begins with it, so give 2 to 6",
        ),
        (
            f'{SCALE}[deploy.production]\ninstance = ["ml.m5.large", "ml.t2.medium"]\n',
            "deploy.production.instance has 'ml.t2.medium'; AWS scales no burstable instances",
        ),
        ("[deploy]\nscale = 3\n", "deploy.scale is 3; a table belongs here"),
        (f"[deploy]\nproduction = 3\n{SCALE}", "deploy.production is 3; a table belongs here"),
    ],
)
def test_what_does_not_go_together_is_said(text, said):
    with pytest.raises(BadInput) as error:
        load_spec(BASE + text, name="prices")
    assert said in str(error.value)


@pytest.mark.parametrize(("there", "keeps"), [(None, False), (1, False), (2, True), (9, True)])
def test_what_load_has_brought_is_kept(there, keeps):
    assert Scale(2, 6, 300.0, 300, 300).keeps(there) is keeps


def test_the_requests_name_the_one_variant():
    scale = Scale(2, 6, 300.0, 60, 90)
    asked = target("prices", scale)
    assert asked["ResourceId"] == "endpoint/prices/variant/AllTraffic"
    assert (asked["MinCapacity"], asked["MaxCapacity"]) == (2, 6)
    config = policy("prices", "p", scale)["TargetTrackingScalingPolicyConfiguration"]
    assert (config["ScaleOutCooldown"], config["ScaleInCooldown"]) == (60, 90)
    assert scaled_endpoint("endpoint/prices/variant/AllTraffic") == "prices"
    assert scaled_endpoint("endpoint/prices/variant/blue") == ""


def test_costs_are_of_the_fewest_and_of_all_instances():
    spec, known = document(SCALE), prices.read("us-east-1")
    two = usage.served(spec, most=False)["ml.m5.large hour"]
    assert usage.served(spec)["ml.m5.large hour"] == 3 * two
    told = estimate(spec, known, models=[1], loops=1)["each"]
    whats = [each["what"] for each in told]
    assert "a model that serves, a month, at 2 of its instances" in whats
    assert "a model that serves, a month, at all 6" in whats
