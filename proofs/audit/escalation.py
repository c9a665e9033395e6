"""No way from one role to more than it was given: claims about the template, and what breaks them.

Nothing is run for this: policies, trust policies and resource policies are laid side by side.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.access.demands import Demand
from everloop_localcloud.kernel.access.evaluation import Statement, evaluate, listed
from proofs.stack import Stack
from proofs.template import ACCOUNT, REGION, Json

# What changes who may do what, or whose code runs as whom. `iam:PassRole` is looked at by itself.
_POWERS = re.compile(
    r"(iam:(?!PassRole$)|sts:|organizations:|cloudformation:(?!DescribeStacks$)|lambda:(?!InvokeFunction$)"
    r"|states:(Create|Update|Publish|Delete)|events:(Put(?!Events$)|Delete|Remove|Create|Update)"
    r"|\w[\w-]*:(Add|Remove|Put|Set|Delete|Attach|Detach)\w*(Polic|Permission|Acl\b|Attributes)"
    r"|kms:(?!Decrypt$|GenerateDataKey$|DescribeKey$|Encrypt$|GenerateMac$)|ec2:|glue:|codebuild:"
    r"|sagemaker:Create(Presigned|Notebook|Domain|UserProfile|Space|App\b|Studio|Code))",
    re.IGNORECASE,
)
_MANAGED_RULES = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsFor"
_SCALER = "sagemaker.application-autoscaling.amazonaws.com"
_MACHINES = "states.amazonaws.com"
_JUDGE = "JudgeCandidate"
_EVALUATE = "EvaluateRole"
# What a push reads, and what a stack's own key asks for it.
_PUSH_READS = (
    *("cloudformation:DescribeStacks", "dynamodb:GetItem"),
    *("kms:Decrypt", "kms:GenerateDataKey"),
)
_STATUSES = ("Approved", "Rejected", "PendingManualApproval", None)


@dataclass(frozen=True)
class Claim:
    """What holds of the template; `breaches` are where it does not."""

    text: str
    breaches: tuple[str, ...]


def claims(stack: Stack) -> list[Claim]:
    """Judge every claim."""
    return [Claim(text, tuple(find(stack))) for text, find in _CLAIMS.items()]


def _passed_by_name(stack: Stack) -> Iterator[str]:
    for role, statement in _allowing(stack):
        if not _grants(statement, "iam:PassRole"):
            continue
        services = (statement.get("Condition") or {}).get("StringEquals", {})
        service = services.get("iam:PassedToService")
        if len(listed(statement["Action"])) > 1 or not isinstance(service, str):
            yield f"{role} passes a role to more than one named service: {statement}"
            continue
        for arn in listed(statement["Resource"]):
            passed = stack.role_named(arn.partition(":role/")[2])
            if passed is None:
                yield f"{role} passes what is no role of the template: {arn}"
            elif _trusted(stack, passed) != {service}:
                yield f"{role} passes {passed} to {service}, which is not all that it trusts"


def _no_powers(stack: Stack) -> Iterator[str]:
    for role, statement in _allowing(stack):
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{role} is allowed all but something: {statement}"
            continue
        for action in listed(statement["Action"]):
            if "*" in action:
                yield f"{role} is allowed {action}"
            elif _POWERS.match(action) and not _bound(stack, role, action, statement):
                yield f"{role} is allowed {action} on {statement['Resource']}"


def _bound(stack: Stack, role: str, action: str, statement: Json) -> bool:
    """Tell whether a power is one that AWS asks for, and bound to what it is asked for."""
    if action in ("events:PutRule", "events:PutTargets"):
        return all(arn.startswith(_MANAGED_RULES) for arn in listed(statement["Resource"]))
    if action == "logs:PutResourcePolicy" or action == "logs:DeleteLogDelivery":
        return _trusted(stack, role) == {_MACHINES}  # Step Functions delivers logs by it
    if action == "s3:PutObjectAcl":  # Feature Store asks for it; an ACL opens nothing there
        return all(_keeps_acls_out(stack, arn) for arn in listed(statement["Resource"]))
    equal = (statement.get("Condition") or {}).get("StringEquals", {})
    if action == "application-autoscaling:PutScalingPolicy":  # of an endpoint's instances
        return bool(equal.get("application-autoscaling:service-namespace") == "sagemaker")
    if action == "iam:CreateServiceLinkedRole":  # AWS's own, which nobody else can take or change
        named = all("*" not in arn and _SCALER in arn for arn in listed(statement["Resource"]))
        return named and equal.get("iam:AWSServiceName") == _SCALER
    conditions = (statement.get("Condition") or {}).get("Bool", {})
    return action == "kms:CreateGrant" and conditions.get("kms:GrantIsForAWSResource") == "true"


def _keeps_acls_out(stack: Stack, arn: str) -> bool:
    """Tell whether objects are of a bucket of the template that takes and heeds no open ACL."""
    for properties in stack.of("AWS::S3::Bucket").values():
        name = stack.resolved(properties.get("BucketName"))
        if arn.startswith(f"arn:aws:s3:::{name}/"):
            closed = properties.get("PublicAccessBlockConfiguration") or {}
            return closed.get("BlockPublicAcls") is True and closed.get("IgnorePublicAcls") is True
    return False


def _passing_gives_no_more(stack: Stack) -> Iterator[str]:
    """What is passed may neither pass another role on, nor decide: approve, record, start, tell."""
    for role in sorted(_passable(stack)):
        for _, statement in _allowing(stack, role):
            for action in listed(statement["Action"]):
                if re.match(r"(states|dynamodb|sns|events|scheduler):", action):
                    yield f"{role} can be passed, and is allowed {action}"
            others = [
                a for a in listed(statement["Resource"]) if stack.role_named(_name(a)) != role
            ]
            if _grants(statement, "iam:PassRole") and others:
                yield f"{role} can be passed, and passes {', '.join(others)}"
        for function in _invokes(stack, role):
            if function == _JUDGE:
                yield f"{role} can be passed, and invokes {_JUDGE}"


def _services_of_this_account(stack: Stack) -> Iterator[str]:
    for role in stack.of("AWS::IAM::Role"):
        for statement in stack.trust(role):
            principal = statement["Principal"]
            if isinstance(principal, dict) and set(principal) == {"Federated"}:
                continue  # judged by itself, below
            if not isinstance(principal, dict) or set(principal) != {"Service"}:
                yield f"{role} trusts {principal}"
                continue
            conditions = _conditions(statement)
            if conditions.get("aws:SourceAccount") != ACCOUNT:
                yield f"{role} trusts {principal['Service']} whatever the account (SourceAccount)"
            source = conditions.get("aws:SourceArn", "")
            # Lambda's own samples bind the account; a function can only be given roles of it.
            if principal["Service"] != "lambda.amazonaws.com" and f":{ACCOUNT}:" not in source:
                yield f"{role} trusts {principal['Service']} whatever the resource (SourceArn)"


def _tokens_by_their_subject(stack: Stack) -> Iterator[str]:
    """A provider of tokens signs for all its customers: only the subject tells them apart."""
    for role, statement in _federated(stack):
        provider = str(statement["Principal"]["Federated"])
        _, found, host = provider.partition(f":iam::{ACCOUNT}:oidc-provider/")
        equal = (statement.get("Condition") or {}).get("StringEquals", {})
        if not found or statement["Action"] != "sts:AssumeRoleWithWebIdentity":
            yield f"{role} trusts {provider}, which is no OIDC provider of this account"
        for claim in ("aud", "sub"):
            wanted = equal.get(f"{host}:{claim}")
            if not isinstance(wanted, str) or re.search(r"[*?]|^$", wanted):
                yield f"{role} trusts {provider} whatever its tokens' {claim}"


def _tokens_only_push(stack: Stack) -> Iterator[str]:
    bundles = f"{stack.resolved({'Fn::GetAtt': ['DataBucket', 'Arn']})}/models/"
    for role in {role for role, _ in _federated(stack)}:
        for _, statement in _allowing(stack, role):
            for action in listed(statement["Action"]):
                pushes = action == "s3:PutObject" and all(
                    arn.startswith(bundles) for arn in listed(statement["Resource"])
                )
                if not pushes and action not in _PUSH_READS:
                    yield f"{role} is allowed {action} on {statement['Resource']}"


def _one_path_approves(stack: Stack) -> Iterator[str]:
    """Ask each role's policies for every way to set an approval."""
    package = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/any/1"
    judge, writes_cards = stack.role_of("judge_candidate"), stack.role_of("plan_comparison")
    for role in stack.roles.values():
        statements = stack.statements(role)
        for action in ("sagemaker:UpdateModelPackage", "sagemaker:CreateModelPackage"):
            for status in _STATUSES:
                if not _allowed(statements, action, package, status):
                    continue
                updates = action == "sagemaker:UpdateModelPackage"
                pending = not updates and status == "PendingManualApproval"
                if pending or (updates and role == judge and status in ("Approved", "Rejected")):
                    continue
                if updates and role == writes_cards and not status:
                    continue  # a card, and the approval stays as it is
                yield f"{role} is allowed {action} with approval {status or 'left out'}"
    callers = [role for role in stack.roles.values() if _JUDGE in _invokes(stack, role)]
    if callers != [_EVALUATE]:
        yield f"{_JUDGE} is invoked by {', '.join(callers) or 'nobody'}, not by {_EVALUATE} alone"
    for name, permission in stack.of("AWS::Lambda::Permission").items():
        if _function(stack, permission) == _JUDGE:
            yield f"{name} lets {permission['Principal']} invoke {_JUDGE}"


def _closed_to_strangers(stack: Stack) -> Iterator[str]:
    for kind, key in _RESOURCE_POLICIES.items():
        for name, properties in stack.of(kind).items():
            for statement in listed(stack.resolved(properties[key])["Statement"]):
                yield from _stranger(name, statement)
    for name, permission in stack.of("AWS::Lambda::Permission").items():
        found = stack.resolved(permission)
        if not str(found["Principal"]).endswith(".amazonaws.com"):
            yield f"{name} lets {found['Principal']} in"
        elif f":{ACCOUNT}:" not in str(found.get("SourceArn")):
            yield f"{name} lets {found['Principal']} in, whatever the resource (SourceArn)"
    for kind in _OPEN_KINDS:
        for name in stack.of(kind):
            yield f"{name} is an {kind}: who may use it is not looked at here"


def _stranger(name: str, statement: Json) -> Iterator[str]:
    if statement["Effect"] == "Deny":
        return
    principal = statement["Principal"]
    if not isinstance(principal, dict) or set(principal) != {"Service"}:
        yield f"{name} lets {principal} in"
        return
    conditions = _conditions(statement)
    sources = listed(conditions.get("aws:SourceArn", ""))
    if conditions.get("aws:SourceAccount") != ACCOUNT and not all(
        f":{ACCOUNT}:" in source for source in sources
    ):
        yield f"{name} lets {principal['Service']} in, whatever the account"


def _own_policies(stack: Stack) -> Iterator[str]:
    for role in stack.roles.values():
        for arn in stack.foreign(role):
            yield f"{role} has a policy that is not the template's own: {arn}"


_CLAIMS: dict[str, Callable[[Stack], Iterator[str]]] = {
    "every policy of a role is written in the template": _own_policies,
    "a role is passed by its name, to the one service that it trusts": _passed_by_name,
    "no role changes policies, roles, code or machines": _no_powers,
    "a role that can be passed decides nothing, and passes nothing on": _passing_gives_no_more,
    "services assume roles for this account's resources only": _services_of_this_account,
    "a token assumes a role by its audience and its whole subject": _tokens_by_their_subject,
    "who comes by a token pushes models, and changes nothing else": _tokens_only_push,
    "only people and the evaluate path set an approval": _one_path_approves,
    "no bucket, queue, topic, bus or function is open to strangers": _closed_to_strangers,
}
_RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
}
_OPEN_KINDS = (
    *("AWS::Events::EventBusPolicy", "AWS::Lambda::Url", "AWS::Lambda::LayerVersionPermission"),
    *("AWS::SQS::QueueInlinePolicy", "AWS::SNS::TopicInlinePolicy", "AWS::S3::AccessPoint"),
)


def _allowing(stack: Stack, *only: str) -> Iterator[tuple[str, Json]]:
    """Yield each statement that allows something, with its role."""
    for role in only or stack.roles.values():
        for statement in stack.statements(role, with_key=True):
            if statement.content["Effect"] == "Allow":
                yield role, statement.content


def _grants(statement: Json, action: str) -> bool:
    return action in listed(statement.get("Action") or [])


def _allowed(
    statements: tuple[Statement, ...], action: str, resource: str, status: str | None
) -> bool:
    context = {"sagemaker:modelapprovalstatus": [status]} if status else {}
    return evaluate(statements, Demand(action, resource, context), {}).allowed


def _trusted(stack: Stack, role: str) -> set[str]:
    """Return the services that may assume a role."""
    principals = [statement["Principal"] for statement in stack.trust(role)]
    return {
        service
        for principal in principals
        for service in listed(principal.get("Service", "*") if isinstance(principal, dict) else "*")
    }


def _federated(stack: Stack) -> Iterator[tuple[str, Json]]:
    """Yield each statement by which a token assumes a role, with the role."""
    for role in stack.roles.values():
        for statement in stack.trust(role):
            if isinstance(statement["Principal"], dict) and "Federated" in statement["Principal"]:
                yield role, statement


def _passable(stack: Stack) -> set[str]:
    return {
        passed
        for _, statement in _allowing(stack)
        if _grants(statement, "iam:PassRole")
        for arn in listed(statement["Resource"])
        if (passed := stack.role_named(_name(arn)))
    }


def _invokes(stack: Stack, role: str) -> set[str]:
    """Return the functions that a role may invoke."""
    statements = tuple(s for s in stack.statements(role))
    found = set()
    for logical in stack.of("AWS::Lambda::Function"):
        arn = stack.resolved({"Fn::GetAtt": [logical, "Arn"]})
        if evaluate(statements, Demand("lambda:InvokeFunction", arn), {}).allowed:
            found.add(logical)
    return found


def _function(stack: Stack, permission: Json) -> str | None:
    named = stack.resolved(permission["FunctionName"])
    for logical, properties in stack.of("AWS::Lambda::Function").items():
        if str(named).rpartition(":")[2] == stack.resolved(properties["FunctionName"]):
            return logical
    return None


def _conditions(statement: Json) -> dict[str, Any]:
    """Return what a statement's conditions want, by key, where an operator wants it to be so."""
    return {
        key: wanted
        for operator, keys in (statement.get("Condition") or {}).items()
        if operator in ("StringEquals", "ArnEquals", "ArnLike", "StringLike")
        for key, wanted in keys.items()
    }


def _name(arn: str) -> str:
    return arn.partition(":role/")[2]
