"""everloop card: the model card of a version, as a page."""

from pathlib import Path

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble


@click.command()
@click.argument("model")
@click.option("--version", type=int, metavar="N", help="Which version (default: what serves).")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="CARD.html",
    help="Where to write it (default: MODEL-vN-card.html).",
)
@options.stack
def card(model: str, version: int | None, output: Path | None, stack: str, as_json: bool) -> int:
    """Write a version's model card as a page: what it is for, made of, how good, who decided.

    With --json it prints the package's own card, in AWS's schema, and writes no page unless one
    is named.
    """
    import json

    from everloop.errors import BadInput
    from everloop.reading.evidence import evidence
    from everloop.reading.materials import CARD
    from everloop_cli import card as cards
    from everloop_cli import models

    options.open_stack(stack)
    name = models.known(model, removed=True)
    if output is not None and not output.parent.is_dir():
        raise Trouble(f"{output.parent}: there is no such folder; make it, or name another")
    try:
        found = evidence(name, version)
    except BadInput as error:
        raise Trouble(str(error)) from error
    number = found.story.version.version if found.story.version else version
    target = output if output or as_json else Path(f"{name}-v{number}-card.html")
    if target is not None:
        try:
            target.write_text(cards.written(found), encoding="utf-8")
        except OSError as error:
            raise Trouble(f"{target}: {error.strerror}; name another with -o") from error
    if as_json:
        own = found.files.get(CARD)
        show.emit_json(
            {
                "model": name,
                "version": number,
                "card": json.loads(own) if own else None,
                "page": str(target) if target else None,
                "missing": dict(found.missing),
            }
        )
        return 0
    show.out.print(f"wrote {target}: {name}, version {number}", markup=False, soft_wrap=True)
    for path, why in sorted(found.missing.items()):
        show.out.print(f"  without {path}: {why}", markup=False, soft_wrap=True)
    return 0
