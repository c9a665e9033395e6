"""cfn-lint, with its rules for serverless stacks, and checkov: on source and translation."""

import re
from typing import Any

from proofs.audit.auditors import Report, parsed, ran
from proofs.audit.findings import AuditError, Finding
from proofs.audit.subject import Subject


def cfn_lint(subject: Subject) -> Report:
    """SAM hides policies and pipes from the source: both forms are linted."""
    findings = []
    for template in (subject.template, subject.plain_file):
        arguments = ["--regions", "us-east-1", "-a", "cfn_lint_serverless.rules"]
        # Exit codes add up what kinds of findings there were; 1 is a usage error.
        text = ran(
            "cfn-lint",
            [*arguments, "--format", "json", "-t", template],
            at=subject.root,
            ok=(0, 2, 4, 6, 8, 10, 12, 14),
        )
        findings += [
            Finding("cfn-lint", found["Rule"]["Id"], _place(found), found["Message"])
            for found in parsed("cfn-lint", text)
        ]
    return Report("2 templates", findings)


def _place(found: dict[str, Any]) -> str:
    path = [str(part) for part in found["Location"].get("Path") or []]
    if path[:1] == ["Resources"] and len(path) > 1:
        return path[1]
    return ".".join(path) or "template"


def checkov(subject: Subject) -> Report:
    """Skips that are written into a template count as findings: accepted.toml is the one list.

    Paths are told from the root: checkov reads them as values, and one of 40 letters as a secret.
    """
    templates = [t.relative_to(subject.root) for t in (subject.template, subject.plain_file)]
    text = ran(
        "checkov",
        ["--framework", "cloudformation", "--skip-download", "--compact", "-o", "json"]
        + [str(part) for template in templates for part in ("-f", template)],
        at=subject.root,
        ok=(0, 1),
    )
    told = parsed("checkov", text)
    if not isinstance(told, dict) or "summary" not in told:
        raise AuditError(f"checkov looked at nothing: {text[:200]}")
    if told["summary"]["parsing_errors"]:
        raise AuditError(f"checkov could not read {told['results']['parsing_errors']}")
    resources = int(told["summary"]["resource_count"])
    if resources < len(subject.plain["Resources"]):
        raise AuditError(f"checkov looked at {resources} resources, the template has more")
    failed = told["results"]["failed_checks"] + told["results"]["skipped_checks"]
    return Report(
        f"{resources} resources",
        [
            Finding(
                "checkov",
                str(found["check_id"]),
                re.sub(r"^AWS::\w+::\w+\.", "", str(found["resource"])),
                str(found["check_name"]),
            )
            for found in failed
        ],
    )
