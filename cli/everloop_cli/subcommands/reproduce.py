"""everloop reproduce: a version trained again, and whether it comes out the same."""

import click

from everloop_cli import options, show


@click.command()
@click.argument("model")
@click.option("--version", type=int, required=True, metavar="N", help="Which version.")
@click.option(
    "--because",
    "reason",
    default="to see whether it comes out the same",
    show_default=True,
    metavar="TEXT",
    help="Why; the ledger keeps it.",
)
@options.stack
def reproduce(model: str, version: int, reason: str, stack: str, as_json: bool) -> int:
    """Train a version again from its data and code, and say whether it comes out the same.

    It costs what a training costs, and nothing of it is ever released. Ends with 1 where it was not
    started; `everloop why` says what came of it.
    """
    from everloop_cli import models
    from everloop_cli.calling import call

    options.open_stack(stack)
    request = {"model": models.known(model), "version": version, "reason": reason}
    answer = call("reproduce-version", request)
    if as_json:
        show.emit_json(answer)
    elif answer["go"]:
        show.out.print(f"training version {version} of {model} again: {answer['reason']}")
        show.out.print(f"  everloop why {model} --version {version}  says what came of it")
    else:
        show.out.print(answer["reason"], soft_wrap=True)
    return 0 if answer["go"] else 1
