"""everloop invoke: rows of a file, and what the endpoint answers."""

from pathlib import Path

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble

_SHOWN, _MOST = 4, 100_000  # columns beside the answer; rows of one call of the command


@click.command()
@click.argument("model")
@click.argument("file", metavar="ROWS.csv", type=click.Path(path_type=Path))
@click.option(
    "--batch",
    type=click.IntRange(1, 5000),
    default=500,
    show_default=True,
    help="How many rows go in a request.",
)
@click.option("--most", type=click.IntRange(min=1), metavar="N", help="Only the first rows.")
@options.stack
def invoke(model: str, file: Path, batch: int, most: int | None, stack: str, as_json: bool) -> None:
    """Ask the endpoint rows of a CSV file with a header, and print each answer beside its row.

    The target, where the file has it, is not sent. A - reads standard input. Other programs ask as
    docs/ask-a-model.md says.
    """
    from everloop_cli import asking, models

    head, rows = asking.table(asking.text_of(file))
    rows = rows[:most]
    if len(rows) > _MOST:
        raise Trouble(f"{file} has {len(rows):,} rows; ask at most {_MOST:,} at once: --most")
    options.open_stack(stack)
    version, answers = asking.answers(models.known(model), head, rows, batch)
    if as_json:
        listed = [
            {"row": dict(zip(head, row, strict=True)), "answer": answer}
            for row, answer in zip(rows, answers, strict=True)
        ]
        show.emit_json({"model": model, "version": version, "answers": listed})
        return
    several = max(map(len, answers), default=1)
    names = ["answer"] if several == 1 else [f"answer {n}" for n in range(1, several + 1)]
    shown = head[:_SHOWN]
    show.table(
        f"{model}, version {version}",
        (*shown, *(["…"] if len(head) > _SHOWN else []), *names),
        [
            (*row[:_SHOWN], *(["…"] if len(head) > _SHOWN else []), *map(_number, answer))
            for row, answer in zip(rows, answers, strict=True)
        ],
    )


def _number(field: str) -> float | str:
    try:
        return float(field)
    except ValueError:
        return field
