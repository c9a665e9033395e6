"""Grants beside demands: what is missing, what is unused, and why a resource is a wildcard."""

import json

import pytest

from everloop_localcloud.kernel.access.demands import Demand
from proofs.audit.grants import compare, evidence
from proofs.audit.permissions import main
from proofs.audit.reasons import reasons
from proofs.stack import Stack, stack
from proofs.template import TEMPLATE

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
TEXT = """
Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: read
          PolicyDocument:
            Statement:
              # What is above a statement is about all of it.
              - Effect: Allow
                Action: s3:GetObject
                Resource: arn:aws:s3:::a/*
              - Effect: Allow # of this one
                Action: s3:GetObject
                Resource:
                  - arn:aws:s3:::b/*
                  - arn:aws:s3:::c/* # its own
                  # two lines
                  # above it
                  - arn:aws:s3:::d/*
              - Effect: Allow

                Action: s3:GetObject
                Resource: arn:aws:s3:::e/*
"""


@pytest.fixture
def small():
    """A stack of one role with three grants."""
    statement = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
        "Resource": TABLE,
    }
    passes = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "arn:aws:iam::123456789012:role/x",
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    }
    trust = {"Statement": [{"Principal": {"Service": "lambda.amazonaws.com"}}]}
    document = {"PolicyName": "own", "PolicyDocument": {"Statement": [statement, passes]}}
    role = {"AssumeRolePolicyDocument": trust, "Policies": [document]}
    return Stack({"Resources": {"Reader": {"Type": "AWS::IAM::Role", "Properties": role}}})


def judged(small, *demands):
    found = compare(small, "Reader", demands, {})
    missing = [demand.action for demand in found.missing if not demand.action.startswith("kms:")]
    return missing, [grant.action for grant in found.unused]


def test_each_grant_is_used_by_the_demands_that_it_covers(small):
    assert judged(small, Demand("dynamodb:GetItem", TABLE)) == (
        [],
        ["dynamodb:PutItem", "iam:PassRole"],
    )


def test_a_demand_that_no_grant_covers_is_missing(small):
    other = Demand("dynamodb:GetItem", TABLE + "2")
    wrong = {"iam:passedtoservice": ["lambda.amazonaws.com"]}
    passed = Demand("iam:PassRole", "arn:aws:iam::123456789012:role/x", wrong)
    assert judged(small, other, passed)[0] == ["dynamodb:GetItem", "iam:PassRole"]


def test_a_demand_on_nobody_knows_what_uses_nothing(small):
    missing, unused = judged(small, Demand("dynamodb:GetItem", None))
    assert missing == []
    assert "dynamodb:GetItem" in unused


def test_a_key_of_ones_own_is_needed_for_what_is_encrypted_with_it(small):
    found = compare(small, "Reader", [Demand("dynamodb:GetItem", TABLE)], {})
    assert [demand.action for demand in found.missing] == ["kms:Decrypt"]


def test_a_reason_stands_beside_its_wildcard(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(TEXT)
    found = reasons(path)
    assert found == {
        ("Reader", "read", 0, 0): "What is above a statement is about all of it.",
        ("Reader", "read", 1, 0): "of this one",
        ("Reader", "read", 1, 1): "its own",
        ("Reader", "read", 1, 2): "two lines above it",
    }


def test_every_wildcard_of_the_template_has_its_reason():
    why = reasons(TEMPLATE)
    for role in stack().roles.values():
        finding = compare(stack(), role, [], why)
        assert [grant.resource for grant in finding.unexplained] == [], role


def test_records_of_any_writer_are_read_and_other_peoples_roles_are_left_out(tmp_path):
    told = {"action": "s3:GetObject", "resource": "arn:aws:s3:::a", "context": {}, "allowed": True}
    names = [
        "ResumeExecutionRole",
        "everloop-ResumeExecutionRole-A1B2C3",
        "everloop-us-east-1-sagemaker",
        "somebody",
    ]
    lines = [json.dumps({"role": name, **told}) for name in names]
    (tmp_path / "sim-7-12.jsonl").write_text("\n".join(lines) + "\n")
    found = evidence(stack(), [tmp_path])
    assert sorted(found.demands) == ["ResumeExecutionRole", "SageMakerRole"]
    assert found.runs == {"sim-7": 3}
    assert len(found.of("ResumeExecutionRole")) == 1


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "sim-1.jsonl").write_text('{"role": "ResumeExecutionRole"}\n')
    with pytest.raises(ValueError, match=r"sim-1\.jsonl, line 1 is no demand"):
        evidence(stack(), [tmp_path])


def test_the_report_fails_where_a_grant_is_unused_and_says_which(tmp_path, capsys):
    assert main(["--only", "--evidence", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "unused       ResumeExecutionRole: states:SendTaskSuccess on arn:aws:states:" in printed
    assert "holds  only people and the evaluate path set an approval" in printed
