"""everloop push: install a model."""

from pathlib import Path
from typing import Any

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Wait until the stack has installed it (default), or leave when it is uploaded.",
)
@click.option(
    "--changed-since",
    metavar="REF",
    help="Of the models below FOLDER only those that differ from this commit of Git.",
)
@options.stack
def push(folder: Path, wait: bool, changed_since: str | None, stack: str, as_json: bool) -> None:
    """Install a model: upload its folder.

    FOLDER is named as the model, e.g. models/flight-delays. It is checked as the stack will check
    it, before anything is uploaded. A push that the stack refuses all the same ends with 2.
    With --changed-since FOLDER holds models, e.g. models; what fails keeps no other from its push.
    """
    if changed_since is None:
        options.open_stack(stack)
        done = _push(folder, wait, as_json=as_json)
        if as_json:
            show.emit_json(done)
        return
    from everloop_cli import changed

    found = changed.since(folder, changed_since)
    if not as_json:
        for line in changed.told(found, folder, changed_since):
            show.out.print(line, style=show.QUIET, soft_wrap=True)
    if found.folders:
        options.open_stack(stack)
    pushed, failed = [], []
    for each in found.folders:
        try:
            pushed.append(_push(each, wait, as_json=as_json))
        except Trouble as error:
            failed.append(str(error))
    if as_json and not failed:
        show.emit_json({"models": pushed, "gone": found.gone})
    if failed:
        raise Trouble("\n".join(failed))


def _push(folder: Path, wait: bool, *, as_json: bool) -> dict[str, Any]:
    from everloop_cli import deliver, estimated

    done = deliver.push(folder)
    if as_json:
        return done | (deliver.answer(done["model"], done["version_id"]) if wait else {})
    size = show.bytes_text(done["bytes"])
    show.out.print(f"pushed {done['model']} ({size}, bundle {done['digest'][:12]})")
    if done["changed_files"]:
        note = f"note: {done['changed_files']} files are not as in commit {done['commit'][:12]}"
        show.out.print(note, style=show.WAIT)
    for note in done["notes"]:
        show.out.print(f"note: {note}", style=show.WAIT)
    show.out.print(estimated.line(done["costs"]), style=show.QUIET, soft_wrap=True)
    if wait:
        with show.err.status(f"installing {done['model']}"):
            answer = deliver.answer(done["model"], done["version_id"])
        if answer["installed"]:
            took = f"after {answer['seconds']:.0f} s"
            show.out.print(f"installed {done['model']} {took}", style=show.GOOD)
        else:
            show.out.print(f"not yet: {answer['waits_for']}", style=show.WAIT)
    show.out.print(f"follow it: everloop watch {done['model']}", style=show.QUIET)
    return done
