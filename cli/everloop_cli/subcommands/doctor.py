"""everloop doctor: what is wrong, and how to fix it."""

import click

from everloop_cli import options, show


@click.command()
@options.stack
def doctor(stack: str, as_json: bool) -> int:
    """Look at the stack and its models: what is wrong, and how to fix it.

    Ends with 1 where something is wrong.
    """
    from everloop_cli import doctor as checks

    here = options.open_stack(stack)
    if as_json:
        findings = list(checks.examine(here))
        show.emit_json([finding.as_dict() for finding in findings])
    else:
        with show.err.status("looking"):
            findings = list(checks.examine(here))
        styles = {checks.GOOD: show.GOOD, checks.WARNING: show.WAIT, checks.BAD: show.BAD}
        for each in findings:
            # Not a table: a command that a cell breaks in two cannot be copied.
            word = show.mark(f"{each.state:<7}", styles[each.state])
            # Nor markup: a reason may name a section of model.toml, such as [retrain].
            show.out.print(word, f"{each.check}: {each.found}", soft_wrap=True, markup=False)
            if each.fix:
                show.out.print("      fix it:", each.fix, soft_wrap=True, markup=False)
    return 1 if any(finding.state == checks.BAD for finding in findings) else 0
