"""everloop why: what an auditor asks."""

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble


@click.command()
@click.argument("model")
@click.option("--version", type=int, metavar="N", help="Any version (default: what serves).")
@options.stack
def why(model: str, version: int | None, stack: str, as_json: bool) -> int:
    """Tell why a version is in production, or not, and verify the ledger.

    Ends with 1 where the ledger's chain does not hold.
    """
    from everloop.errors import BadInput
    from everloop.reading.story import story
    from everloop.views.document import document
    from everloop_cli import models, render_story

    options.open_stack(stack)
    try:
        view = story(models.known(model, removed=True), version)
    except BadInput as error:
        raise Trouble(str(error)) from error
    if as_json:
        show.emit_json(document(view))
    else:
        render_story.story(view)
    return 1 if view.chain.problems else 0
