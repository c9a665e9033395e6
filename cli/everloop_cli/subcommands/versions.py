"""everloop versions, runs, compare: what was trained, and how it did."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from everloop.views.run import Run

_MOST = click.option(
    "--most", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show."
)


@click.command()
@click.argument("model")
@_MOST
@options.stack
def versions(model: str, most: int, stack: str, as_json: bool) -> None:
    """Show a model's versions, the newest first, with their metrics."""
    from everloop.reading import comparing
    from everloop.views.document import document
    from everloop_cli import models, render_versions

    options.open_stack(stack)
    entries, there = comparing.versions(models.known(model), most=most)
    if as_json:
        show.emit_json({"model": model, "versions": document(entries), "there": there})
    else:
        render_versions.versions(model, entries, there)


@click.command()
@click.argument("model")
@_MOST
@click.option(
    "--curve",
    "run",
    is_flag=False,
    flag_value="",
    metavar="[RUN]",
    help="Draw what a run's train.py printed (default: the newest that has ended).",
)
@options.stack
def runs(model: str, most: int, run: str | None, stack: str, as_json: bool) -> None:
    """Show a model's trainings, the newest first: why, on what, their ends and metrics."""
    from everloop.reading import models as reading
    from everloop.views.document import document
    from everloop.views.run import over_runs
    from everloop_cli import models, render_versions

    options.open_stack(stack)
    entries = reading.trainings(models.known(model))
    if run is not None:
        chosen = _run(model, entries, run)
        drawn = reading.curves(model, chosen)
        if as_json:
            show.emit_json({"model": model, "run": chosen.name, "curves": document(drawn)})
        else:
            render_versions.curves(f"{chosen.name}, as it was printed", drawn)
        return
    shown = entries[:most]
    lines = over_runs(shown)
    if as_json:
        there = len(entries)
        found = {"model": model, "runs": document(shown), "there": there}
        show.emit_json({**found, "curves": document(lines)})
    else:
        render_versions.runs(model, shown, len(entries))
        render_versions.curves("From run to run, on the holdout", lines)


def _run(model: str, entries: "Sequence[Run]", name: str) -> "Run":
    """Return the run that is meant. Raises Trouble."""
    mine = [each for each in entries if (each.name == name if name else each.job)]
    if not mine:
        which = f"no run {name!r}" if name else "no run whose training job is known yet"
        raise Trouble(f"{model} has {which}: everloop runs {model}")
    return mine[0]


@click.command()
@click.argument("model")
@click.argument("first", type=int)
@click.argument("second", type=int)
@options.stack
def compare(model: str, first: int, second: int, stack: str, as_json: bool) -> None:
    """Show two versions side by side: metrics, data, code and keys of model.toml."""
    from everloop.reading import comparing
    from everloop.views.document import document
    from everloop_cli import models, render_versions

    options.open_stack(stack)
    found = comparing.compare(models.known(model), first, second)
    if as_json:
        show.emit_json(document(found))
    else:
        render_versions.compare(found)
