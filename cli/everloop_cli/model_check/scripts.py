"""What is in a folder's scripts, without running them: syntax, handlers, imports, literals."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec

# Of inference.py, where our jobs call it: jobs/everloop_jobs/scoring.py.
HANDLERS = ("model_fn", "input_fn", "predict_fn", "output_fn")
# In every image of AWS's that runs scripts, whatever its pins say.
ABSENT, ONLY_HERE = "absent", "only here"
_IN_EVERY_IMAGE = ("boto3", "botocore", "sagemaker_training", "sagemaker_inference", "pip", "tqdm")


@dataclass(frozen=True)
class Place:
    file: str
    line: int


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a script, where, and how to fix it."""

    place: Place
    found: str
    fix: str


def parsed(files: Mapping[str, bytes]) -> tuple[dict[str, ast.Module], list[Mistake]]:
    """Parse every script; return the trees, and a mistake for each that is no Python."""
    trees, mistakes = {}, []
    for name, content in files.items():
        if not name.endswith(".py"):
            continue
        try:
            trees[name] = ast.parse(content, name)
            compile(content, name, "exec")  # finds what a parser lets pass: return outside of a def
        except SyntaxError as error:
            trees.pop(name, None)
            text = (error.text or "").strip()
            shown = f": {text[:80]}" if text else ""
            mistakes.append(
                Mistake(
                    Place(name, error.lineno or 1),
                    f"is no Python: {error.msg}{shown}",
                    "correct that line",
                )
            )
        except (ValueError, RecursionError, MemoryError) as error:
            trees.pop(name, None)
            mistakes.append(Mistake(Place(name, 1), f"is no Python: {error}", "write it as text"))
    return trees, mistakes


def handlers_missing(tree: ast.Module) -> list[str]:
    """Return which handlers an inference.py lacks; none where it takes names from elsewhere."""
    named: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named.add(node.name)
        elif isinstance(node, ast.Assign):
            named |= {each.id for each in node.targets if isinstance(each, ast.Name)}
        elif isinstance(node, ast.ImportFrom | ast.Import):
            named |= {alias.asname or alias.name for alias in node.names}
    return [] if "*" in named else [name for name in HANDLERS if name not in named]


def imported(trees: Mapping[str, ast.Module]) -> dict[str, Place]:
    """Return the packages that scripts import and Python and the folder do not have, with places.

    What is imported within `try` or for type checkers only may lack.
    """
    own = {name.partition("/")[0].removesuffix(".py") for name in trees}
    found: dict[str, Place] = {}
    for file, tree in trees.items():
        for node in _certain(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in own and top not in sys.stdlib_module_names:
                    found.setdefault(top, Place(file, node.lineno))
    return found


def _certain(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        else:
            yield from _certain(child)


def named_at(trees: Mapping[str, ast.Module], word: str) -> list[Place]:
    """Return where a word is written as text; in lists first, as features mostly are."""
    return lists_with(trees, word) + [
        Place(file, node.lineno)
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value == word
    ]


def lists_with(trees: Mapping[str, ast.Module], word: str) -> list[Place]:
    """Return where a list, tuple or set of names is written that holds the word."""
    return [
        Place(file, element.lineno)
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.List | ast.Tuple | ast.Set) and not _is_keyed(node, tree)
        for element in node.elts
        if isinstance(element, ast.Constant) and element.value == word
    ]


def _is_keyed(node: ast.AST, tree: ast.Module) -> bool:
    """Whether a list is the argument of a call: dict.fromkeys([...], str), drop(columns=[...])."""
    return any(
        isinstance(call, ast.Call)
        and (node in call.args or any(node is keyword.value for keyword in call.keywords))
        for call in ast.walk(tree)
    )


@dataclass(frozen=True)
class Requirements:
    """What a requirements.txt asks for, by the names of distributions, normalised."""

    names: frozenset[str]
    certain: bool  # no options, files or addresses that may bring anything

    @classmethod
    def read(cls, text: str) -> "Requirements":
        names, certain = set(), True
        for line in text.splitlines():
            line = line.partition(" #")[0].strip()
            if not line or line.startswith("#"):
                continue
            word = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
            if word is None or "://" in line.partition("@")[0]:
                certain = False
            else:
                names.add(_normal(word[0]))
        return cls(frozenset(names), certain)


def missing(top: str, required: Requirements, image: Sequence[str] | None) -> str:
    """Say why a package cannot be imported in the model's image; "" where it can, or may.

    `image` names the distributions that the image has; None where nobody knows.
    """
    if top in _IN_EVERY_IMAGE:
        return ""
    distributions = {_normal(name) for name in _distributions().get(top, [])} or {_normal(top)}
    brought = _closure(required.names)
    if distributions & brought or not required.certain:
        return ""
    unknown = any(not _is_installed(name) for name in required.names)  # what it brings is, too
    if unknown:
        return ""
    if find_spec(top) is None:
        return ABSENT
    if image is None or distributions & _closure(frozenset(map(_normal, image))):
        return ""
    return ONLY_HERE


def _closure(names: frozenset[str]) -> frozenset[str]:
    """Return distributions with all that they bring along, as far as it is installed here."""
    known, todo = set(names), list(names)
    while todo:
        try:
            lines = metadata.requires(todo.pop()) or []
        except metadata.PackageNotFoundError:
            continue
        for line in lines:
            word = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
            if word and "extra ==" not in line and _normal(word[0]) not in known:
                known.add(_normal(word[0]))
                todo.append(_normal(word[0]))
    return frozenset(known)


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
