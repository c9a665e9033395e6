"""What a check sees without running anything: syntax, the contract, what scripts import."""

import ast
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from everloop.bundle import Bundle, contents, open_bundle, packed
from everloop.errors import BadInput
from everloop.pipelines.own import SOURCE
from everloop.spec import model_images, policy
from everloop.spec.model_spec import ModelSpec, load_spec
from everloop_cli import sdk
from everloop_cli.lookup import with_lookup
from everloop_cli.model_check import scripts
from everloop_cli.model_check.findings import BAD, GOOD, WARNING, Finding
from everloop_cli.trouble import Trouble

TOML = "model.toml"
_REGION = "us-east-1"  # of the images that are asked for


@dataclass(frozen=True)
class Folder:
    """A model's folder that is fit to be tried."""

    model: str
    bundle: bytes
    opened: Bundle
    spec: ModelSpec
    trees: Mapping[str, ast.Module]


class Static:
    """Looks at a folder; `folder` is there once nothing stands against trying it."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise Trouble(
                f"{path} is no folder. A model is a folder with a model.toml: everloop check "
                "models/NAME  (everloop init FOLDER --data FILE.csv --target COLUMN  writes one)"
            )
        self.folder: Folder | None = None
        self._path = path
        self._model = path.resolve().name

    def look(self) -> Iterator[Finding]:
        try:
            files = contents(self._path)
        except BadInput as error:
            yield Finding("contract", BAD, str(error), "leave it out of the folder")
            return
        trees, mistakes = scripts.parsed(files)
        for each in mistakes:
            yield Finding("syntax", BAD, each.found, each.fix, each.place.file, each.place.line)
        if not mistakes:
            count = f"{len(trees)} script{'s' * (len(trees) != 1)}"
            yield Finding("syntax", GOOD, f"{count} parsed")
        if TOML not in files:
            yield Finding(
                "contract",
                BAD,
                f"{self._path} has no model.toml: it is no model's folder",
                "name the folder of one model; everloop init FOLDER --data FILE.csv --target "
                "COLUMN  writes one",
                TOML,
            )
            return
        spec = yield from self._spec(files)
        if spec is None or mistakes:
            return
        found = [*self._contract(files, trees, spec)]
        yield from found or [Finding("contract", GOOD, f"{spec.problem}: {_of(spec)}")]
        lacking = [*_requirements(files, trees, spec)]
        yield from lacking or [Finding("requirements", GOOD, _asked(files, spec))]
        if any(each.outcome == BAD for each in (*found, *lacking)):
            return
        whole = sdk.with_pipeline(self._path, with_lookup(files, self._model), self._model)
        data = packed(whole)
        self.folder = Folder(self._model, data, open_bundle(data), spec, trees)

    def _spec(self, files: Mapping[str, bytes]) -> Generator[Finding, None, ModelSpec | None]:
        try:
            text = files[TOML].decode()
            return load_spec(text, name=self._model)
        except UnicodeDecodeError as error:
            yield Finding("contract", BAD, f"is no UTF-8 text: {error}", "save it as UTF-8", TOML)
        except BadInput as error:
            for line in str(error).splitlines():
                if line.strip() and not line.endswith(":"):
                    yield _of_toml(line.strip(), text)
        return None

    def _contract(
        self, files: Mapping[str, bytes], trees: Mapping[str, ast.Module], spec: ModelSpec
    ) -> Iterator[Finding]:
        written = with_lookup(files, self._model)
        for name in spec.scripts:
            if name not in written:
                yield Finding(
                    "contract",
                    BAD,
                    f"the folder has no {name}, which a {spec.problem} model needs",
                    f"add {name}; docs/add-a-model.md says what belongs into it",
                    name,
                )
        inference = trees.get("inference.py")
        if "inference.py" in spec.scripts and inference is not None:
            for name in scripts.handlers_missing(inference):
                yield Finding(
                    "contract",
                    BAD,
                    f"has no {name}, which answers requests",
                    f"add def {name}: model_fn, input_fn, predict_fn and output_fn belong there",
                    "inference.py",
                )
        try:
            model_images.check(policy.document(spec), _REGION)
        except BadInput as error:
            yield Finding("contract", BAD, str(error), "name another in [train]", TOML)


def _of(spec: ModelSpec) -> str:
    return f"target {spec.data.target}" if spec.data.target else "no target"


def _of_toml(line: str, text: str) -> Finding:
    """Return a mistake of model.toml, with the line of its key where it is there."""
    line = line.removeprefix("model.toml: ")
    found, _, fix = line.partition("; ")
    words = re.match(r"[\w.\-]+", found)
    at = toml_line(text, words[0] if words else "")
    number = re.search(r"at line (\d+)", line)
    fix = fix.replace("?; it has ", "? There are: ") or "correct that line"
    return Finding("contract", BAD, found, fix, TOML, int(number[1]) if number else at)


def toml_line(text: str, key: str) -> int | None:
    """Return the line of a key (`evaluate.metrics.auc`), or of the nearest above it; None."""
    parts = [part for part in key.split(".") if part]
    section: list[str] = []
    best, depth = None, 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([\w.\"-]+)\s*\]+", line)
        if header is not None:
            section = header[1].replace('"', "").split(".")
            here = section
        elif (name := re.match(r"\s*([\w.\"-]+)\s*=", line)) is not None:
            here = [*section, *name[1].replace('"', "").split(".")]
        else:
            continue
        fits = len(here) if here == parts[: len(here)] else 0
        if fits > depth:
            best, depth = number, fits
    return best


def _requirements(
    files: Mapping[str, bytes], trees: Mapping[str, ast.Module], spec: ModelSpec
) -> Iterator[Finding]:
    if spec.train.image or spec.deploy.image:
        return  # nobody knows here what they have
    text = files.get("requirements.txt", b"").decode("utf-8", "replace")
    required, image = scripts.Requirements.read(text), _in_image(spec)
    inside = {name: tree for name, tree in trees.items() if name != SOURCE}  # that is for the SDK
    for top, place in scripts.imported(inside).items():
        why = scripts.missing(top, required, image)
        if not why:
            continue
        fix = f"add a line to requirements.txt, e.g. {top}==<version>"
        if why == scripts.ABSENT:
            found = f"imports {top}, which is neither in the image nor in requirements.txt"
            yield Finding("requirements", BAD, found, fix, place.file, place.line)
        else:
            found = (
                f"imports {top}, which is on this machine, and not known to be in the image of "
                f"{spec.train.framework} {spec.train.version}"
            )
            yield Finding("requirements", WARNING, found, fix, place.file, place.line)


def _in_image(spec: ModelSpec) -> list[str] | None:
    """Return the distributions that a model's image is known to have; None where nobody knows."""
    cloud = find_spec("everloop_localcloud")
    if cloud is None or not cloud.submodule_search_locations or spec.train.framework is None:
        return None
    pins = Path(next(iter(cloud.submodule_search_locations))) / "sagemaker" / "pins"
    path = pins / f"sagemaker-{spec.train.framework}-{spec.train.version}.txt"
    if not path.is_file():
        return None
    words = (
        re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in path.read_text().splitlines()
    )
    return [word[0] for word in words if word is not None]


def _asked(files: Mapping[str, bytes], spec: ModelSpec) -> str:
    if spec.train.algorithm:
        return f"{spec.train.algorithm} is AWS's own algorithm, and imports nothing of the folder's"
    more = " and requirements.txt have" if "requirements.txt" in files else " has"
    return f"the image{more} what the scripts import"
