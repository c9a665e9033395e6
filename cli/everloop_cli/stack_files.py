"""The stack's files: template, functions, layers, machines, models; a clone's, or the wheel's.

A wheel holds nothing twice: the shared package and the jobs are importable there, and are put at
their places in the tree that `sam build` reads when that tree is written.
"""

import importlib.util
import shutil
from pathlib import Path

from everloop_cli.trouble import Trouble

# As pyproject.toml packs them below everloop_cli/stack; a clone has them at its root.
PARTS = (
    "template.yaml",
    "samconfig.toml",
    "functions",
    "statemachines",
    "layers/core/Makefile",
    "layers/core/aws-sdk.txt",
    "layers/core/requirements.txt",
    "events",
    "models",
)
PACKAGES = {"everloop": "layers/core/everloop", "everloop_jobs": "jobs/everloop_jobs"}
# What people change after an export, and keep when they export again.
_THEIRS = ("samconfig.toml", "models")
_PACKED = Path(__file__).with_name("stack")
_UNWANTED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")


def clone() -> Path | None:
    """Return the clone that this command runs from; None where it is installed."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "template.yaml").is_file() and (root / "cli").is_dir() else None


def models() -> Path:
    """Return the folder of the models that come with Everloop."""
    return (clone() or _PACKED) / "models"


def repository() -> Path:
    """Return the repository of models that teams begin with: `everloop init --repository`."""
    name = "models-repository"
    root = clone()
    return root / "examples" / name if root else _PACKED.with_name("examples") / name


def template(state: Path) -> Path:
    """Return template.yaml, all that it names beside it: of the clone, or written below state."""
    root = clone()
    if root is None:
        root = state / "stack"
        shutil.rmtree(root, ignore_errors=True)  # of another version of this command, perhaps
        _write(root)
    return root / "template.yaml"


def export(folder: Path, *, force: bool = False) -> list[str]:
    """Write what `sam build` and `sam deploy` need; return the names of what was written.

    With `force` also where something is: what the stack is made of is replaced; models and
    samconfig.toml that are there are kept. Raises Trouble where the folder cannot be written.
    """
    try:
        if not force and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Trouble(
                f"{folder} is there, and not empty: choose another folder, or say --force to "
                "replace the stack's files in it (models/ and samconfig.toml are kept)"
            )
        if force:
            for name in (*PARTS, *PACKAGES.values()):
                if name not in _THEIRS and (folder / name).is_dir():
                    shutil.rmtree(folder / name)
        return _write(folder)
    except (OSError, shutil.Error) as error:
        raise Trouble(f"{folder} cannot be written: {error}") from error


def _write(folder: Path) -> list[str]:
    source = clone() or _PACKED
    written = []
    for name in PARTS:
        if name == "samconfig.toml" and (folder / name).exists():
            continue
        _copy(source / name, folder / name)
        written.append(name)
    for package, name in PACKAGES.items():
        package_spec = importlib.util.find_spec(package)
        assert package_spec is not None and package_spec.origin is not None
        _copy(Path(package_spec.origin).parent, folder / name)
        written.append(name)
    return sorted(written)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_UNWANTED, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)
