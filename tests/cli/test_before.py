"""everloop doctor --before FOLDER: what a model needs of an account is what its loop asks for."""

import json
import re
import shutil
from pathlib import Path

import pytest

from everloop.aws import outside
from everloop.pipelines import needs
from everloop_cli import planned
from everloop_cli.main import main
from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.clock import Clock
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.quotas import NEW_ACCOUNT, Quotas, of_new_account
from everloop_localcloud.sagemaker import instances

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models" / "flight-delays"
REGION = "us-east-1"
CREATES = {
    "Processing": "CreateProcessingJob",
    "Training": "CreateTrainingJob",
}


def loop(pushed):
    """Yield the calls of a loop that ask for instances, each with what is in use by then.

    A first version serves; a second one is staged beside it, and takes its place.
    """
    configs = pushed.configs()
    nothing = {"endpoint-config": configs, "endpoint": {}}
    nothing |= {kind: {} for kind in ("training-job", "processing-job", "transform-job")}
    for step in needs._steps(pushed.pipeline["Steps"]):
        if step["Type"] in CREATES:
            yield CREATES[step["Type"]], step["Arguments"], nothing
        if step["Type"] == "Tuning":  # its last job beside the others
            job = step["Arguments"]["TrainingJobDefinition"]
            limits = step["Arguments"]["HyperParameterTuningJobConfig"]["ResourceLimits"]
            runs = {**job, "TrainingJobStatus": "InProgress"}
            others = {str(n): runs for n in range(1, int(limits["MaxParallelTrainingJobs"]))}
            yield "CreateTrainingJob", job, {**nothing, "training-job": others}
    for job in pushed.jobs():
        yield "CreateProcessingJob", {"ProcessingResources": job["resources"]}, nothing
    yield "CreateEndpoint", {"EndpointConfigName": "production"}, nothing
    (variant,) = configs["production"]["ProductionVariants"]
    fleet = {"InstanceType": variant["InstanceType"], "Count": variant["InitialInstanceCount"]}
    serves = {"EndpointStatus": "InService", "deployed": {"Variants": [fleet]}}
    beside = {**nothing, "endpoint": {"m": serves}}
    yield "CreateEndpoint", {"EndpointConfigName": "staging"}, beside
    yield "UpdateEndpoint", {"EndpointConfigName": "production"}, beside


def refused(pushed, granted):
    """Return which quotas a loop meets in an account that has so many instances."""
    found = []
    for operation, request, records in loop(pushed):
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
@pytest.mark.parametrize("account", ["grown", "new"])
def test_with_what_is_needed_the_loop_gets_through_and_with_one_less_it_ends_there(folder, account):
    new = {each["name"]: each["value"] for each in of_new_account()}
    pushed = planned.plan(ROOT / "models" / folder, REGION, new if account == "new" else None)
    wanted = pushed.needs()
    nothing = {each["name"]: 0 for each in of_new_account()}
    assert wanted
    assert refused(pushed, {**nothing, **wanted}) == []
    for name, need in wanted.items():
        short = {**nothing, **wanted, name: need - 1}
        assert set(refused(pushed, short)) == {name}


def test_what_is_planned_is_the_first_of_each_list_that_there_are_quotas_for():
    new = {each["name"]: each["value"] for each in of_new_account()}
    pushed = planned.plan(FOLDER, REGION, new)
    assert pushed.needs() == {
        "ml.m5.large for spot training job usage": 1,
        "ml.t2.medium for endpoint usage": 2,
        "ml.t3.large for processing job usage": 1,
        "ml.t3.medium for processing job usage": 1,
    }
    over = {key: [str(each) for each in passed] for key, passed in pushed.passed_over().items()}
    assert {key: passed for key, passed in over.items() if passed} == {
        "train.instance": ["ml.m5.large"],
        "deploy.production.instance": ["ml.m5.large"],
        "deploy.staging.instance": ["ml.m5.large"],
    }
    # Without room for any of them, it is the preferred one that somebody has to ask for.
    assert "ml.m5.large for endpoint usage" in planned.plan(FOLDER, REGION, {}).needs()


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
    outside.forget(session=True)
    yield cloud
    cloud.stop()
    front.stop()
    outside.forget(session=True)


def examined(capsys, folder=FOLDER):
    capsys.readouterr()
    code = main(["doctor", "--before", str(folder), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_new_account_could_run_a_model_that_says_nothing_of_instances(account, capsys):
    code, findings = examined(capsys)
    assert code == 0, [each for each in findings if each["state"] == "wrong"]
    found = [each["found"] for each in findings]
    assert "ml.t2.medium for endpoint usage: 2 there, 2 needed" in found
    passed = "deploy.production.instance passes over ml.m5.large for endpoint usage (0)"
    assert passed in found
    assert any("Lambda runs 10 functions at once" in each for each in found)
    (cost,) = (each["found"] for each in findings if each["check"] == "costs")
    # 720 hours of ml.t2.medium, and what comes with a model.
    assert cost.startswith("about $40.") and "us-east-1" in cost
    (may,) = (each for each in findings if each["check"] == "permissions")
    assert may["state"] == "good" and "s3:PutObject" in may["found"]


def test_with_one_less_than_is_needed_an_account_is_told_what_to_ask_for(account, capsys):
    account.quotas.grant("ml.t2.medium for endpoint usage", 1)
    code, findings = examined(capsys)
    assert code == 1
    wrong = {each["found"]: each["fix"] for each in findings if each["state"] == "wrong"}
    said = "ml.m5.large for endpoint usage (L-614B09FD): 0 there, 2 needed"
    assert wrong == {
        said: "aws service-quotas request-service-quota-increase --service-code sagemaker "
        "--quota-code L-614B09FD --desired-value 2"
    }
    account.quotas.grant("ml.m5.large for endpoint usage", 2)
    assert examined(capsys)[0] == 0


def another(folder, text):
    """Copy the model with another [deploy], and without its [monitor]; return where."""
    made = folder / "other-delays"
    shutil.copytree(FOLDER, made)
    tables = re.split(r"(?m)^(?=\[)", (made / "model.toml").read_text())
    kept = [each for each in tables if not each.startswith(("[deploy", "[monitor"))]
    (made / "model.toml").write_text("".join([*kept, "\n", text]))
    return made


def test_a_scaled_model_needs_room_for_twice_its_most(account, capsys, tmp_path):
    scale = "[deploy.scale]\nmax = 3\nrequests_per_minute = 60\n"
    code, findings = examined(capsys, another(tmp_path, scale))
    assert code == 1
    wrong = [each["found"] for each in findings if each["state"] == "wrong"]
    assert wrong == ["ml.m5.large for endpoint usage (L-614B09FD): 0 there, 6 needed"]
    (cost,) = (each["found"] for each in findings if each["check"] == "costs")
    assert re.match(r"about \$8\d\.\d\d to \$24\d\.\d\d a month while it serves", cost)


def test_a_serverless_model_needs_no_instances_to_serve(account, capsys, tmp_path):
    code, findings = examined(capsys, another(tmp_path, '[deploy]\nserve = "serverless"\n'))
    assert code == 0, [each for each in findings if each["state"] == "wrong"]
    found = [each["found"] for each in findings]
    assert not [each for each in found if "endpoint usage" in each]
    (quota,) = (each for each in findings if each["found"].startswith("a release has two"))
    assert quota["state"] == "warning" and "list-service-quotas" in quota["fix"]
    (cost,) = (each["found"] for each in findings if each["check"] == "costs")
    assert "what its requests cost depends on who asks" in cost


POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "servicequotas:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"},
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"},
    ],
}


def as_role(account, monkeypatch, policy):
    """Work as a role that has this policy, by a session of it."""
    trust = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = {"RoleName": "scientist", "AssumeRolePolicyDocument": document}
    arn = account.call("iam", "CreateRole", role)["Role"]["Arn"]
    grant = {"RoleName": "scientist", "PolicyName": "p", "PolicyDocument": json.dumps(policy)}
    account.call("iam", "PutRolePolicy", grant)
    given = account.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "ana"})
    names = {"AccessKeyId": "ACCESS_KEY_ID", "SecretAccessKey": "SECRET_ACCESS_KEY"}
    for member, name in {**names, "SessionToken": "SESSION_TOKEN"}.items():
        monkeypatch.setenv(f"AWS_{name}", given["Credentials"][member])
    outside.forget(session=True)


def test_who_asks_is_told_what_they_may_not(account, capsys, monkeypatch):
    as_role(account, monkeypatch, POLICY)
    code, findings = examined(capsys)
    assert code == 1
    refused = [each["found"] for each in findings if each["state"] == "wrong"]
    bucket = f"arn:aws:s3:::everloop-data-123456789012-{REGION}"
    assert refused == [
        f"you may not s3:PutObject on {bucket}/models/flight-delays/bundle.tar.gz",
        f"you may not s3:PutObject on {bucket}/data/flight-delays/a-drop",
    ]


def test_who_may_not_ask_iam_is_told_that_it_could_not_be_checked(account, capsys, monkeypatch):
    from everloop.aws import simulated
    from everloop.errors import BadInput

    with pytest.raises(BadInput, match="root has no policies"):
        simulated.source("arn:aws:iam::123456789012:root")
    assert simulated.source("arn:aws:sts::123456789012:assumed-role/r/me") == (
        "arn:aws:iam::123456789012:role/r"
    )
    statements = [each for each in POLICY["Statement"] if "iam" not in each["Action"]]
    as_role(account, monkeypatch, {**POLICY, "Statement": statements})
    _, findings = examined(capsys)
    (told,) = (each for each in findings if each["check"] == "permissions")
    assert told["state"] == "warning"
    assert told["found"].startswith("could not be checked: ")
