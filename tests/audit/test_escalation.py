"""The claims about the template hold, and each notices what it is there for."""

import copy
import json

import pytest

from proofs.audit.escalation import claims
from proofs.stack import Stack, stack


def policy(resources, role):
    """Return the statements of a role's own policy."""
    return resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]


def allow(action, resource="*", **condition):
    found = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**found, "Condition": condition} if condition else found


def grant(role, *statement, **condition):
    return lambda resources: policy(resources, role).append(allow(*statement, **condition))


def change(path, value):
    """Return what sets a member deep in the resources."""

    def plant(resources):
        *parents, last = path
        target = resources
        for parent in parents:
            target = target[parent]
        target[last] = value

    return plant


def drop_conditions(role, action):
    def plant(resources):
        for statement in policy(resources, role):
            if action in (statement["Action"], *statement["Action"]):
                statement.pop("Condition")

    return plant


def trust(role, statement):
    path = (role, "Properties", "AssumeRolePolicyDocument", "Statement", 0)
    return change(path, {"Effect": "Allow", "Action": "sts:AssumeRole", **statement})


def tokens(provider, aud="sts.amazonaws.com", sub="repo:team/models:ref:refs/heads/main"):
    """Let the push role be assumed with tokens of a provider, by claims that are not None."""
    host = provider.partition(":oidc-provider/")[2]
    claims = {f"{host}:{name}": v for name, v in {"aud": aud, "sub": sub}.items() if v}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": claims},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return change(("PushRole", "Properties", "AssumeRolePolicyDocument"), document)


GITHUB = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
PUSHES = ("PushRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
SAGEMAKER_ROLE = {"Fn::GetAtt": ["SageMakerRole", "Arn"]}
TRAIN_ROLE = {"Fn::GetAtt": ["TrainRole", "Arn"]}
RULE = {"Fn::GetAtt": ["DataArrived", "Arn"]}
JUDGE = {"Fn::GetAtt": ["JudgeCandidate", "Arn"]}
PACKAGES = "arn:aws:sagemaker:us-east-1:123456789012:model-package/*/*"
APPROVED = {"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}}
QUEUE = ("ArrivalsQueuePolicy", "Properties", "PolicyDocument", "Statement", 0)
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def permit(resources):
    resources["Judges"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "JudgeCandidate"},
            "Principal": "events.amazonaws.com",
            "SourceArn": RULE,
        },
    }


def publish(resources):
    resources["Url"] = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (
            change(("ResumeExecutionRole", "Properties", "ManagedPolicyArns"), [ADMIN]),
            "AdministratorAccess",
        ),
        (
            grant("ResumeExecutionRole", "iam:PassRole", "*", **TO_SAGEMAKER),
            "no role of the template: *",
        ),
        (
            grant("ResumeExecutionRole", "iam:PassRole", SAGEMAKER_ROLE),
            "more than one named service",
        ),
        (
            grant("ResumeExecutionRole", "iam:PassRole", TRAIN_ROLE, **TO_SAGEMAKER),
            "not all that it trusts",
        ),
        (grant("ResumeExecutionRole", "iam:PutRolePolicy"), "is allowed iam:PutRolePolicy"),
        (grant("ResumeExecutionRole", "sts:AssumeRole"), "is allowed sts:AssumeRole"),
        (
            grant("ResumeExecutionRole", "lambda:UpdateFunctionCode"),
            "is allowed lambda:UpdateFunctionCode",
        ),
        (
            grant("ResumeExecutionRole", "states:UpdateStateMachine"),
            "is allowed states:UpdateStateMachine",
        ),
        (grant("ResumeExecutionRole", "events:PutTargets", RULE), "is allowed events:PutTargets"),
        (grant("ResumeExecutionRole", "s3:PutBucketPolicy"), "is allowed s3:PutBucketPolicy"),
        (
            grant("ResumeExecutionRole", "logs:PutResourcePolicy"),
            "is allowed logs:PutResourcePolicy",
        ),
        (grant("ResumeExecutionRole", "s3:*"), "is allowed s3:*"),
        (drop_conditions("SageMakerRole", "sagemaker:CreateModelPackage"), "approval Approved"),
        (grant("SageMakerRole", "states:StartExecution"), "can be passed, and is allowed states"),
        (grant("SchedulerRole", "lambda:InvokeFunction", JUDGE), "passed, and invokes JudgeC"),
        (
            grant("ResumeExecutionRole", "sagemaker:UpdateModelPackage", PACKAGES, **APPROVED),
            "approval App",
        ),
        (drop_conditions("JudgeCandidateRole", "sagemaker:UpdateModelPackage"), "approval Pend"),
        (grant("DeployRole", "lambda:InvokeFunction", JUDGE), "not by EvaluateRole alone"),
        (permit, "lets events.amazonaws.com invoke JudgeCandidate"),
        (trust("TrainRole", {"Principal": "*"}), "TrainRole trusts *"),
        (
            trust("ResumeExecutionRole", {"Principal": {"Service": "lambda.amazonaws.com"}}),
            "SourceAccount",
        ),
        (
            trust(
                "TrainRole",
                {
                    "Principal": {"Service": "states.amazonaws.com"},
                    "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                },
            ),
            "whatever the resource (SourceArn)",
        ),
        (tokens(GITHUB, sub="repo:team/*"), f"trusts {GITHUB} whatever its tokens' sub"),
        (tokens(GITHUB, aud=None), f"trusts {GITHUB} whatever its tokens' aud"),
        (
            tokens(GITHUB.replace("123456789012", "210987654321")),
            "which is no OIDC provider of this account",
        ),
        (
            change((*PUSHES, 1, "Resource"), "arn:aws:s3:::everloop-data-123456789012-us-east-1/*"),
            "PushRole is allowed s3:PutObject on arn:aws:s3:::everloop-data-",
        ),
        (
            change((*PUSHES, 2, "Action"), "dynamodb:PutItem"),
            "PushRole is allowed dynamodb:PutItem",
        ),
        (
            change(("DataBucketPolicy", "Properties", "PolicyDocument", "Statement", 0), OPEN),
            "DataBucketPolicy lets * in",
        ),
        (change((*QUEUE, "Condition"), {}), "in, whatever the account"),
        (publish, "Url is an AWS::Lambda::Url"),
    ],
)
def test_a_planted_flaw_is_found(plant, found):
    resources = copy.deepcopy(stack().resources)
    plant(resources)
    flawed = Stack({**stack().plain, "Resources": resources})
    breaches = [breach for claim in claims(flawed) for breach in claim.breaches]
    assert any(found in breach for breach in breaches), breaches


@pytest.mark.parametrize("claim", claims(stack()), ids=lambda claim: claim.text)
def test_a_claim_holds_of_the_template(claim):
    assert claim.breaches == ()
