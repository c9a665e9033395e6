"""Names of stacks: what no bucket could be called is refused before anything is made."""

import json
import re
from pathlib import Path

import pytest
from botocore.session import Session

from everloop import stack_names
from everloop_localcloud.cloudformation.template import read

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
REGIONS = [
    region
    for partition in Session().get_available_partitions()
    for region in Session().get_available_regions("s3", partition, allow_non_regional=False)
]
ACCOUNT = "123456789012"
# Of what takes the stack's name: the most characters that AWS lets it have.
MOST = {
    "BucketName": 63, "RoleName": 64, "FunctionName": 64, "RuleName": 64, "TableName": 255,
    "QueueName": 80, "TopicName": 256, "StateMachineName": 80, "LayerName": 140,
}  # fmt: skip


def named(value, found):
    """Collect what resources are called: pairs of a property and the text of its Fn::Sub."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in MOST and isinstance(inner, dict) and isinstance(inner.get("Fn::Sub"), str):
                found.append((key, inner["Fn::Sub"]))
            named(inner, found)
    elif isinstance(value, list):
        for inner in value:
            named(inner, found)
    return found


@pytest.fixture(scope="module")
def names():
    found = named(read(TEMPLATE.read_text()), [])
    return [each for each in found if "${AWS::StackName}" in each[1]]


@pytest.mark.parametrize("region", REGIONS)
def test_the_longest_name_fits_every_name_of_the_template_and_one_more_does_not(names, region):
    assert len(names) > 30

    def fit(stack):
        given = {"StackName": stack, "AccountId": ACCOUNT, "Region": region}
        made = [
            (key, re.sub(r"\$\{AWS::(\w+)\}", lambda m: given[m[1]], text)) for key, text in names
        ]
        return all(len(text) <= MOST[key] for key, text in made)

    longest = "x" * stack_names.longest(region)
    assert fit(longest) and stack_names.problem(longest, region) is None
    assert not fit(longest + "x")
    assert f"{len(longest)} are the most in {region}" in stack_names.problem(longest + "x", region)


def test_what_fits_every_region_is_what_fits_the_one_with_the_longest_name():
    assert stack_names.longest() == min(map(stack_names.longest, REGIONS))
    assert "to fit every region" in stack_names.problem("x" * 25)


@pytest.mark.parametrize("name", ["everloop", "a", "everloop-prod-2", "a-"])
def test_what_a_bucket_may_be_called_a_stack_may(name):
    assert stack_names.problem(name) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Everloop", "small letter"),
        ("everLoop", "small letter"),
        ("1st", "small letter"),
        ("-a", "small letter"),
        ("ever_loop", "small letter"),
        ("ever.loop", "small letter"),
        ("", "small letter"),
        ("everloop\n", "small letter"),
        ("default", "event bus"),
        ("sthree-x", "S3 keeps"),
        ("xn--x", "S3 keeps"),
        ("amzn-s3-demo-x", "S3 keeps"),
    ],
)
def test_what_no_bucket_may_be_called_is_refused_in_words(name, said):
    assert said in stack_names.problem(name) and json.dumps(name)[1:-1] in stack_names.problem(name)
