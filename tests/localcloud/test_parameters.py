"""Every value that the template offers can be deployed, to its extremes; what cannot is refused.

One stack with the longest name in the region with the longest name is made with the least of
everything and changed to the most, on the local cloud, which holds it to AWS's limits.
"""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from everloop import stack_names
from everloop_localcloud.cloudformation.deploy import deploy
from everloop_localcloud.cloudformation.parameters import chosen
from everloop_localcloud.cloudformation.template import read
from everloop_localcloud.kernel.errors import AwsError
from proofs import template

ROOT = Path(__file__).parents[2]
PARAMETERS = read((ROOT / "template.yaml").read_text())["Parameters"]
REGION = "ap-southeast-1"
STACK = "longest-name-of-a-stack-".ljust(stack_names.longest(REGION), "x")
ACCOUNT = "123456789012"


def extremes(name, most):
    """Return the least or the most that a parameter takes, by what its declaration allows."""
    declared = PARAMETERS[name]
    if "AllowedValues" in declared:
        return str(declared["AllowedValues"][-1 if most else 0])
    if declared["Type"] == "Number":
        return str(declared["MaxValue" if most else "MinValue"])
    return TEXTS[name] if most else ""


TOPICS = ",".join(f"arn:aws:sns:{REGION}:{ACCOUNT}:{'t' * 31}{n:02}" for n in range(26))
GROUPS = ",".join(
    f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:feature-group/{'g' * 26}{n:02}" for n in range(11)
)
TEXTS = {
    "NotificationEmail": "a" * 242 + "@example.org",
    "NotificationTopics": TOPICS + "x" * (2000 - len(TOPICS)),
    "FeatureGroups": GROUPS + "x" * (1000 - len(GROUPS)),
    "FeatureStores": "arn:aws:s3:::lake,arn:aws:s3:::lake/".ljust(999, "x") + "*",
    "AccessLogBucket": "access-logs-".ljust(63, "x"),
    "PushProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.example.org/".ljust(300, "x"),
    "PushSubject": "project_path:team/models:ref_type:branch:ref:".ljust(400, "x"),
}


def test_each_parameter_has_bounds():
    for name, declared in PARAMETERS.items():
        if declared["Type"] == "Number":
            assert {"MinValue", "MaxValue"} <= set(declared) or "AllowedValues" in declared, name
        elif "AllowedValues" not in declared:
            assert {"AllowedPattern", "ConstraintDescription"} <= set(declared), name
    for name, text in TEXTS.items():
        assert len(text) == PARAMETERS[name].get("MaxLength", len(text))


def test_a_stack_with_the_least_of_everything_becomes_one_with_the_most(cloud_with, tmp_path):
    cloud, client = cloud_with(region=REGION)
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    client("s3").create_bucket(
        Bucket=TEXTS["AccessLogBucket"], CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    for most in (False, True):
        values = {name: extremes(name, most) for name in PARAMETERS if name != "KmsKeyArn"}
        deploy(
            ROOT / "template.yaml",
            STACK,
            {**values, "KmsKeyArn": key if most else ""},
            cloud.url,
            REGION,
            tmp_path / "build",
            print,
        )
    (made,) = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert made["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ArrivalsWindowSeconds", "0", "must have MinValue 1 and is 0"),
        ("ReconcileMinutes", "1", "must have MinValue 2"),
        ("ReconcileMinutes", "481", "must have MaxValue 480"),
        ("DataRetentionDays", "36501", "must have MaxValue 36500"),
        ("KmsKeyArn", "alias/mine", "must be the ARN of a key"),
        ("KmsKeyArn", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/mine", "must be the ARN of a key"),
        ("AccessLogBucket", "s3://logs", "must be the name of a bucket"),
        ("AccessLogBucket", "arn:aws:s3:::logs", "must be the name of a bucket"),
        ("NotificationEmail", "ana", "must be one mail address"),
        ("NotificationEmail", "a@example.org,b@example.org c", "must be one mail address"),
        ("NotificationTopics", "team", "must be ARNs of SNS topics"),
        ("NotificationTopics", f"{TEXTS['NotificationTopics']}, x", "must be ARNs of SNS topics"),
        ("NotificationTopics", TEXTS["NotificationTopics"] + "x", "must be ARNs of SNS topics"),
        ("FeatureGroups", "customers", "must be ARNs of feature groups"),
        ("FeatureStores", "s3://lake/features", "must be ARNs of buckets"),
        ("PushProviderArn", "https://gitlab.com", "must be the ARN of an OIDC provider"),
        ("PushSubject", "repo:team/*", "must be the whole subject"),
        ("PushSubject", 'x", "y', "must be the whole subject"),
        ("LogRetentionDays", "2", "must be one of AllowedValues"),
        ("Architecture", "arm", "must be one of AllowedValues"),
    ],
)
def test_what_could_not_be_deployed_is_refused_by_its_name(name, value, said):
    with pytest.raises(AwsError) as refused:
        chosen(PARAMETERS, [{"ParameterKey": name, "ParameterValue": value}], {})
    assert name in refused.value.message and said in refused.value.message


@pytest.mark.parametrize(
    "key", [f"arn:{p}:kms:{REGION}:{ACCOUNT}:key/mrk-0" for p in ("aws", "aws-cn", "aws-us-gov")]
)
def test_keys_of_every_partition_are_taken(key):
    given = [{"ParameterKey": "KmsKeyArn", "ParameterValue": key}]
    assert chosen(PARAMETERS, given, {})["KmsKeyArn"] == key


def test_access_logs_go_to_a_bucket_that_there_is(cloud_with):
    _, client = cloud_with("s3")
    s3 = client("s3")
    s3.create_bucket(Bucket="logged")
    with pytest.raises(ClientError, match="The target bucket for logging does not exist"):
        s3.put_bucket_logging(
            Bucket="logged",
            BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "none", "TargetPrefix": ""}},
        )


@pytest.mark.parametrize(("days", "years", "fits"), [(36500, 100, True), (36501, 101, False)])
def test_a_lock_keeps_for_a_hundred_years_at_most(cloud_with, days, years, fits):
    _, client = cloud_with("s3")
    s3 = client("s3")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    for period in ({"Days": days}, {"Years": years}):
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", **period}}
        with nullcontext() if fits else pytest.raises(ClientError, match="InvalidRetentionPeriod"):
            s3.put_object_lock_configuration(
                Bucket="locked",
                ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
            )


def test_policies_of_the_longest_names_fit_iam():
    """Inline policies of a role: 10,240 characters; a managed policy: 6,144; without blanks."""
    given = {"AWS::StackName": STACK, "AWS::Region": REGION} | TEXTS
    found = template.Template(template.translated(), yes=True, given=given)

    def size(document):
        return len("".join(json.dumps(document).split()))

    for name, role in found.of("AWS::IAM::Role"):
        documents = [policy["PolicyDocument"] for policy in role.get("Policies", ())]
        assert sum(map(size, documents)) <= 10_240, name
        assert size(role["AssumeRolePolicyDocument"]) <= 2_048, name
    for name, policy in found.of("AWS::IAM::ManagedPolicy"):
        assert size(policy["PolicyDocument"]) <= 6_144, name
