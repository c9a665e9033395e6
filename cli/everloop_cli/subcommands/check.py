"""everloop check: a model's folder tried whole, before it is pushed."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from everloop_cli.model_check.findings import Finding

_STYLES = {"good": show.GOOD, "wrong": show.BAD, "warning": show.WAIT, "not tried": show.QUIET}
_MARKS = {"good": "ok", "wrong": "WRONG", "warning": "look", "not tried": "-"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--data",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="SAMPLE",
    help="Files or folders to try it on (default: the folder's .sample); may come often.",
)
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the pages are written."
)
@click.option("--strict", is_flag=True, help="Warnings, and what was not tried, are failures.")
@click.option("--log", "show_log", is_flag=True, help="Print what a job that failed printed.")
@click.option("--exact", is_flag=True, help="With the package versions of AWS's image.")
@click.option("--docker", is_flag=True, help="In AWS's own images, by Docker.")
@options.as_json
def check(
    folder: Path,
    data: tuple[Path, ...],
    junit: Path | None,
    out: Path | None,
    strict: bool,
    show_log: bool,
    exact: bool,
    docker: bool,
    as_json: bool,
) -> int:
    """Try a model's FOLDER whole, without a cloud: the CI of a model.

    Syntax, model.toml and imports; then, on a sample of data, it is prepared, trained, measured,
    judged and served by the very jobs that a stack runs, as processes on this machine. Ends with 1
    where something is wrong.
    """
    from everloop_cli import model_check
    from everloop_cli.model_check import findings

    model = folder.resolve().name
    place = out if out is not None else model_check.pages_of(model)
    found: list[Finding] = []
    log: list[str] = []
    if not as_json:
        show.out.print(f"checking {model}", style="bold", markup=False)
    for each in model_check.check(
        folder,
        list(data),
        place,
        lambda word: show.progress(f"  {word} …", as_json=as_json),
        log=log.extend,
        exact=exact,
        docker=docker,
    ):
        found.append(each)
        if not as_json and each.outcome != "not tried":
            _print(each)
    good = findings.is_good(found, strict=strict)
    if junit is not None:
        try:
            junit.parent.mkdir(parents=True, exist_ok=True)
            junit.write_bytes(findings.junit(model, found, strict=strict))
        except OSError as error:
            raise Trouble(f"--junit {junit} cannot be written: {error.strerror}") from error
    if as_json:
        document = {"model": model, "good": good, "findings": [each.as_dict() for each in found]}
        show.emit_json(document | ({"log": log} if show_log else {}))
        return 0 if good else 1
    if show_log and log:
        show.out.print("\n".join(["", *log]), markup=False, soft_wrap=True)
    _sum_up(folder, found, good)
    return 0 if good else 1


def _print(each: "Finding") -> None:
    took = f"  ({each.seconds:.1f} s)" if each.seconds and each.seconds >= 0.05 else ""
    where = f"{each.place}: " if each.place else ""
    mark = show.mark(f"{_MARKS[each.outcome]:<5}", _STYLES[each.outcome])
    line = f" {each.stage:<12} {where}{each.found}{took}"
    show.out.print(mark, line, sep="", markup=False, soft_wrap=True)
    if each.fix:
        show.out.print(f"{'':18} fix: {each.fix}", markup=False, soft_wrap=True)


def _sum_up(folder: Path, found: "list[Finding]", good: bool) -> None:
    left: dict[str, list[Finding]] = {}
    for each in found:
        if each.outcome == "not tried":
            left.setdefault(each.found, []).append(each)
    for why, some in left.items():
        stages = ", ".join(each.stage for each in some)
        line = f"-     not tried    {stages}: {why}"
        show.out.print(line, style=show.QUIET, markup=False, soft_wrap=True)
        if some[0].fix:
            show.out.print(f"{'':18} fix: {some[0].fix}", markup=False, soft_wrap=True)
    wrong = sum(each.outcome == "wrong" for each in found)
    doubts = sum(each.outcome == "warning" for each in found)
    if wrong:
        show.out.print(f"{wrong} wrong", style=show.BAD)
    elif not good:
        show.out.print("--strict: not all of it is good", style=show.BAD)
    elif left:
        show.out.print("nothing wrong, as far as it was tried", style=show.WAIT)
    else:
        said = f"nothing wrong, and {doubts} to look at" if doubts else "all is good"
        push = f"{said}: everloop push {shlex.quote(str(folder))}"
        show.out.print(push, style=show.GOOD, markup=False, soft_wrap=True)
