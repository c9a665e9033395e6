"""everloop watch: decisions as they are made."""

import time
from typing import Any

import click

from everloop_cli import options, show


@click.command()
@click.argument("model", required=False)
@click.option("--since-start", is_flag=True, help="Begin with the first decision.")
@options.stack
def watch(model: str | None, since_start: bool, stack: str, as_json: bool) -> None:
    """Follow decisions as they are made, of MODEL or of all, until Ctrl-C.

    With --json each is one line.
    """
    from everloop_cli.records import Records
    from everloop_cli.site import Site

    records = Records(Site(stack))
    names = [records.known(model)] if model else records.models()
    seen = {name: 0 for name in names}
    if not since_start:
        for name in names:
            known = records.decisions(name)
            seen[name] = int(known[-1]["seq"]) if known else 0
    show.progress(f"watching {', '.join(names) or 'no models'}; Ctrl-C ends it", as_json=as_json)
    while True:
        for name in names:
            for decision in records.decisions(name, after=seen[name]):
                seen[name] = int(decision["seq"])
                if as_json:
                    show.emit_line({"model": name, **decision})
                else:
                    _print(name, decision)
        time.sleep(1)


def _print(name: str, decision: dict[str, Any]) -> None:
    from everloop.views.timeline import outcome_of
    from everloop_cli.views import OUTCOMES

    style = OUTCOMES[outcome_of(decision)]
    when = str(decision["time"])[:19].replace("T", " ")
    show.out.print(f"{when}  {name}  ", end="")
    show.out.print(f"{decision['kind']:<10}", style=style, end="")
    show.out.print(f" {decision['reason']}", markup=False)
