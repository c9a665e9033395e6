"""everloop watch: decisions as they are made."""

import time

import click

from everloop_cli import options, show


@click.command()
@click.argument("model", required=False)
@click.option("--since-start", is_flag=True, help="Begin with the first decision.")
@options.stack
def watch(model: str | None, since_start: bool, stack: str, as_json: bool) -> None:
    """Follow decisions as they are made, of MODEL or of all, until Ctrl-C.

    With --json each is one line.
    """
    from everloop.reading import models as reading
    from everloop.views.document import document
    from everloop_cli import models, render

    options.open_stack(stack)
    names = [models.known(model)] if model else reading.names()
    seen = dict.fromkeys(names, 0)
    if not since_start:
        for name in names:
            last = reading.last(name)
            seen[name] = last.seq if last else 0
    show.progress(f"watching {', '.join(names) or 'no models'}; Ctrl-C ends it", as_json=as_json)
    while True:
        for name in names:
            for decision in reading.decided(name, after=seen[name]):
                seen[name] = decision.seq
                if as_json:
                    show.emit_line(document(decision))
                else:
                    render.decision(name, decision)
        time.sleep(1)
