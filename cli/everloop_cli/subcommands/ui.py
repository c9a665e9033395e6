"""everloop ui: the page."""

import json

import click

from everloop_cli import options, show


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Port on 127.0.0.1 (default: any that is free).",
)
@click.option(
    "--allow-changes", is_flag=True, help="Let the page approve and reject, as you; else it reads."
)
@click.option("--open/--no-open", "open_browser", default=True, help="Open a browser, if any.")
@options.stack
def ui(port: int, allow_changes: bool, open_browser: bool, stack: str, as_json: bool) -> None:
    """Serve a page of all models to a browser on this machine, until Ctrl-C.

    It shows what the other commands show, of AWS or of the laptop, with your credentials.
    """
    from everloop_cli.page.serve import serve

    def say(address: str, chosen: int) -> None:
        if as_json:
            click.echo(json.dumps({"address": address, "port": chosen}))
            return
        changes = "may approve and reject" if allow_changes else "only reads"
        show.out.print(f"the page of stack {stack} {changes}; Ctrl-C ends it:")
        show.out.print(f"  {address}", style="bold", soft_wrap=True)

    here = options.open_stack(stack)
    serve(here, port=port, allow_changes=allow_changes, open_browser=open_browser, say=say)
