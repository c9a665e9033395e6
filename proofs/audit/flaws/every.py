"""All flaws that are planted."""

from proofs.audit.flaws import Flaw, code, functions, machines, policies, stack

FLAWS: tuple[Flaw, ...] = (
    *stack.FLAWS,
    *functions.FLAWS,
    *policies.FLAWS,
    *machines.FLAWS,
    *code.FLAWS,
)
