"""A new model's folder, written from its data's own columns."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from everloop.errors import BadInput
from everloop.facts import is_model_name
from everloop.spec.model_spec import load_spec
from everloop_cli.starter import columns_of
from everloop_cli.starter.columns_of import Column, Table
from everloop_cli.trouble import Trouble

_SCRIPTS = Path(__file__).parent / "scripts"
_CLASSIFIER = {
    "HistGradientBoostingRegressor": "HistGradientBoostingClassifier",
    "import root_mean_squared_error": "import log_loss",
    "error = root_mean_squared_error(seen[TARGET], model.predict(seen[FEATURES]))": (
        "answers = model.predict_proba(seen[FEATURES])\n"
        "    error = log_loss(seen[TARGET], answers, labels=model.classes_)"
    ),
    "validation_rmse": "validation_log_loss",
}
_ONE_CLASS = {
    "one score a line out; other columns are ignored": (
        "the probability of the positive class a line out"
    ),
    "from columns import FEATURES, TEXTS": "from columns import FEATURES, POSITIVE, TEXTS",
    "model.predict(rows)": "model.predict_proba(rows)[:, list(model.classes_).index(POSITIVE)]",
}
_ALL_CLASSES = {
    "one score a line out; other columns are ignored": "a probability for each class a line out",
    "model.predict(rows)": "model.predict_proba(rows)",
    'f"{score!r}\\n" for score in scores.tolist()': (
        '",".join(map(repr, row)) + "\\n" for row in scores.tolist()'
    ),
}
_YES = ("1", "yes", "y", "true", "t", "positive", "churned", "fraud", "late", "default")
_ON_A_LINE = 96


@dataclass(frozen=True)
class Choice:
    """What a new model predicts from which columns, and why so."""

    problem: str
    why: str
    target: Column
    key: Column | None
    moment: Column | None
    numbers: Sequence[str]
    categories: Sequence[str]
    positive: str | None
    algorithm: str | None = None

    @property
    def features(self) -> list[str]:
        return [*self.numbers, *self.categories]


def choose(
    table: Table, target: str, key: str | None, problem: str | None, algorithm: str | None = None
) -> Choice:
    """Choose what a model is made of. Raises Trouble where the data does not tell.

    A built-in algorithm learns from all columns besides, which must be numbers.
    """
    aim = table.named(target)
    found, why = columns_of.problem_of(aim)
    if aim.filled < table.rows:
        raise Trouble(
            f"{table.rows - aim.filled} of {table.rows} rows have no {target!r}: leave them out"
        )
    named = table.named(key) if key else table.key()
    moment = table.moment()
    if named is not None and not named.filled == table.rows:
        raise Trouble(f"--key {named.name}: {table.rows - named.filled} rows have none")
    if named is None and moment is None:
        raise Trouble(
            "no column of the data names its rows, and none says when they were: rows cannot be "
            "split so that they stay apart. Add a column with a name for each, or say --key COLUMN"
        )
    but = {aim.name, named.name if named else ""}
    numbers, categories = table.numbers(but), table.categories(but)
    if not numbers and not categories:
        raise Trouble(f"besides {aim.name!r} the data has no column that a model can learn from")
    if algorithm:
        but |= {moment.name} if moment else set()
        words = [c.name for c in table.columns if c.name not in (*but, *numbers) and c.filled]
        if words:
            raise Trouble(
                f"{algorithm} learns from numbers only, and the data has {', '.join(words)} "
                "besides: leave them out of it, or leave --algorithm out: the scripts then "
                "encode words"
            )
    problem = problem or found
    positive = None
    if problem == "binary_classification":
        if len(aim.distinct) != 2:
            raise Trouble(f"{problem} needs a target of two values; {aim.name!r} holds {why}")
        positive = _positive(aim)
    if problem == "regression" and not aim.is_number:
        raise Trouble(f"regression needs a target of numbers; {aim.name!r} holds {why}")
    return Choice(problem, why, aim, named, moment, numbers, categories, positive, algorithm)


def write(folder: Path, table: Table, chosen: Choice) -> list[str]:
    """Write a folder and return its files. Raises Trouble for a name or place that is none."""
    files = {"model.toml": _toml(table, chosen)}
    if chosen.algorithm is None:
        files |= _scripts(chosen)
    return placed(folder, files)


def placed(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write files into a model's new folder and return their names.

    Raises Trouble, and writes nothing, where something is there already or a model is none.
    """
    if not is_model_name(folder.name):
        raise Trouble(
            f"{folder.name!r} is no name of a model: letters, digits and single hyphens, at most 32"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Trouble(f"{folder} is there already, and not empty")
    try:
        load_spec(files["model.toml"], name=folder.name)
    except BadInput as error:
        raise Trouble(f"these columns make no model: {error}") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{folder} cannot be written: {error}") from error
    return list(files)


def _scripts(chosen: Choice) -> dict[str, str]:
    classes = chosen.problem != "regression"
    serving = _ONE_CLASS if chosen.positive is not None else _ALL_CLASSES if classes else {}
    return {
        "columns.py": _columns(chosen),
        "train.py": _script("train.py", _CLASSIFIER if classes else {}),
        "inference.py": _script("inference.py", serving),
    }


def _script(name: str, instead: Mapping[str, str]) -> str:
    """Return a script for numbers as it stands, or with what is otherwise for classes."""
    text = (_SCRIPTS / name).read_text(encoding="utf-8")
    for line, other in instead.items():
        if line not in text:
            raise ValueError(f"{name} has no {line!r} any more")
        text = text.replace(line, other)
    return text


def _positive(target: Column) -> str:
    """Return which of two values is meant: one that says yes, else the rarer."""
    said = [value for value in target.distinct if _plain(value) in _YES]
    return said[0] if len(said) == 1 else min(target.distinct, key=lambda v: target.values[v])


def _plain(value: str) -> str:
    return re.sub(r"\.0+$", "", value.strip().lower())


def _is_zero_one(target: Column) -> bool:
    return {_plain(value) for value in target.distinct} == {"0", "1"}


def _toml(table: Table, chosen: Choice) -> str:
    target = chosen.target
    lines = [
        f"description = {quoted(f'Predicts {target.name}')}",
        f'problem = "{chosen.problem}" # {target.name} holds {chosen.why}',
        "",
        "[data]",
        f"target = {quoted(target.name)}",
    ]
    if chosen.positive is not None and not _is_zero_one(target):
        lines.append(f"positive = {quoted(chosen.positive)} # whose probability is answered")
    if chosen.algorithm and chosen.problem == "multiclass_classification":
        lines.append(f"classes = [{', '.join(map(quoted, _classes(target)))}]")
    if chosen.key is not None:
        lines.append(f"key = {quoted(chosen.key.name)} # names a row: late labels are joined by it")
    if chosen.moment is not None:
        lines.append(f"timestamp = {quoted(chosen.moment.name)}")
    lines += dialect(table)
    by = "time" if chosen.moment is not None else "key"
    why = (
        "train on the past, measure on what came later" if by == "time" else "a row keeps its part"
    )
    lines += ["", "[data.split]", f'by = "{by}" # {why}', ""]
    if chosen.algorithm:
        lines += ["[train]", f'algorithm = "{chosen.algorithm}"']
        lines += ["hyperparameters = { num_round = 100, max_depth = 4, eta = 0.1 }", ""]
    lines += ["[evaluate]"]
    lines += [f"metrics = {_bars(chosen)} # what a version must reach; raise it"]
    lines += ["", "[approve]", 'by = "policy"', 'first = "person" # look at the first version', ""]
    return "\n".join(lines)


def dialect(table: Table) -> list[str]:
    """Return the lines of model.toml that say how a file is written; none of plain CSV."""
    if (table.separator, table.decimal) == (",", "."):
        return []
    lines = ["", "[data.dialect]", f"separator = {quoted(table.separator)}"]
    lines += [f"decimal = {quoted(table.decimal)}", "", "[data.columns]"]
    for column in table.columns:
        kind = "number" if column.is_number else "text"
        lines.append(f'{quoted(column.name)} = "{kind}"')
    return lines


def _classes(target: Column) -> list[str]:
    """Return a target's values in the order in which scikit-learn has them."""
    return sorted(target.distinct, key=float if target.is_number else str)


def _bars(chosen: Choice) -> str:
    """Return a bar that says little more than that something was learned."""
    if chosen.problem == "regression":
        return "{ r2 = { min = 0.0 } }"  # the mean reaches that
    if chosen.problem == "binary_classification":
        return "{ auc = { min = 0.55 } }"  # chance has 0.5
    chance = 1 / len(chosen.target.distinct)
    return f"{{ balanced_accuracy = {{ min = {chance * 1.1:.4g} }} }}"


def _columns(chosen: Choice) -> str:
    texts = [*chosen.categories]
    if not chosen.target.is_number:
        texts.append(chosen.target.name)
    parts = [
        '"""The columns of the data that the model learns from, shared by training and serving."""',
        "",
        f"NUMBERS = {listed(chosen.numbers)}",
        f"CATEGORIES = {listed(chosen.categories)}",
        "FEATURES = [*CATEGORIES, *NUMBERS]",
        f"TARGET = {chosen.target.name!r}",
    ]
    if chosen.positive is not None:
        parts.append(f"POSITIVE = {_value(chosen.target, chosen.positive)!r}")
    parts += [f"TEXTS = dict.fromkeys({listed(texts)}, str)  # read as they are written", ""]
    return "\n".join(parts)


def _value(target: Column, value: str) -> Any:
    """Return a target's value as pandas reads it."""
    if not target.is_number:
        return value
    return int(float(value)) if float(value).is_integer() else float(value)


def listed(names: Sequence[str]) -> str:
    line = ", ".join(repr(name) for name in names)
    if len(line) < _ON_A_LINE - len("CATEGORIES = []"):
        return f"[{line}]"
    return "[\n" + "".join(f"    {name!r},\n" for name in names) + "]"


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
