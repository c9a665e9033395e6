"""Why a step failed, in a model's own words: the file, the line, what is wrong and the fix."""

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from everloop.spec.nearest import nearest
from everloop_cli.model_check import scripts
from everloop_cli.model_check.findings import BAD, Finding
from everloop_cli.model_check.lab import Step
from everloop_cli.model_check.scripts import Place

_STAGES: Final = {
    "Preprocess": ("preprocess", "preprocess.py"),
    "Train": ("train", "train.py"),
    "Tune": ("train", "train.py"),
    "Model": ("serve", "inference.py"),
    "Score": ("serve", "inference.py"),
    "Evaluate": ("metrics", ""),
}
_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)')
_ERROR = re.compile(
    r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Iteration))\b:? ?(?P<text>.*)"
)
_WRAPPED = re.compile(
    r"^(?:ClientError|AlgorithmError|InternalServerError): (?P<why>.*?)(?:, exit code: -?\d+)?$",
    re.DOTALL,
)
HOW_TO_WRITE: Final = 'write the model below os.environ["SM_MODEL_DIR"], e.g. model.joblib'
_HOW_TO_ANSWER = (
    "let output_fn write a line for each row that came in, in its order, with a finite number "
    "(of several classes: a probability for each, with commas between)"
)


@dataclass(frozen=True)
class Model:
    """What is known of the folder where a step failed."""

    files: Mapping[str, bytes]
    trees: Mapping[str, ast.Module]
    target: str
    columns: Sequence[str]  # of the sample


@dataclass(frozen=True)
class _Said:
    """A sentence of ours, whose stage and file are known; the rest of it is what is wrong."""

    pattern: str
    stage: str
    file: str
    fix: str


# What jobs say (jobs/everloop_jobs), the first that fits.
_OURS: Final = (
    _Said(
        r"model\.tar\.gz is empty|wrote nothing to SM_MODEL_DIR|No model artifact",
        "train",
        "train.py",
        HOW_TO_WRITE,
    ),
    _Said(
        r"requirements\.txt .*cannot be installed|InstallRequirementsError",
        "requirements",
        "requirements.txt",
        "correct the package's name or version; pip install -r requirements.txt  tries it",
    ),
    _Said(r"^inference\.py of the model answered", "serve", "inference.py", _HOW_TO_ANSWER),
    _Said(r"^inference\.py of the model", "serve", "inference.py", ""),
    _Said(r"^metrics\.py", "metrics", "metrics.py", "let it answer one finite number"),
    _Said(r"^evaluate\.py", "metrics", "evaluate.py", ""),
    _Said(r"^preprocess\.py failed", "preprocess", "preprocess.py", ""),
    _Said(r"must keep", "preprocess", "preprocess.py", "let preprocess.py keep that column"),
    _Said(
        r"^preprocess\.py|^(?:train|validation|holdout)/data\.csv has no column",
        "preprocess",
        "preprocess.py",
        "write train/, validation/ and holdout/data.csv below --output, with the target and the "
        "columns that model.toml names",
    ),
    _Said(r"^model\.toml|\[data\]|\[evaluate\]|\[data\.split\]", "contract", "model.toml", ""),
)


def told(step: Step, model: Model) -> Finding:
    """Return the finding of a step that failed."""
    stage, file = _STAGES.get(step.name, ("train", ""))
    wrapped = _WRAPPED.match(step.why)
    why = (wrapped["why"] if wrapped else step.why).strip()
    fix = ""
    for said in _OURS:
        if re.search(said.pattern, why):
            stage, file, fix = said.stage, said.file, said.fix
            break
    place, error = raised(step.log, model.files)
    found = _sentence(why, error).removeprefix(f"{file} of the model ")
    if place is not None and (not file or file in model.files) and stage != "requirements":
        file, line = place.file, place.line
    else:
        line = None
    made = Finding(stage, BAD, found, fix, file if file in _known(model) else "", line)
    return _hinted(made, error or why, model) if stage != "contract" else made


def _known(model: Model) -> set[str]:
    return {*model.files, "requirements.txt", "train.py", "inference.py", "preprocess.py"}


def _sentence(why: str, error: str) -> str:
    """Return what failed in one line: AWS's toolkits wrap a script's error in their own words."""
    toolkit = re.match(r"(?:ExecuteUserScriptError|framework error|UserScript)", why)
    text = error if error and (toolkit or not why or error in why) else why or error
    return re.sub(r"\s+", " ", text)[:600] or "the job failed, and said nothing"


def raised(log: Iterable[str], files: Mapping[str, bytes]) -> tuple[Place | None, str]:
    """Return where a folder's own code was when it failed last, and the error's line."""
    place, error, waits = None, "", False
    for line in (part for entry in log for part in entry.splitlines()):
        frame = _FRAME.match(line)
        if frame is not None:
            name = _own(frame["path"], files)
            if name:
                place, error = Place(name, int(frame["line"])), ""
            waits = waits or bool(name)
        elif waits and (found := _ERROR.match(line)) is not None:
            error, waits = found[0].strip(), False
    return place, error


def _own(path: str, files: Mapping[str, bytes]) -> str:
    fits = [name for name in files if path == name or path.endswith(f"/{name}")]
    if "site-packages" in path or "/everloop_jobs/" in path or "/input/jobs/" in path:
        return ""
    return max(fits, key=len, default="")


def _hinted(made: Finding, error: str, model: Model) -> Finding:
    """Return a finding with the fix of a well-known error, and where that is."""
    for pattern, hint in _HINTS:
        found = re.search(pattern, error)
        if found is not None:
            return hint(made, found, model)
    fix = made.fix or (
        f"see {made.place}; its whole output: everloop check FOLDER --log" if made.file else ""
    )
    return _with(made, fix=fix)


def _no_module(made: Finding, found: re.Match[str], model: Model) -> Finding:
    name = found[1].partition(".")[0]
    at = scripts.imported(model.trees).get(name)
    if f"{name}.py" in model.files:
        return made
    where = f"{at.file}:{at.line} imports it" if at else "it is imported"
    return _with(
        made,
        stage="requirements",
        file="requirements.txt",
        line=None,
        found=f"{name} is neither in the image nor in requirements.txt, and {where}",
        fix=f"add a line to requirements.txt, e.g. {name}==<version>",
    )


def _no_column(made: Finding, found: re.Match[str], model: Model) -> Finding:
    name = found[1].strip().strip("'\"").partition("'")[0]
    if name == model.target:
        return target_asked(made, model)
    if name in model.columns:
        fix = f"the sample has {name!r}, and these rows do not: let preprocess.py keep it"
        return _with(made, fix=fix)
    hint = nearest(name, model.columns)
    there = ", ".join(model.columns)[:300]
    places = scripts.lists_with(model.trees, name)
    if places and not made.line:
        made = _with(made, file=places[0].file, line=places[0].line)
    said = f"the data has no column {name!r}{hint}" if hint else f"the data has no column {name!r}"
    return _with(made, fix=f"{said}; it has: {there}" if model.columns else said)


def target_asked(made: Finding, model: Model) -> Finding:
    """Return the finding of a model that is to be told what it predicts."""
    places = scripts.lists_with(model.trees, model.target)
    return _with(
        made,
        stage="leakage",
        file=places[0].file if places else made.file,
        line=places[0].line if places else made.line,
        found=f"the model asks for {model.target!r}, the target: it learned from what it predicts, "
        "and nobody has that when it is asked",
        fix=f"take {model.target!r} out of the features",
    )


def _arguments(made: Finding, found: re.Match[str], model: Model) -> Finding:
    fix = (
        "declare it in train.py with add_argument, use parse_known_args, or take it out of [train] "
        "hyperparameters in model.toml"
    )
    return _with(made, file="train.py", found=f"train.py does not know {found[1][:200]}", fix=fix)


def _no_file(made: Finding, found: re.Match[str], model: Model) -> Finding:
    fix = (
        'data lies in os.environ["SM_CHANNEL_TRAIN"] and SM_CHANNEL_VALIDATION, each as data.csv; '
        'the model belongs below os.environ["SM_MODEL_DIR"]'
    )
    return _with(made, fix=fix) if made.stage == "train" else made


_Hint = Callable[[Finding, "re.Match[str]", Model], Finding]
_HINTS: Final[tuple[tuple[str, _Hint], ...]] = (
    (r"No module named '?([\w.]+)", _no_module),
    (r"unrecognized arguments: (.*)", _arguments),
    (r"KeyError: [\"']?\[?('[^']+'|\"[^\"]+\")", _no_column),
    (r"KeyError: ([^\s\[].*)$", _no_column),
    (r"columns are missing: ([^,\n]+)", _no_column),
    (r"columns expected but not found: \[('[^']+')", _no_column),
    (r"not in index.*|A given column is not a column of the dataframe: '?([^'\n]+)", _no_column),
    (r"FileNotFoundError: (.*)", _no_file),
)


def _with(made: Finding, **changes: object) -> Finding:
    return Finding(**{**made.as_dict(), **changes})
