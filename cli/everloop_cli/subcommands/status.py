"""everloop status: models, versions, what serves and what runs."""

import click

from everloop_cli import options, show


@click.command()
@click.argument("model", required=False)
@options.stack
def status(model: str | None, stack: str, as_json: bool) -> None:
    """Show models, a line each: what serves, what waits, what runs, and what was decided last.

    With MODEL all about it: what needs attention, versions, trainings, releases, decisions.
    """
    from everloop.reading import models as reading
    from everloop.views.document import document
    from everloop_cli import clock, models, render

    options.open_stack(stack)
    if model:
        page = reading.overview(models.known(model))
        if as_json:
            show.emit_json(document(page))
        else:
            render.overview(page, clock.now())
        return
    glances = [reading.glance(name) for name in reading.names()]
    if as_json:
        show.emit_json(document(glances))
    else:
        render.models(glances, clock.now())
