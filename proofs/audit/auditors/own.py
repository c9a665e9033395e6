"""Our own rules, run over a subject."""

from collections.abc import Iterator

from proofs.audit.auditors import Report
from proofs.audit.findings import Finding
from proofs.audit.rules import Found, Rule, code, machines, name_of, policies, stack, text
from proofs.audit.rules.syntax import Module
from proofs.audit.subject import Subject

ALL = (
    *policies.OF_POLICIES,
    *policies.OF_STACKS,
    *stack.RULES,
    *machines.OF_STACKS,
    *machines.OF_DEFINITIONS,
    *code.OF_PRODUCT,
    *code.OF_FUNCTIONS,
    *text.RULES,
)


def own(subject: Subject) -> Report:
    modules = [Module(subject.name(path), path) for path in subject.product()]
    findings = {
        Finding("own", name_of(rule), where, what)
        for rule, found in _run(subject, modules)
        for where, what in found
    }
    return Report(f"{len(ALL)} rules", sorted(findings))


def _run(subject: Subject, modules: list[Module]) -> Iterator[tuple[Rule, Found]]:
    yield from ((rule, rule(subject.policies)) for rule in policies.OF_POLICIES)
    for answered in subject.stacks:
        of_stacks = (*policies.OF_STACKS, *stack.RULES, *machines.OF_STACKS)
        yield from ((rule, rule(answered)) for rule in of_stacks)
    yield from ((rule, rule(subject.machines)) for rule in machines.OF_DEFINITIONS)
    yield from ((rule, rule(modules)) for rule in code.OF_PRODUCT)
    in_lambda = [m for m in modules if m.name.startswith(("functions/", "layers/"))]
    yield from ((rule, rule(in_lambda)) for rule in code.OF_FUNCTIONS)
    yield from ((rule, rule(subject)) for rule in text.RULES)
