"""everloop explain: why a version answered one row as it did."""

from pathlib import Path

import click

from everloop_cli import options, show

_ROWS = 2000


@click.command()
@click.argument("model")
@click.argument("file", metavar="ROW.csv", type=click.Path(path_type=Path))
@click.option("--row", type=int, metavar="N", help="Which row of the file, where it has several.")
@click.option("--version", type=int, metavar="N", help="Only if this version serves.")
@click.option("--output", metavar="NAME", help="Which number of an answer that has several.")
@click.option(
    "--rows",
    type=click.IntRange(4, 20_000),
    default=_ROWS,
    show_default=True,
    help="How many rows are asked at most.",
)
@options.stack
def explain(
    model: str,
    file: Path,
    row: int | None,
    version: int | None,
    output: str | None,
    rows: int,
    stack: str,
    as_json: bool,
) -> None:
    """Tell which columns of a row made the answer what it is.

    The endpoint is asked the row (a CSV with a header; - reads standard input) with some columns at
    their usual values. What the columns add sums to the answer minus that of a usual row.
    """
    from everloop_cli import asking, models, reasons, render_reasons

    found = reasons.read_row(asking.text_of(file), row)
    options.open_stack(stack)
    told = reasons.explained(models.known(model), found, version, output, rows)
    if as_json:
        show.emit_json(told.as_dict())
    else:
        render_reasons.reasons(told)
