"""A folder that forecasts: how series go on, from a file with a row for each series and time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from everloop_cli.starter.columns_of import Column, Table
from everloop_cli.starter.folder import dialect, listed, placed, quoted
from everloop_cli.trouble import Trouble

_SCRIPTS = Path(__file__).parent / "scripts" / "forecast"
_HORIZON, _SHARE = 14, 8  # steps ahead, and the least share of all times that they are


@dataclass(frozen=True)
class Forecast:
    """What is forecast of which series, by which time, and how many steps ahead."""

    target: Column
    moment: Column
    series: Sequence[Column]
    horizon: int

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.series]


def choose(table: Table, target: str, series: Sequence[str], horizon: int | None) -> Forecast:
    """Choose what a forecast is made of. Raises Trouble where the data does not tell."""
    aim, moment = table.named(target), table.moment()
    if not aim.is_number:
        raise Trouble(f"a forecast needs a target of numbers; {target!r} holds words")
    if aim.filled < table.rows:
        raise Trouble(
            f"{table.rows - aim.filled} of {table.rows} rows have no {target!r}: leave them out"
        )
    if moment is None:
        raise Trouble(
            "a forecast needs a column that says when each row was, as 2026-12-31 or "
            "2026-12-31T08:00:00Z, and the data has none that does in every row"
        )
    named = [table.named(name) for name in series]
    if not named:
        found = table.series({target})
        if found is None:
            raise Trouble(
                f"no column of words names a row together with {moment.name!r}: say which series "
                "a row belongs to with --series COLUMN, which may come often; for one series add a "
                "column that has the same word in each row"
            )
        named = [found]
    at = {column.name: place for place, column in enumerate(table.columns)}
    rows = {
        tuple(row[at[each.name]] for each in (*named, moment))
        for row in table.cells
        if len(row) == len(at)
    }
    if len(rows) < table.rows:
        names = ", ".join(each.name for each in named)
        raise Trouble(
            f"{table.rows - len(rows)} rows have the {names} and {moment.name} of another: a "
            "forecast has one row for each series and time; name all of them with --series"
        )
    times = len(moment.moments)
    steps = horizon or max(1, min(_HORIZON, times // _SHARE))
    if times < 4 * steps:
        raise Trouble(
            f"--horizon {steps} needs {4 * steps} times at least, and {moment.name} has {times}: "
            f"the last {steps} of a series are its holdout, as many before them its validation"
        )
    return Forecast(aim, moment, named, steps)


def write(folder: Path, table: Table, chosen: Forecast) -> list[str]:
    """Write the folder and return its files. Raises Trouble for a name or place that is none."""
    named = [
        f"SERIES = {listed(chosen.names)}",
        f"TIME = {chosen.moment.name!r}",
        f"TARGET = {chosen.target.name!r}",
        f"HORIZON = {chosen.horizon}  # steps, as [forecast] in model.toml has it",
        "TEXTS = dict.fromkeys(SERIES, str)  # read as they are written",
    ]
    columns = (_SCRIPTS / "columns.txt").read_text(encoding="utf-8")
    files = {
        "model.toml": _toml(table, chosen),
        "columns.py": columns.replace("<named>", "\n".join(named)),
        **{
            name: (_SCRIPTS / name).read_text(encoding="utf-8")
            for name in ("train.py", "inference.py")
        },
    }
    return placed(folder, files)


def _toml(table: Table, chosen: Forecast) -> str:
    said = quoted(f"Forecasts {chosen.target.name}")
    lines = [
        f"description = {said}",
        'problem = "forecasting"',
        "",
        "[data]",
        f"target = {quoted(chosen.target.name)}",
        f"timestamp = {quoted(chosen.moment.name)}",
        *dialect(table),
        "",
        "[data.split]",
        'by = "series" # each is measured on its last steps',
        "",
        "[forecast]",
        f"series = [{', '.join(map(quoted, chosen.names))}]",
        f"horizon = {chosen.horizon} # steps ahead",
        "known_ahead = [] # such as prices: add what is known before to features() as well",
        "",
        "[evaluate]",
        "metrics = { wape = { max = 1.0 } } # who answers 0 reaches it; lower it",
        "",
        "[approve]",
        'by = "policy"',
        'first = "person" # look at the first version',
        "",
    ]
    return "\n".join(lines)
