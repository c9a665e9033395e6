"""everloop redrive: dead letters."""

from typing import Any

import click

from everloop_cli import options, show

_QUEUES = ("arrivals-dead", "undelivered", "failed")


@click.command()
@click.argument("queues", nargs=-1, metavar="[QUEUE]...", type=click.Choice(_QUEUES))
@click.option("--all", "every", is_flag=True, help="Hand over what lies in every queue.")
@options.stack
def redrive(queues: tuple[str, ...], every: bool, stack: str, as_json: bool) -> int:
    """Look at dead letters, and hand them over again.

    Without a QUEUE it only looks. QUEUE is arrivals-dead, undelivered or failed.
    """
    from everloop_cli import redrive as letters

    options.open_stack(stack)
    chosen = letters.QUEUES if every else queues
    if not chosen:
        _list(as_json=as_json)
        return 0
    done = [each for queue in chosen for each in letters.redrive(queue)]
    if as_json:
        show.emit_json(done)
    else:
        _report(done)
    return 0 if all(each["done"] for each in done) else 1


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
