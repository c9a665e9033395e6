"""China and GovCloud: nothing that ships says `aws` where the partition belongs."""

import re
from pathlib import Path

import pytest

from everloop_cli import stack_files
from proofs.template import Template, translated

ROOT = Path(__file__).parents[1]
SHIPPED = ("functions", "layers/core/everloop", "jobs", "statemachines", "template.yaml")
ACCOUNT = "123456789012"
# What shows an ARN to people, or stands for one that is never used.
SPOKEN = {"layers/core/everloop/spec/values.py", "template.yaml"}
PARTITIONS = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def shipped():
    for name in SHIPPED:
        root = ROOT / name
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.suffix in (".py", ".yaml"):
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_no_arn_and_no_address_is_of_one_partition_only():
    found = [
        (name, line.strip())
        for name, text in shipped()
        for line in text.splitlines()
        if re.search(r"arn:aws:", line) and name not in SPOKEN
    ]
    assert found == []
    assert {"template.yaml", "statemachines", "functions"} <= set(stack_files.PARTS)


@pytest.mark.parametrize(("partition", "region"), PARTITIONS.items())
def test_every_arn_of_the_stack_is_of_its_own_partition(partition, region):
    given = {"AWS::Partition": partition, "AWS::Region": region, "AWS::StackName": "everloop"}
    given["KmsKeyArn"] = f"arn:{partition}:kms:{region}:{ACCOUNT}:key/0"
    given["FeatureGroups"] = f"arn:{partition}:sagemaker:{region}:{ACCOUNT}:feature-group/team"
    given["FeatureStores"] = f"arn:{partition}:s3:::lake"
    given["NotificationTopics"] = f"arn:{partition}:sns:{region}:{ACCOUNT}:team"
    given["PushProviderArn"] = f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/gitlab.com"
    found = Template(translated(), yes=True, given=given)
    for name, resource in found.resources.items():
        there = set(re.findall(r"arn:(aws[a-z-]*):", str(resource)))
        assert there <= {partition}, name
