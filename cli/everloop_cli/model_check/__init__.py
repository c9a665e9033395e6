"""`everloop check`: what would go wrong with a model's folder, found before anything is pushed."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from everloop_cli import local_cloud, states
from everloop_cli.model_check import trial
from everloop_cli.model_check.findings import SKIPPED, STAGES, Finding
from everloop_cli.model_check.lab import Lab
from everloop_cli.model_check.static import Static
from everloop_cli.trouble import Trouble


def check(
    path: Path,
    data: list[Path],
    out: Path,
    say: Callable[[str], None],
    *,
    log: Callable[[Iterable[str]], None],
    exact: bool = False,
    docker: bool = False,
) -> Iterator[Finding]:
    """Yield what is found in a model's folder; pages are written to `out`.

    Stages that could not be tried are said to be so, and `log` gets what a failed job printed.
    Raises Trouble where there is no folder, or none can be made for the pages.
    """
    seen: set[str] = set()
    static = Static(path)
    for each in static.look():
        seen.add(each.stage)
        yield each
    folder, paths = static.folder, trial.sample(path, data)
    why, fix = "what is wrong above comes first", ""
    if folder is not None and not paths:
        why = "no sample of the data was given"
        fix = f"everloop check {path} --data FILE.csv, or put files into {path / '.sample'}"
    elif folder is not None:
        local_cloud.check_installed()
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Trouble(f"{out} is no folder for pages ({error.strerror}): --out") from error
        lab = Lab(folder.model, exact=exact, docker=docker)
        tried = trial.Trial(folder, lab, out, say)
        try:
            for each in tried.run(paths):
                seen.add(each.stage)
                yield each
        finally:
            lab.close()
        log(tried.log)
    for stage in STAGES:
        if stage not in seen:
            yield Finding(stage, SKIPPED, why, fix)


def pages_of(model: str) -> Path:
    """Return the folder where a model's pages are written, of this user's own."""
    return states.home() / "checks" / model
