"""parliament on every policy document, cloudsplaining on all that a role may do together."""

import json
from typing import Final

import parliament
from cloudsplaining.scan.policy_document import PolicyDocument

from proofs.audit.auditors import Report
from proofs.audit.documents import Document, many
from proofs.audit.findings import AuditError, Finding
from proofs.audit.subject import Subject

_CALM: Final = {  # cloudsplaining's questions, by the names of its own report
    "allows_privilege_escalation": "PrivilegeEscalation",
    "permissions_management_without_constraints": "ResourceExposure",
    "write_actions_without_constraints": "InfrastructureModification",
    "allows_data_exfiltration_actions": "DataExfiltration",
    "credentials_exposure": "CredentialsExposure",
    "service_wildcard": "ServiceWildcard",
    "contains_statement_using_not_action": "NotAction",
}


def parliament_(subject: Subject) -> Report:
    """Unknown actions, actions on resources of the wrong type, conditions that cannot hold."""
    findings = []
    for document in subject.policies:
        # Its community's auditors take sts:AssumeRole in a trust policy for a leak of credentials.
        told = parliament.analyze_policy_string(
            document.text, include_community_auditors=not document.trust
        )
        for found in told.findings:
            if found.issue == "EXCEPTION":
                raise AuditError(f"parliament failed on {document.place}: {found.detail}")
            where = document.place
            detail = found.detail if isinstance(found.detail, str) else json.dumps(found.detail)
            for action in _actions(found.detail):
                findings.append(Finding("parliament", found.issue, f"{where} {action}", detail))
            if not _actions(found.detail):
                findings.append(Finding("parliament", found.issue, where, detail))
    return Report(f"{len(subject.policies)} policies", findings)


def _actions(detail: object) -> list[str]:
    listed = detail if isinstance(detail, list) else [detail]
    named = [each.get("action") if isinstance(each, dict) else each for each in listed]
    return [name for name in named if isinstance(name, str) and ":" in name and " " not in name]


def cloudsplaining(subject: Subject) -> Report:
    """Escalation takes two actions, and they may lie in two policies of one role."""
    roles = _by_role(subject)
    findings = []
    for role, statements in roles.items():
        whole = PolicyDocument({"Version": "2012-10-17", "Statement": statements})
        for question, rule in _CALM.items():
            for answer in getattr(whole, question):
                named = answer["type"] if isinstance(answer, dict) else str(answer)
                findings.append(
                    Finding("cloudsplaining", rule, f"{role} {named}", f"{rule}: {answer}")
                )
    return Report(f"{len(roles)} roles", findings)


def _by_role(subject: Subject) -> dict[str, list[dict[str, object]]]:
    held: dict[str, list[dict[str, object]]] = {}
    for stack in subject.stacks:
        names = {
            str(r.get("RoleName", logical)): logical for logical, r in stack.of("AWS::IAM::Role")
        }
        attached = {
            logical: [names.get(str(role), str(role)) for role in many(policy.get("Roles"))]
            for logical, policy in stack.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        }
        for logical, properties in stack.of("AWS::IAM::Role"):
            for arn in many(properties.get("ManagedPolicyArns")):
                attached.get(arn, []).append(logical)
        for document in subject.policies:
            if not document.trust and not document.on_resource:
                for role in _roles_of(document, set(names.values()), attached):
                    said = held.setdefault(role, [])
                    said += [s for s in document.statements if s not in said]
    if not held:
        raise AuditError("no role in the template has a policy")
    return held


def _roles_of(document: Document, roles: set[str], attached: dict[str, list[str]]) -> list[str]:
    logical = document.place.partition("/")[0]
    return [logical] if logical in roles else attached.get(logical, [])
