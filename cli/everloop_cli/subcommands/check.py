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
_REGION = "us-east-1"  # whose prices there are
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
@click.option(
    "--changed-since",
    metavar="REF",
    help="Of the models below FOLDER only those that differ from this commit of Git.",
)
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--summary",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what was found as Markdown, e.g. for a pull request's comment.",
)
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
    changed_since: str | None,
    junit: Path | None,
    summary: Path | None,
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
    where something is wrong. With --changed-since FOLDER holds models, e.g. models.
    """
    from everloop_cli import model_check
    from everloop_cli.model_check import findings, summaries

    options = {"exact": exact, "docker": docker}
    if changed_since is None:
        folders, gone = [folder], list[str]()
    else:
        folders, gone = _changed(folder, changed_since, data, as_json=as_json)
    checked: dict[str, list[Finding]] = {}
    log: list[str] = []
    for each in folders:
        model = each.resolve().name
        place = model_check.pages_of(model) if out is None else out
        if out is not None and changed_since is not None:
            place = out / model
        tried = _try(each, model, data, place, log, options, as_json=as_json)
        checked[model] = tried
        if not as_json:
            if show_log and log:
                show.out.print("\n".join(["", *log]), soft_wrap=True)
                log.clear()
            _sum_up(each, tried, findings.is_good(tried, strict=strict))
            _print_costs(each)
    good = all(findings.is_good(found, strict=strict) for found in checked.values())
    if junit is not None:
        _write("--junit", junit, findings.junit(checked, strict=strict))
    if summary is not None:
        text = summaries.markdown(checked, gone, strict=strict)
        _write("--summary", summary, text.encode())
    if as_json:
        models = [
            {
                "model": model,
                "good": findings.is_good(found, strict=strict),
                "findings": [each.as_dict() for each in found],
            }
            for model, found in checked.items()
        ]
        document = (
            models[0] if changed_since is None else {"good": good, "models": models, "gone": gone}
        )
        show.emit_json(document | ({"log": log} if show_log else {}))
    return 0 if good else 1


def _changed(
    folder: Path, ref: str, data: tuple[Path, ...], *, as_json: bool
) -> tuple[list[Path], list[str]]:
    from everloop_cli import changed

    if data:
        raise click.UsageError("--data is for one folder; with --changed-since leave it out")
    found = changed.since(folder, ref)
    if not as_json:
        for line in changed.told(found, folder, ref):
            show.out.print(line, style=show.QUIET, soft_wrap=True)
    return found.folders, found.gone


def _try(
    folder: Path,
    model: str,
    data: tuple[Path, ...],
    place: Path,
    log: list[str],
    options: dict[str, bool],
    *,
    as_json: bool,
) -> "list[Finding]":
    """Try one folder, and print what is found as it is found."""
    from everloop_cli import model_check

    found: list[Finding] = []
    if not as_json:
        show.out.print(f"checking {model}", style="bold")
    for each in model_check.check(
        folder,
        list(data),
        place,
        lambda word: show.progress(f"  {word} …", as_json=as_json),
        log=log.extend,
        **options,
    ):
        found.append(each)
        if not as_json and each.outcome != "not tried":
            _print(each)
    return found


def _write(option: str, path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise Trouble(f"{option} {path} cannot be written: {error.strerror}") from error


def _print(each: "Finding") -> None:
    took = f"  ({each.seconds:.1f} s)" if each.seconds and each.seconds >= 0.05 else ""
    where = f"{each.place}: " if each.place else ""
    mark = show.mark(f"{_MARKS[each.outcome]:<5}", _STYLES[each.outcome])
    line = f" {each.stage:<12} {where}{each.found}{took}"
    show.out.print(mark, line, sep="", soft_wrap=True)
    if each.fix:
        show.out.print(f"{'':18} fix: {each.fix}", soft_wrap=True)


def _print_costs(folder: Path) -> None:
    """Say what a model will cost, by prices of us-east-1, where its model.toml can be read."""
    from everloop.errors import BadInput
    from everloop.spec import policy
    from everloop.spec.model_spec import load_spec
    from everloop_cli import estimated

    try:
        text = (folder / "model.toml").read_text("utf-8")
        spec = policy.document(load_spec(text, name=folder.resolve().name, source="model.toml"))
    except (OSError, ValueError, BadInput):  # which was told among what is wrong
        return
    costs = estimated.of_document(spec, _REGION)
    show.out.print(estimated.line(costs), style=show.QUIET, soft_wrap=True)


def _sum_up(folder: Path, found: "list[Finding]", good: bool) -> None:
    left: dict[str, list[Finding]] = {}
    for each in found:
        if each.outcome == "not tried":
            left.setdefault(each.found, []).append(each)
    for why, some in left.items():
        stages = ", ".join(each.stage for each in some)
        line = f"-     not tried    {stages}: {why}"
        show.out.print(line, style=show.QUIET, soft_wrap=True)
        if some[0].fix:
            show.out.print(f"{'':18} fix: {some[0].fix}", soft_wrap=True)
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
        show.out.print(push, style=show.GOOD, soft_wrap=True)
