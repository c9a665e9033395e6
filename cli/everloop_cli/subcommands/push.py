"""everloop push: install a model."""

from pathlib import Path
from typing import Any

import click

from everloop_cli import options, show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Wait until the stack has installed it (default), or leave when it is uploaded.",
)
@options.stack
def push(folder: Path, wait: bool, stack: str, as_json: bool) -> None:
    """Install a model: upload its folder.

    FOLDER is named as the model, e.g. models/flight-delays. It is checked as the stack will check
    it, before anything is uploaded. A push that the stack refuses all the same ends with 2.
    """
    from everloop_cli import deliver

    options.open_stack(stack)
    done = deliver.push(folder)
    if as_json:
        answer = deliver.answer(done["model"], done["version_id"]) if wait else {}
        show.emit_json(done | answer)
        return
    size = show.bytes_text(done["bytes"])
    show.out.print(f"pushed {done['model']} ({size}, bundle {done['digest'][:12]})")
    if done["changed_files"]:
        note = f"note: {done['changed_files']} files are not as in commit {done['commit'][:12]}"
        show.out.print(note, style=show.WAIT, markup=False)
    for note in done["notes"]:
        show.out.print(f"note: {note}", style=show.WAIT, markup=False)
    show.out.print(_costs(done["costs"]), style=show.QUIET, markup=False)
    if wait:
        with show.err.status(f"installing {done['model']}"):
            answer = deliver.answer(done["model"], done["version_id"])
        if answer["installed"]:
            took = f"after {answer['seconds']:.0f} s"
            show.out.print(f"installed {done['model']} {took}", style=show.GOOD, markup=False)
        else:
            show.out.print(f"not yet: {answer['waits_for']}", style=show.WAIT, markup=False)
    show.out.print(f"follow it: everloop watch {done['model']}", style=show.QUIET)


def _costs(costs: dict[str, Any]) -> str:
    if "unknown" in costs:
        return f"cost on AWS: {costs['unknown']} of everloop costs"
    endpoint, looks, version = (
        show.Money(costs[name]) for name in ("endpoint", "looks", "new_version")
    )
    of = f"{costs['currency']}, prices of {costs['prices_of']}"
    return (
        f"cost on AWS, about ({of}): {endpoint} a month of serving, {looks} for its looks, "
        f"{version} each new version"
    )
