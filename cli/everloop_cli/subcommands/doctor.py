"""everloop doctor: what is wrong, and how to fix it."""

from pathlib import Path

import click

from everloop_cli import options, show


@click.command()
@click.option(
    "--before",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Look whether this account could run the model of a folder; no stack is needed.",
)
@options.stack
def doctor(folder: Path | None, stack: str, as_json: bool) -> int:
    """Look at the stack and its models: what is wrong, and how to fix it.

    Ends with 1 where something is wrong.
    """
    from everloop_cli import before
    from everloop_cli import doctor as checks

    if folder is not None:
        region = options.reach_account()
        examined = before.examine(folder, region, stack)
    else:
        examined = checks.examine(options.open_stack(stack))
    if as_json:
        findings = list(examined)
        show.emit_json([finding.as_dict() for finding in findings])
    else:
        with show.err.status("looking"):
            findings = list(examined)
        styles = {checks.GOOD: show.GOOD, checks.WARNING: show.WAIT, checks.BAD: show.BAD}
        for each in findings:
            # Not a table: a command that a cell breaks in two cannot be copied.
            word = show.mark(f"{each.state:<7}", styles[each.state])
            # Nor markup: a reason may name a section of model.toml, such as [retrain].
            show.out.print(word, f"{each.check}: {each.found}", soft_wrap=True)
            if each.fix:
                show.out.print("      fix it:", each.fix, soft_wrap=True)
    return 1 if any(finding.state == checks.BAD for finding in findings) else 0
