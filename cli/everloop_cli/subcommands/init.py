"""everloop init: a folder that trains, from a CSV file's own columns."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from everloop_cli import options, show

if TYPE_CHECKING:
    from everloop_cli.starter.columns_of import Table

FORECAST: Final = "forecast"
_STARTERS: Final = ("scikit-learn", "xgboost", FORECAST)
_PROBLEMS = ("regression", "binary_classification", "multiclass_classification")


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="A CSV file of it.")
@click.option("--target", metavar="COLUMN", help="What to predict.")
@click.option("--key", metavar="COLUMN", help="What names a row; else the first that does.")
@click.option("--problem", type=click.Choice(_PROBLEMS), help="Else it is told by the target.")
@click.option(
    "--like",
    type=click.Choice(_STARTERS),
    default=_STARTERS[0],
    show_default=True,
    help="What learns: your scripts, AWS's own algorithm and no script, or a forecast of series.",
)
@click.option("--algorithm", type=click.Choice(["xgboost"]), help="The same as --like xgboost.")
@click.option(
    "--series",
    multiple=True,
    metavar="COLUMN",
    help="Of a forecast: what names a row together with its time; may come often.",
)
@click.option("--horizon", type=click.IntRange(min=1), help="Of a forecast: how many steps ahead.")
@click.option(
    "--repository",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a repository of models there: CI, hooks, an agent's skill; FOLDER is its first "
    "model's name, if any.",
)
@options.as_json
def init(
    folder: Path | None,
    data: Path | None,
    target: str | None,
    key: str | None,
    problem: str | None,
    like: str,
    algorithm: str | None,
    series: tuple[str, ...],
    horizon: int | None,
    repository: Path | None,
    as_json: bool,
) -> None:
    """Write a new model's FOLDER, e.g. models/prices, from the columns of a CSV file.

    It has a model.toml, and scripts for scikit-learn that are yours to change; with --like xgboost
    no scripts at all; with --like forecast scripts that say how series go on. With --repository a
    whole repository for a team, in which files that are there stay as they are. Nothing leaves the
    machine.
    """
    like = algorithm or like
    _check_options(like, key, problem, series, horizon)
    _check_given(folder, data, target, repository)
    found: dict[str, Any] = {}
    told: list[str] = []
    if folder is not None and data is not None and target is not None:
        if repository is not None:
            folder = repository / "models" / folder.name
        found, told = _model(folder, data, target, (key, problem, like), (series, horizon))
    if repository is not None:
        more, lines = _repository(repository, folder, data)
        found |= more
        told += lines
    next_ = _next(folder, data, repository)
    if as_json:
        show.emit_json(found)
        return
    for line in (*told, f"next: {next_[0]}", *(f"      {each}" for each in next_[1:])):
        show.out.print(line, soft_wrap=True)


def _check_given(
    folder: Path | None, data: Path | None, target: str | None, repository: Path | None
) -> None:
    given = {"FOLDER": folder, "--data": data, "--target": target}
    missing = [name for name, value in given.items() if value is None]
    if missing and (repository is None or len(missing) < len(given)):
        words = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
        raise click.UsageError(
            f"a model needs {words}: everloop init models/NAME --data FILE.csv --target COLUMN"
        )
    if repository is not None and folder is not None and len(folder.parts) > 1:
        raise click.UsageError(
            f"with --repository FOLDER is a name, such as {folder.name}: it is written below "
            f"{repository / 'models'}"
        )


def _model(
    folder: Path,
    data: Path,
    target: str,
    chosen: tuple[str | None, str | None, str],
    forecast: tuple[tuple[str, ...], int | None],
) -> tuple[dict[str, Any], list[str]]:
    from everloop_cli.starter import columns_of

    key, problem, like = chosen
    table = columns_of.read(data)
    if like == FORECAST:
        found, told = _forecast(folder, table, target, *forecast)
    else:
        found, told = _of_rows(folder, table, target, key, problem, like)
    told = [f"wrote {folder}: {', '.join(found['files'])}", *told]
    return {"model": folder.name, "target": target, **found}, told


def _repository(
    repository: Path, folder: Path | None, data: Path | None
) -> tuple[dict[str, Any], list[str]]:
    from everloop_cli.starter import repository as starting

    done = starting.write(repository)
    found: dict[str, Any] = {"repository": str(repository), "wrote": done.files, "kept": done.kept}
    lines = [f"wrote {repository}: {', '.join(done.files) or 'nothing new'}"]
    if done.kept:
        lines.append(f"  kept as they are: {', '.join(done.kept)}")
    if folder is not None and data is not None:
        sample = starting.sample(folder, data)
        found["sample"] = str(sample) if sample else None
        if sample:
            lines.append(
                f"  {sample}: rows of {data.name}, which CI tries the model on. See that nothing "
                "personal is among them before you commit"
            )
        else:
            lines.append(f"  put some rows of {data.name} into {folder / '.sample'}, for CI")
    return found, lines


def _next(folder: Path | None, data: Path | None, repository: Path | None) -> list[str]:
    if repository is not None:
        there = f"cd {shlex.quote(str(repository))}"
        if folder is None:
            return [there, "everloop init models/NAME --data FILE.csv --target COLUMN"]
        return [there, f"everloop check models/{folder.name}", "README.md has the day's commands"]
    assert folder is not None and data is not None
    at, file = shlex.quote(str(folder)), shlex.quote(str(data))
    return [
        f"everloop check {at} --data {file}",
        f"everloop push {at}",
        f"everloop drop {folder.name} {file}",
    ]


def _check_options(
    like: str, key: str | None, problem: str | None, series: tuple[str, ...], horizon: int | None
) -> None:
    of_forecasts = like == FORECAST
    for name, given, fits in (
        ("--series", series, of_forecasts),
        ("--horizon", horizon, of_forecasts),
        ("--key", key, not of_forecasts),
        ("--problem", problem, not of_forecasts),
    ):
        if given and not fits:
            other = "is for --like forecast" if not of_forecasts else "is for no forecast"
            raise click.UsageError(f"{name} {other}: leave it out, or say another --like")


def _forecast(
    folder: Path, table: "Table", target: str, series: tuple[str, ...], horizon: int | None
) -> tuple[dict[str, Any], list[str]]:
    from everloop_cli.starter import forecast

    chosen = forecast.choose(table, target, series, horizon)
    files = forecast.write(folder, table, chosen)
    names = ", ".join(chosen.names)
    found = {"problem": "forecasting", "series": chosen.names, "horizon": chosen.horizon}
    said = f"{target} by {names} and {chosen.moment.name}, {chosen.horizon} steps ahead"
    return {**found, "files": files}, [
        f"  forecasting: {said}",
        "  what is known ahead, such as prices or holidays, goes into [forecast] known_ahead",
    ]


def _of_rows(
    folder: Path, table: "Table", target: str, key: str | None, problem: str | None, like: str
) -> tuple[dict[str, Any], list[str]]:
    from everloop_cli.starter import folder as starting

    algorithm = None if like == _STARTERS[0] else like
    chosen = starting.choose(table, target, key, problem, algorithm)
    files = starting.write(folder, table, chosen)
    found = {
        "problem": chosen.problem,
        "key": chosen.key.name if chosen.key else None,
        "features": chosen.features,
        "files": files,
    }
    left_out = [c.name for c in table.columns if c.name not in (*chosen.features, target)]
    lines = [
        f"  {chosen.problem}: {target} holds {chosen.why}",
        f"  learns from {len(chosen.features)} columns",
        *([f"  learns nothing from {', '.join(left_out)}"] if left_out else []),
    ]
    series = table.series({target})
    if chosen.moment and series and target in table.numbers(()):
        lines.append(
            f"  {series.name} and {chosen.moment.name} together name a row, as of series that go "
            f"on: to forecast {target}, say --like forecast"
        )
    return found, lines
