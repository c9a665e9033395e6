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

    Models that come meanwhile are followed as well. With --json each is one line.
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
        fresh = [each for name in names for each in reading.decided(name, after=seen[name])]
        # Of several models, as they were made; of one, as its chain has them.
        for decision in sorted(fresh, key=lambda each: (each.time, each.model, each.seq)):
            seen[decision.model] = max(seen[decision.model], decision.seq)
            if as_json:
                show.emit_line(document(decision))
            else:
                render.decision(decision.model, decision)
        time.sleep(1)
        if not model:
            names = list(dict.fromkeys([*names, *reading.names()]))
            seen = {name: seen.get(name, 0) for name in names}
