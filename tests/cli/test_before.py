"""everloop doctor --before FOLDER: what a model needs of an account is what its loop asks for."""

import json
from pathlib import Path

import pytest

from everloop.pipelines import needs
from everloop_cli import before
from everloop_cli.main import main
from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.clock import Clock
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.quotas import NEW_ACCOUNT, Quotas
from everloop_localcloud.sagemaker import instances

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models" / "flight-delays"
REGION = "us-east-1"
CREATES = {
    "Processing": "CreateProcessingJob",
    "Training": "CreateTrainingJob",
}


def loop(folder):
    """Yield the calls of a loop that ask for instances, each with what is in use by then.

    A first version serves; a second one is staged beside it, and takes its place.
    """
    pushed = before.plan(folder, REGION)
    spec, definition = pushed.spec, pushed.definition
    document = before.policy.document(spec)
    deploy = before.policy.deploy(document)
    configs = {
        "production": before.endpoint_config("m", deploy.production),
        "staging": before.endpoint_config("m", deploy.staging),
    }
    nothing = {"endpoint-config": configs, "endpoint": {}}
    nothing |= {kind: {} for kind in ("training-job", "processing-job", "transform-job")}
    for step in needs._steps(definition["Steps"]):
        if step["Type"] in CREATES:
            yield CREATES[step["Type"]], step["Arguments"], nothing
        if step["Type"] == "Tuning":  # its last job beside the others
            job = step["Arguments"]["TrainingJobDefinition"]
            limits = step["Arguments"]["HyperParameterTuningJobConfig"]["ResourceLimits"]
            runs = {**job, "TrainingJobStatus": "InProgress"}
            others = {str(n): runs for n in range(1, int(limits["MaxParallelTrainingJobs"]))}
            yield "CreateTrainingJob", job, {**nothing, "training-job": others}
    for job in (before._compare(document, REGION), before._monitor(document, REGION)):
        yield "CreateProcessingJob", {"ProcessingResources": job["resources"]}, nothing
    yield "CreateEndpoint", {"EndpointConfigName": "production"}, nothing
    (variant,) = configs["production"]["ProductionVariants"]
    fleet = {"InstanceType": variant["InstanceType"], "Count": variant["InitialInstanceCount"]}
    serves = {"EndpointStatus": "InService", "deployed": {"Variants": [fleet]}}
    beside = {**nothing, "endpoint": {"m": serves}}
    yield "CreateEndpoint", {"EndpointConfigName": "staging"}, beside
    yield "UpdateEndpoint", {"EndpointConfigName": "production"}, beside


def refused(folder, granted):
    """Return which quotas a loop meets in an account that has so many instances."""
    found = []
    for operation, request, records in loop(folder):
        quotas = Quotas(
            NEW_ACCOUNT,
            Clock(),
            lambda listing: 0,
            lambda o, r, records=records: (
                instances.asked(o, r, records),
                instances.used(records),
            ),
            {name: {"value": value} for name, value in granted.items()},
        )
        try:
            quotas._check_demand(operation, request)
        except AwsError as error:
            found.append(error.message.partition("'")[2].partition("'")[0])
    return found


@pytest.mark.parametrize("folder", ["flight-delays", "air-time"])
def test_with_what_is_needed_the_loop_gets_through_and_with_one_less_it_ends_there(folder):
    wanted = before.plan(ROOT / "models" / folder, REGION).needs()
    assert wanted
    assert refused(ROOT / "models" / folder, wanted) == []
    for name, need in wanted.items():
        short = {**wanted, name: need - 1}
        assert set(refused(ROOT / "models" / folder, short)) == {name}


def test_a_rollout_needs_both_fleets_and_staging_stands_beside_what_serves():
    def config(instance, count):
        variant = {"InstanceType": instance, "InitialInstanceCount": count}
        return {"ProductionVariants": [variant]}

    m5, t2 = "ml.m5.large for endpoint usage", "ml.t2.medium for endpoint usage"
    one, two = config("ml.m5.large", 1), config("ml.m5.large", 2)
    small = config("ml.t2.medium", 1)
    of = needs.of_endpoints
    assert of(one, one, keep_staging=False) == {m5: 2}
    assert of(one, one, keep_staging=True) == {m5: 3}
    assert of(two, one, keep_staging=False) == {m5: 4}
    assert of(one, config("ml.m5.large", 3), keep_staging=False) == {m5: 4}
    assert of(one, small, keep_staging=False) == {m5: 2, t2: 1}


def test_steps_within_conditions_and_spot_are_counted():
    def train(**more):
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2}
        return {"Type": "Training", "Arguments": {"ResourceConfig": resources, **more}}

    branch = {"IfSteps": [train(EnableManagedSpotTraining=True)], "ElseSteps": []}
    given = {"Steps": [train(), {"Type": "Condition", "Arguments": branch}, {"Type": "Fail"}]}
    assert needs.of_pipeline(given) == {
        "ml.m5.large for training job usage": 2,
        "ml.m5.large for spot training job usage": 2,
    }
    unknown = {"Type": "Training", "Arguments": {"ResourceConfig": {"InstanceType": {"Get": "x"}}}}
    assert needs.of_pipeline({"Steps": [unknown]}) == {}


@pytest.fixture
def account(tmp_path, monkeypatch):
    cloud, front = started(tmp_path / "cloud", quotas=NEW_ACCOUNT)
    for name, value in {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": "ana",
        "AWS_SECRET_ACCESS_KEY": "ana",
        "AWS_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    yield cloud
    cloud.stop()
    front.stop()


def test_an_account_is_told_what_it_lacks_and_the_command_that_asks_for_more(account, capsys):
    def examined():
        capsys.readouterr()
        code = main(["doctor", "--before", str(FOLDER), "--json"])
        return code, json.loads(capsys.readouterr().out)

    code, findings = examined()
    assert code == 1
    wrong = {each["found"]: each["fix"] for each in findings if each["state"] == "wrong"}
    said = "ml.m5.large for endpoint usage (L-614B09FD): 0 there, 2 needed"
    assert wrong[said].endswith("--quota-code L-614B09FD --desired-value 2")
    assert all("service-quotas request-service-quota-increase" in fix for fix in wrong.values())
    assert any("Lambda runs 10 functions at once" in each["found"] for each in findings)
    (cost,) = (each["found"] for each in findings if each["check"] == "costs")
    assert "a month while it serves" in cost and "us-east-1" in cost
    for name, need in before.plan(FOLDER, REGION).needs().items():
        if need > 0:
            account.quotas.grant(name, need)
    code, findings = examined()
    assert code == 0, [each for each in findings if each["state"] == "wrong"]
