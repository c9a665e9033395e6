"""Our own rules about policies, resources and machines, on the smallest stacks that show them."""

from typing import Any

import pytest

from proofs.audit.documents import documents
from proofs.audit.rules import Rule, machines, policies, stack
from proofs.template import NotKnown, Template

Json = dict[str, Any]
HERE = {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def template(**resources: Json) -> Json:
    return {"Parameters": {"KmsKeyArn": {"Type": "String", "Default": ""}}, "Resources": resources}


def role(*statements: Json, trust: Json | None = None) -> Json:
    taken = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, **(trust or {})}
    policy = {"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Statement": [{"Action": "sts:AssumeRole", **taken}]},
            "Policies": [policy] if statements else [],
        },
    }


def places(rule: Rule, found: Json) -> list[str]:
    answered = Template(found, yes=True)
    given = tuple(documents(answered)) if rule in policies.OF_POLICIES else answered
    return [where for where, _ in rule(given)]


def allow(action: str, resource: Any = "arn:aws:s3:::a/*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("rule", "given", "where"),
    [
        (policies.pass_role_unpinned, role(allow("iam:PassRole", "*")), ["It/p", "It/p"]),
        (
            policies.pass_role_unpinned,
            role(allow("iam:PassRole", "arn:aws:iam::1:role/a")),
            ["It/p"],
        ),
        (
            policies.pass_role_unpinned,
            role(
                allow(
                    "iam:PassRole",
                    "arn:aws:iam::1:role/a",
                    Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                )
            ),
            [],
        ),
        (policies.trust_without_source, role(), ["It states.amazonaws.com"]),
        (policies.trust_without_source, role(trust={"Condition": HERE}), []),
        (policies.public_principal, role(trust={"Principal": "*"}), ["It"]),
        (policies.public_principal, role(trust={"Principal": {"AWS": ["*"]}}), ["It"]),
        (policies.public_principal, role(trust={"Principal": "*", "Condition": HERE}), []),
        (policies.action_wildcard, role(allow("s3:*")), ["It/p"]),
        (policies.action_wildcard, role({"Effect": "Allow", "NotAction": "iam:*"}), ["It/p"]),
        (policies.action_wildcard, role({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}), []),
    ],
)
def test_a_policy_is_judged_by_what_it_lets_happen(
    rule: Rule, given: Json, where: list[str]
) -> None:
    assert places(rule, template(It=given)) == where


def closed(principal: Any = "*", effect: str = "Deny", tls: Any = "false") -> Json:
    statement = {
        "Effect": effect,
        "Principal": principal,
        "Action": "s3:*",
        "Condition": {"Bool": {"aws:SecureTransport": tls}},
    }
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "It"}, "PolicyDocument": {"Statement": [statement]}},
    }


@pytest.mark.parametrize(
    ("policy", "where"),
    [
        pytest.param(closed(), [], id="closed"),
        pytest.param(closed(tls=False), [], id="closed, with a bool"),
        pytest.param(closed({"AWS": "*"}), [], id="closed to every account"),
        pytest.param(closed({"AWS": "arn:aws:iam::1:root"}), ["It"], id="closed to one account"),
        pytest.param(closed(tls="true"), ["It"], id="closed to TLS"),
        pytest.param(closed(effect="Allow"), ["It"], id="open"),
    ],
)
def test_a_bucket_is_closed_to_plain_http_by_a_deny_for_everybody(
    policy: Json, where: list[str]
) -> None:
    assert places(policies.plain_http, template(It={"Type": "AWS::S3::Bucket"}, P=policy)) == where


def test_both_answers_to_a_condition_are_looked_at() -> None:
    queue = {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "KmsMasterKeyId": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
        },
    }
    found = template(It=queue)
    assert list(stack.queue_unencrypted(Template(found, yes=True))) == []
    assert [where for where, _ in stack.queue_unencrypted(Template(found, yes=False))] == ["It"]


def test_a_resource_under_a_condition_is_gone_where_the_answer_is_no() -> None:
    found = template(It={"Type": "AWS::S3::Bucket", "Condition": "HasEmail"})
    assert list(Template(found, yes=True).resources) == ["It"]
    assert list(Template(found, yes=False).resources) == []


def test_references_become_what_a_stack_would_have() -> None:
    found = template(
        Table={"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t"}},
        It={
            "Type": "Any",
            "Properties": {
                "Arn": {"Fn::GetAtt": ["Table", "Arn"]},
                "Name": {"Ref": "Table"},
                "Text": {"Fn::Sub": "${AWS::StackName}/${Table.Arn}/${!kept}"},
            },
        },
    )
    assert Template(found, yes=True).resources["It"]["Properties"] == {
        "Arn": "arn:aws:dynamodb:us-east-1:123456789012:table/t",
        "Name": "t",
        "Text": "everloop/arn:aws:dynamodb:us-east-1:123456789012:table/t/${kept}",
    }


def test_an_arn_that_nobody_can_tell_is_said_and_not_guessed() -> None:
    found = template(
        Other={"Type": "AWS::Glue::Job"},
        It={"Type": "Any", "Properties": {"Arn": {"Fn::GetAtt": ["Other", "Arn"]}}},
    )
    with pytest.raises(NotKnown, match="knows no ARN of AWS::Glue::Job; add it"):
        assert Template(found, yes=True).resources


def test_steps_inside_of_a_map_are_looked_at() -> None:
    inner = {"StartAt": "A", "States": {"A": {"Type": "Task", "Next": "Nowhere"}}}
    outer = {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}}
    assert [where for where, _ in machines.next_to_nothing({"m": outer})] == ["m/M/A"]
    assert [where for where, _ in machines.task_without_retry({"m": outer})] == ["m/M/A"]
    assert list(machines.never_reached({"m": outer})) == []
