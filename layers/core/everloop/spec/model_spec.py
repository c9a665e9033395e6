"""A model's `model.toml`: everything its owner decides, read once and checked all at once."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, Self

from pydantic import ValidationError, model_validator

from everloop.errors import BadInput
from everloop.pipelines import tuning
from everloop.spec import (
    algorithms,
    card_section,
    fairness_section,
    features,
    forms,
    in_one_job,
    model_images,
    personal,
    privacy_section,
    problem_sections,
    several_hosts,
)
from everloop.spec.card_section import Card
from everloop.spec.data_section import Checks, Data, Dialect
from everloop.spec.deploy_section import Deploy
from everloop.spec.fairness_section import Fairness
from everloop.spec.features import Features
from everloop.spec.metrics import (
    METRICS,
    Problem,
    derived,
    family,
    needs,
    out_of_reach,
    reads,
    scripts,
    targets,
)
from everloop.spec.mistakes import explained
from everloop.spec.nearest import nearest
from everloop.spec.privacy_section import Privacy
from everloop.spec.problem_sections import Forecast, Rank
from everloop.spec.sections import (
    Approve,
    Compare,
    Evaluate,
    Explain,
    Monitor,
    Notify,
    Prepare,
    Retrain,
    Track,
    Train,
    Tune,
)
from everloop.spec.values import BEST, Line, Section

MAX_NAME = 32  # so that every derived name fits SageMaker's 63 characters
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
_PARAMETERS = 100 - 5  # SageMaker takes 100 hyperparameters; script mode needs some of them


class ModelSpec(Section):
    """A whole spec; its name is the folder's."""

    name: str
    problem: Problem
    description: Line = ""
    data: Data
    features: dict[str, Features] = {}  # noqa: RUF012 # pydantic copies it
    forecast: Forecast | None = None
    rank: Rank | None = None
    prepare: Prepare = Prepare()
    train: Train = Train()
    tune: Tune | None = None
    evaluate: Evaluate = Evaluate()
    explain: Explain = Explain()
    fairness: Fairness | None = None
    card: Card = Card()
    privacy: Privacy | None = None
    approve: Approve = Approve()
    deploy: Deploy = Deploy()
    monitor: Monitor = Monitor()
    retrain: Retrain = Retrain()
    notify: Notify = Notify()
    track: Track = Track()

    @property
    def scripts(self) -> tuple[str, ...]:
        """The scripts that the folder must have."""
        others = self.data.tables.keys() - features.tables(self.features.values())
        alone = self.data.split and not others  # other tables have to be joined
        prepared = () if alone else ("preprocess.py",)
        trained = self._trained_by
        own = ("metrics.py",) if self.evaluate.own else ()
        looked_up = any(each.online for each in self.features.values())
        found = (features.LOOKUP,) if looked_up else ()
        masked = personal.scripts(self.model_dump())
        return (*prepared, *trained, *own, *found, *masked, *scripts(self.problem))

    @property
    def _trained_by(self) -> tuple[str, ...]:
        """Which scripts train and serve; an image of one's own may have its own programs."""
        if self.train.algorithm or self.train.image:
            return ()
        return ("train.py",) if self.deploy.image else ("train.py", "inference.py")

    @property
    def compare(self) -> Compare:
        """How candidate and champion are compared; by default on the problem's first metric."""
        if self.evaluate.compare is not None:
            return self.evaluate.compare
        return Compare(metric=next(iter(METRICS[self.problem])))

    @property
    def evaluation_reads(self) -> tuple[str, ...]:
        """Which outputs of the preparation the evaluation reads besides the holdout."""
        known = self.data.positive is not None or self.train.algorithm is not None
        known = known or self.fairness is not None
        named = ["baseline"] if known else []
        chosen = ["validation"] if isinstance(self.evaluate.threshold, str) else []
        return tuple(dict.fromkeys((*reads(self.problem), *named, *chosen)))

    def higher_is_better(self, metric: str) -> bool:
        return self._known_metrics[metric]

    @property
    def _known_metrics(self) -> dict[str, bool]:
        own = {name: each.better == "higher" for name, each in self.evaluate.own.items()}
        return {**METRICS[self.problem], **own}

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        self.features.update(features.named(self.name, self.features))
        split = self.data.split
        problems = [
            *model_images.mistakes(self.train.model_dump()),
            *algorithms.mistakes(self.model_dump()),
            *model_images.scoring_mistakes(self.model_dump()),
            *tuning.problems(self.model_dump()),
            *fairness_section.mistakes(
                self.model_dump(), family(self.problem), targets(self.problem)
            ),
            *self._card(),
            *privacy_section.mistakes(self.model_dump()),
            *several_hosts.mistakes(self.model_dump()),
            *forms.mistakes(self.model_dump(), self.monitor.model_fields_set),
            *in_one_job.mistakes(
                self.model_dump(), of_its_own="instance" in self.prepare.model_fields_set
            ),
            *features.problems(self.model_dump()),
            *self._metrics(),
            *self._classes(),
            *self._columns(),
            *self._split(),
            *problem_sections.mistakes(self.model_dump(), split.model_fields_set if split else ()),
            *self._tables(),
            *self._parameters(),
            *self._steps(),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _card(self) -> list[str]:
        spec = self.model_dump()
        asked = not (model_images.is_measured_by_script(spec) or model_images.is_transformed(spec))
        return card_section.mistakes(spec, explainable=asked)

    def _metrics(self) -> list[str]:
        known, problems = self._known_metrics, []
        for name in self.evaluate.own:
            if name in METRICS[self.problem]:
                problems.append(
                    f"evaluate.own.{name} is a metric of every {self.problem}; name it otherwise"
                )
        for metric, bar in self.evaluate.metrics.items():
            where = f"evaluate.metrics.{metric}"
            if metric not in known:
                problems.append(f"{where} is {_no_metric(metric, self.problem, known)}")
                continue
            side, other = ("min", "max") if known[metric] else ("max", "min")
            value = getattr(bar, side)
            if value is None or getattr(bar, other) is not None:
                better = "higher" if known[metric] else "lower"
                problems.append(f"{where}: {better} is better, so give {side} and only {side}")
            elif metric in self.evaluate.own:
                continue
            elif (key := needs(self.problem, metric)) and not getattr(self.evaluate, key):
                problems.append(f"{where} needs evaluate.{key}; give them, e.g. [0.1, 0.5, 0.9]")
            elif wrong := out_of_reach(self.problem, metric, value):
                problems.append(f"{where}.{side} is {value}; {wrong}")
        compare = self.evaluate.compare
        if compare is not None and compare.metric not in known:
            problems.append(
                f"evaluate.compare.metric is {compare.metric!r}, "
                f"{_no_metric(compare.metric, self.problem, known)}"
            )
        return problems

    def _classes(self) -> list[str]:
        kind, evaluate, problems = targets(self.problem), self.evaluate, []
        wrong = {
            "data.classes": (self.data.classes, "any", "of several classes"),
            "data.positive": (self.data.positive is not None, "zero-one", "of two classes"),
            "evaluate.threshold": (evaluate.threshold != 0.5, "zero-one", "of two classes"),
            "evaluate.quantiles": (evaluate.quantiles, "numbers", "of numbers"),
        }
        for key, (given, belongs, what) in wrong.items():
            if given and kind != belongs:
                problems.append(f"{key} is for problems {what}; {self.problem} is none: remove it")
        by = evaluate.threshold
        if isinstance(by, str) and by not in (*BEST, *evaluate.own):
            own = f", or one of evaluate.own ({', '.join(evaluate.own)})" if evaluate.own else ""
            problems.append(
                f"evaluate.threshold is {by!r}; give a number between 0 and 1, or one of "
                f"{', '.join(BEST)}{own}"
            )
        return problems

    def _columns(self) -> list[str]:
        data, problems = self.data, []
        if data.target in (data.key, data.timestamp):
            problems.append(
                f"data.target is {data.target!r}, which is also key or timestamp; name another"
            )
        if data.learn_from_traffic and data.key is None:
            problems.append(
                "data.learn_from_traffic is true and data.key is not given; labels find by the key "
                "what was sent, so name the column"
            )
        problems += self._formats()
        named: dict[str, Sequence[str | None]] = {
            "data.target": [data.target],
            "data.key": [data.key],
            "data.timestamp": [data.timestamp],
            "evaluate.slices": [n for n in self.evaluate.slices if n not in derived(self.problem)],
            "data.checks.columns": list(data.checks.columns),
            "monitor.ignore": self.monitor.ignore,
            "monitor.data.columns": list(self.monitor.data.columns),
        }
        for where, names in named.items():
            for name in names:
                if data.columns and name is not None and name not in data.columns:
                    hint = nearest(name, data.columns) or "; add it there"
                    problems.append(f"{where} is {name!r}, which data.columns lacks{hint}")
        return problems

    def _split(self) -> list[str]:
        data, split, problems = self.data, self.data.split, []
        if split is None:
            return []
        needs = {"key": "key", "group": "split.group"}.get(split.by, "timestamp")
        if (split.group if split.by == "group" else getattr(data, needs)) is None:
            problems.append(
                f"data.split.by is {split.by!r} and data.{needs} is not given; name the column"
            )
        if split.group == data.target:
            problems.append(
                f"data.split.group is {split.group!r}, which is the target; name another column"
            )
        if data.columns and split.group is not None and split.group not in data.columns:
            hint = nearest(split.group, data.columns) or "; add it there"
            problems.append(f"data.split.group is {split.group!r}, which data.columns lacks{hint}")
        if data.format == "files" or data.check == "names-only":
            other = "format is 'files'" if data.format == "files" else "check is 'names-only'"
            problems.append(
                f"data.split is given and data.{other}; what nobody reads cannot be split, so "
                "leave it out and split in preprocess.py"
            )
        if (data.dialect.decimal != "." or data.dialect.thousands) and not data.columns:
            problems.append(
                "data.split is given, data.dialect has its own numbers and data.columns is not "
                "given; say there which columns are numbers"
            )
        return problems

    def _tables(self) -> list[str]:
        problems: list[str] = []
        prefixes: dict[str, str] = {}
        for name, table in self.data.tables.items():
            where = f"data.tables.{name}"
            if not _TABLE.fullmatch(name) or name in ("train", "validation", "holdout"):
                problems.append(
                    f"{where} is no name for a table; use lowercase letters, digits and "
                    "underscores, and none of train, validation, holdout"
                )
            other = prefixes.setdefault(table.prefix, name)
            if other != name:
                problems.append(
                    f"{where}.prefix is {table.prefix!r}, which is also that of {other}; give "
                    "another to one"
                )
            lost = [key for key in table.keys if table.columns and key not in table.columns]
            problems += [
                f"{where}.keys has {key!r}, which {where}.columns lacks"
                f"{nearest(key, table.columns) or '; add it there'}"
                for key in lost
            ]
        return problems

    def _formats(self) -> list[str]:
        data, problems = self.data, []
        if data.learn_from_traffic and (data.dialect != Dialect() or data.format != "csv"):
            other = "dialect is given" if data.format == "csv" else f"format is {data.format!r}"
            problems.append(
                f"data.learn_from_traffic is true and data.{other}; what is learnt from "
                "traffic is written as plain CSV, so drop plain CSV as well"
            )
        if data.dialect != Dialect() and data.format != "csv":
            problems.append(
                f"data.dialect is given and data.format is {data.format!r}; only CSV has a "
                "dialect, so leave it out"
            )
        if data.flatten and data.format not in ("parquet", "jsonl"):
            problems.append(
                f"data.flatten is true and data.format is {data.format!r}; only parquet and jsonl "
                "have records inside records, so leave it out"
            )
        if data.checks != Checks() and (data.format == "files" or data.check == "names-only"):
            other = "format is 'files'" if data.format == "files" else "check is 'names-only'"
            problems.append(
                f"data.checks is given and data.{other}; nothing is read that could be checked, so "
                "leave it out"
            )
        if data.columns and data.format == "files":
            problems.append(
                "data.columns is given and data.format is 'files'; nothing of such files is read, "
                "so leave it out"
            )
        return problems

    def _steps(self) -> list[str]:
        deploy = self.deploy
        if deploy.strategy == "linear" and deploy.step_percent < 10:
            return [
                f"deploy.step_percent is {deploy.step_percent}; SageMaker takes linear steps of "
                "10 to 50 percent"
            ]
        return []

    def _parameters(self) -> list[str]:
        parameters = self.train.hyperparameters
        problems = [
            f"train.hyperparameters.{name}: sagemaker_… is SageMaker's own; rename it"
            for name in parameters
            if name.startswith("sagemaker_")
        ]
        if len(parameters) > _PARAMETERS:
            problems.append(
                f"train.hyperparameters has {len(parameters)} keys; SageMaker takes {_PARAMETERS}"
            )
        return problems


def load_spec(text: str, *, name: str, source: str = "model.toml") -> ModelSpec:
    """Read a model's spec. Raises BadInput with one line for each thing wrong with it."""
    try:
        return _load(text, name, source)
    except RecursionError as error:  # of the reader of TOML, or of what says what is wrong
        deep = f"{source} is nested too deeply; its tables are at most three deep"
        raise BadInput("\n".join([*_name_problems(name), deep])) from error


def _load(text: str, name: str, source: str) -> ModelSpec:
    problems = [*_name_problems(name)]
    try:
        raw = tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is one that TOML's reader has not
        problems.append(f"{source} is no TOML: {error}")
        raise BadInput("\n".join(problems)) from error
    if raw.pop("name", None) is not None:
        problems.append(f"{source}: name is not a key; the folder's name is the model's name")
    try:
        spec = ModelSpec.model_validate({"name": name, **raw})
    except ValidationError as error:
        lines = [*_lines(error), *_lines_behind(error, name, raw)]
        problems += [f"{source}: {line}" for line in lines]
        raise BadInput("\n".join(problems)) from error
    if problems:
        raise BadInput("\n".join(problems))
    return spec


def _name_problems(name: str) -> list[str]:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        return [
            f"the model's name is {name!r}; use letters, digits and single hyphens, "
            f"at most {MAX_NAME} characters"
        ]
    if name.endswith("-staging"):
        return [f"the model's name is {name!r}; -staging is for endpoints under test; rename it"]
    return []


def _no_metric(metric: str, problem: str, known: Iterable[str]) -> str:
    return f"no metric of {problem}{nearest(metric, known)}; it has {', '.join(known)}"


def _lines(error: ValidationError) -> list[str]:
    return [line for problem in error.errors() for line in explained(dict(problem), ModelSpec)]


def _lines_behind(error: ValidationError, name: str, raw: dict[str, Any]) -> list[str]:
    """Return what checks across sections find once everything that `error` reports is left out.

    pydantic runs them only where each key by itself is right; the owner wants to hear all at once.
    """
    rest = deepcopy(raw)
    for problem in error.errors():
        if not problem["loc"]:
            return []  # these are the checks across sections
        _leave_out(rest, problem["loc"])
    try:
        ModelSpec.model_validate({"name": name, **rest})
    except ValidationError as behind:
        across = [dict(problem) for problem in behind.errors() if not problem["loc"]]
        return [line for problem in across for line in explained(problem, ModelSpec)]
    return []


def _leave_out(table: dict[str, Any], place: tuple[int | str, ...]) -> None:
    """Remove what lies at a place, with the tables and lists that say nothing without it."""
    key, *more = place
    inner = table.get(str(key))
    if isinstance(inner, dict) and more and more[0] in inner:
        _leave_out(inner, tuple(more))
        if inner:
            return
    table.pop(str(key), None)
