"""everloop why: what an auditor asks."""

import click

from everloop_cli import options, show


@click.command()
@click.argument("model")
@click.option("--version", type=int, metavar="N", help="Any version (default: what serves).")
@options.stack
def why(model: str, version: int | None, stack: str, as_json: bool) -> int:
    """Tell why a version is in production, or not, and verify the ledger.

    Ends with 1 where the ledger's chain does not hold.
    """
    from everloop_cli import why as story
    from everloop_cli.records import Records
    from everloop_cli.site import Site

    site = Site(stack)
    records = Records(site)
    told = story.why(site, records, records.known(model), version)
    if as_json:
        show.emit_json(told)
    else:
        story.show_why(told)
    return 1 if told["chain"]["problems"] else 0
