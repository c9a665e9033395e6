"""everloop train: a training now, whatever [retrain] waits for."""

import click

from everloop_cli import options, show


@click.command()
@click.argument("model")
@click.option(
    "--because", "reason", required=True, metavar="TEXT", help="Why; the ledger keeps it."
)
@click.option("--again", is_flag=True, help="Also if the same data and code were trained before.")
@options.stack
def train(model: str, reason: str, again: bool, stack: str, as_json: bool) -> int:
    """Train a model now: on what has arrived, else on its last data with its code of today.

    Ends with 1 where no training was started.
    """
    from everloop_cli import models
    from everloop_cli.calling import call

    options.open_stack(stack)
    request = {"model": models.known(model), "reason": reason, "again": again}
    answer = call("request-training", request)
    if as_json:
        show.emit_json(answer)
    elif answer["go"]:
        show.out.print(f"training {model}: {answer['reason']}")
        show.out.print(f"  everloop watch {model}")
    else:
        show.out.print(f"no training of {model} was started: {answer['reason']}")
    return 0 if answer["go"] else 1
