"""everloop card: the model card of a version, as a page."""

from pathlib import Path

import click

from everloop_cli import options, show, version_files


@click.command()
@click.argument("model")
@version_files.asked("CARD.html", "MODEL-vN-card.html")
@options.stack
def card(model: str, version: int | None, output: Path | None, stack: str, as_json: bool) -> int:
    """Write a version's model card as a page: what it is for, made of, how good, who decided.

    With --json it prints the package's own card, in AWS's schema, and writes no page unless one
    is named.
    """
    import json

    from everloop.reading.materials import CARD
    from everloop_cli import card as cards

    version_files.check_folder(output)
    options.open_stack(stack)
    name, number, found = version_files.evidence(model, version)
    target = output if output or as_json else Path(f"{name}-v{number}-card.html")
    if target is not None:
        version_files.write(target, cards.written(found))
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
    show.out.print(f"wrote {target}: {name}, version {number}", soft_wrap=True)
    for path, why in sorted(found.missing.items()):
        show.out.print(f"  without {path}: {why}", soft_wrap=True)
    return 0
