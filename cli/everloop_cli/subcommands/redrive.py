"""everloop redrive: dead letters."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from everloop_cli.redrive import Letter

_SHOWN: Final = 100

_QUEUES = ("arrivals-dead", "undelivered", "failed")


@click.command()
@click.argument("queues", nargs=-1, metavar="[QUEUE]...", type=click.Choice(_QUEUES))
@click.option("--all", "every", is_flag=True, help="Hand over what lies in every queue.")
@click.option("--show", "bodies", is_flag=True, help="Print letters with their bodies.")
@click.option("--discard", is_flag=True, help="Throw letters away instead, having printed them.")
@click.option("--yes", is_flag=True, help="Throw away without asking.")
@options.stack
def redrive(
    queues: tuple[str, ...],
    every: bool,
    bodies: bool,
    discard: bool,
    yes: bool,
    stack: str,
    as_json: bool,
) -> int:
    """Look at dead letters, and hand them over again.

    Without a QUEUE it only looks. QUEUE is arrivals-dead, undelivered or failed. Handing over is
    always safe. What is thrown away was a hint: reconcile finds what it was about.
    """
    from everloop_cli import redrive as letters

    if bodies and discard:
        raise click.UsageError("--show only looks, --discard prints what it throws away: say one")
    if discard and not (queues or every):
        raise click.UsageError("--discard: say which QUEUE, or --all")
    options.open_stack(stack)
    chosen = letters.QUEUES if every else queues
    if bodies:
        _show(chosen or letters.QUEUES, as_json=as_json)
        return 0
    if discard:
        _discard(chosen, yes=yes, as_json=as_json)
        return 0
    if not chosen:
        _list(as_json=as_json)
        return 0
    done = [each for queue in chosen for each in letters.redrive(queue)]
    if as_json:
        show.emit_json(done)
    else:
        _report(done)
    return 0 if all(each["done"] for each in done) else 1


def _show(queues: Sequence[str], *, as_json: bool) -> None:
    from everloop_cli import redrive as letters

    found = [letter for queue in queues for letter in letters.letters(queue, most=_SHOWN)]
    if as_json:
        show.emit_json([letter.whole() for letter in found])
        return
    for letter in found:
        _print(letter)
    if not found:
        show.out.print(f"no dead letters in {', '.join(queues)}", style=show.GOOD)


def _print(letter: "Letter") -> None:
    head = f"{letter.queue}, for {letter.target or 'the queue it came from'}: {letter.what}"
    show.out.print(head, style="bold", soft_wrap=True)
    show.out.print(f"  {letter.why}", soft_wrap=True)
    body = json.dumps(letter.whole()["body"], indent=1, ensure_ascii=False)
    show.out.print(body, style=show.QUIET, soft_wrap=True)


def _discard(queues: Sequence[str], *, yes: bool, as_json: bool) -> None:
    from everloop_cli import redrive as letters

    there = {queue: letters.waiting(queue) for queue in queues}
    count = sum(there.values())
    if count and not yes:
        if as_json or not sys.stdin.isatty():
            raise Trouble(
                f"{count} letters would be thrown away for good. See them: everloop redrive --show "
                f"{' '.join(queues)}  Then: --discard --yes"
            )
        click.confirm(f"Throw {count} letters of {', '.join(queues)} away?", abort=True)
    gone = []
    for queue in queues:
        for letter in letters.discard(queue):
            gone.append(letter)
            if not as_json:
                _print(letter)
    if as_json:
        show.emit_json([letter.whole() for letter in gone])
    else:
        show.out.print(f"threw {len(gone)} letters away")


def _report(done: list[dict[str, Any]]) -> None:
    show.table(
        "Handed over again",
        ("queue", "to", "what", "done", "trouble"),
        [
            (
                each["queue"],
                each["target"],
                f"{each['moved']} {each['what']}" if "moved" in each else each["what"],
                show.mark("yes", show.GOOD) if each["done"] else show.mark("no", show.BAD),
                each["trouble"],
            )
            for each in done
        ],
    )


def _list(*, as_json: bool) -> None:
    from everloop_cli import redrive as letters

    counts = letters.counts()
    listed = [
        letter for queue, count in counts.items() if count for letter in letters.letters(queue)
    ]
    if as_json:
        show.emit_json({"counts": counts, "letters": [letter.as_dict() for letter in listed]})
        return
    show.table("Dead letters", ("queue", "messages"), list(counts.items()))
    if listed:
        show.out.print()
        show.table(
            "Some of them",
            ("queue", "for", "what", "why"),
            [(letter.queue, letter.target, letter.what, letter.why) for letter in listed],
        )
        show.out.print()
        show.out.print("hand them over again: everloop redrive --all", style=show.QUIET)
        show.out.print("see them whole: --show; throw them away: --discard", style=show.QUIET)
