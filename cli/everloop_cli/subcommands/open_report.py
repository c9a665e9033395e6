"""everloop open: a report, in the browser."""

import click

from everloop_cli import options, show


@click.command(name="open")
@click.argument("model")
@click.argument("what", required=False, metavar="[VERSION|RUN|comparison|data|look|PAGE.html]")
@click.option("--version", type=int, metavar="N", help="Of which version, of a kind of report.")
@click.option("--print", "only_print", is_flag=True, help="Print where it lies, and open nothing.")
@options.stack
def open_report(
    model: str,
    what: str | None,
    version: int | None,
    only_print: bool,
    stack: str,
    as_json: bool,
) -> None:
    """Show a MODEL's report in the browser: of a version, a run, the data or the newest look.

    Without a word it is the evaluation of the version that waits for approval, else of what serves.
    PAGE.html is one that the folder's own evaluate.py wrote. The page is brought from S3 to a
    folder of your own.
    """
    from everloop_cli import browsers, models, opening

    options.open_stack(stack)
    page = opening.find(models.known(model, removed=True), what, version)
    path = opening.bring(model, page, stack)
    opened = not only_print and not as_json and browsers.show(path.resolve().as_uri())
    if as_json:
        show.emit_json({"model": model, "title": page.title, "uri": page.uri, "path": str(path)})
    elif only_print:
        show.out.print(str(path), soft_wrap=True)
    else:
        said = f"{page.title} of {model}: {path}"
        show.out.print(said, soft_wrap=True)
        if not opened:
            note = "no browser is known here: open that file, or set BROWSER"
            show.out.print(note, style=show.QUIET)
