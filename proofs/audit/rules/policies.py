"""Rules about policies: who may do what, and who is let in."""

from typing import Any, Final

from proofs.audit.documents import Document, many
from proofs.audit.rules import Found, Rule
from proofs.template import Json, Template

_SOURCE: Final = {"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid"}
_OURS: Final = {*_SOURCE, "aws:principalaccount", "aws:principalorgid", "aws:principalarn"}
# Managed policies that make an administrator, or somebody who can become one.
_ADMINISTRATOR: Final = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")


def open_bus(policies: tuple[Document, ...]) -> Found:
    """Anybody may put events on a bus: events on it then prove nothing."""
    for document, statement in _allowing(policies):
        if "events:PutEvents" in many(statement.get("Action")) and _anybody(statement):
            yield document.place, "lets anybody put events"


def public_principal(policies: tuple[Document, ...]) -> Found:
    """Anybody in the world is let in."""
    for document, statement in _allowing(policies):
        if _anybody(statement):
            yield document.place, f"lets anybody do {', '.join(many(statement.get('Action')))}"


def action_wildcard(policies: tuple[Document, ...]) -> Found:
    """Actions that nobody counted, and those AWS will add."""
    for document, statement in _allowing(policies):
        for action in many(statement.get("Action")):
            if "*" in action:
                yield document.place, f"allows {action}"
        if "NotAction" in statement:
            yield document.place, "allows whatever NotAction does not name"


def pass_role_unpinned(policies: tuple[Document, ...]) -> Found:
    """A role may be passed that nobody named, or to a service that nobody named."""
    for document, statement in _allowing(policies):
        if not any(
            a.lower() in ("iam:passrole", "iam:*", "*") for a in many(statement.get("Action"))
        ):
            continue
        if any("*" in resource for resource in many(statement.get("Resource"))):
            yield document.place, "iam:PassRole of any role; name the role"
        if "iam:passedtoservice" not in _keys(statement):
            yield document.place, "iam:PassRole to any service; add iam:PassedToService"


def trust_without_source(policies: tuple[Document, ...]) -> Found:
    """A service may take the role on behalf of another account (the confused deputy)."""
    for document, statement in _allowing(policies):
        if document.trust and not _SOURCE & _keys(statement):
            for service in _services(statement):
                yield f"{document.place} {service}", "add a condition on aws:SourceAccount"


def service_without_source(policies: tuple[Document, ...]) -> Found:
    """A service may use the resource on behalf of another account (the confused deputy)."""
    for document, statement in _allowing(policies):
        if not document.trust and not _SOURCE & _keys(statement):
            for service in _services(statement):
                yield f"{document.place} {service}", "add a condition on aws:SourceArn"


def administrator(stack: Template) -> Found:
    """A role is an administrator's, or can become one."""
    for logical, role in stack.of("AWS::IAM::Role"):
        for arn in many(role.get("ManagedPolicyArns")):
            policy = str(arn).rpartition("/")[2]
            if policy in _ADMINISTRATOR or policy.endswith("FullAccess"):
                yield logical, f"has {policy}"


def permission_without_source(stack: Template) -> Found:
    """A service may invoke the function on behalf of another account."""
    for logical, permission in stack.of("AWS::Lambda::Permission"):
        if not {"SourceArn", "SourceAccount", "PrincipalOrgID"} & set(permission):
            yield logical, f"{permission.get('Principal')} may invoke it; add SourceArn"


def plain_http(stack: Template) -> Found:
    """Bucket, queue or topic answers without TLS."""
    kinds = {
        "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket", "BucketName"),
        "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues", "QueueName"),
        "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics", "TopicName"),
    }
    for kind, (policy_kind, subjects, key) in kinds.items():
        closed = [
            str(subject).rpartition(":")[2]
            for _, policy in stack.of(policy_kind)
            if any(_denies_plain(s) for s in many(policy["PolicyDocument"]["Statement"]))
            for subject in many(policy[subjects])
        ]
        for logical, properties in stack.of(kind):
            if properties.get(key, logical) not in closed:
                yield logical, "no policy denies what comes without aws:SecureTransport"


def _denies_plain(statement: Json) -> bool:
    told = {
        key.lower(): str(value).lower()
        for key, value in statement.get("Condition", {}).get("Bool", {}).items()
    }
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and told.get("aws:securetransport") == "false"
    )


def _allowing(policies: tuple[Document, ...]) -> list[tuple[Document, Json]]:
    return [(d, s) for d in policies for s in d.statements if s.get("Effect") == "Allow"]


def _keys(statement: Json) -> set[str]:
    return {key.lower() for test in statement.get("Condition", {}).values() for key in test}


def _principals(statement: Json, kind: str) -> list[Any]:
    told = statement.get("Principal")
    return many(told.get(kind)) if isinstance(told, dict) else []


def _services(statement: Json) -> list[str]:
    return [str(service) for service in _principals(statement, "Service")]


def _anybody(statement: Json) -> bool:
    named = statement.get("Principal") == "*" or "*" in _principals(statement, "AWS")
    return (named or "NotPrincipal" in statement) and not _OURS & _keys(statement)


OF_POLICIES: Final[tuple[Rule, ...]] = (
    open_bus,
    public_principal,
    action_wildcard,
    pass_role_unpinned,
    trust_without_source,
    service_without_source,
)
OF_STACKS: Final[tuple[Rule, ...]] = (administrator, permission_without_source, plain_http)
