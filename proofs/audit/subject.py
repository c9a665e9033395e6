"""What is audited: a folder that holds the product, or a copy of it with flaws."""

import json
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from proofs.audit.documents import Document, documents
from proofs.audit.findings import AuditError
from proofs.template import Template, translated

# What ships: it runs in AWS, or with somebody's credentials.
PRODUCT: Final = ("functions", "layers", "jobs", "cli", "models")
_NOT_OURS: Final = {"build", "node_modules", "__pycache__"}


class Subject:
    """The product in `root`. Reads nothing before it is asked, and nothing twice."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def template(self) -> Path:
        return self.root / "template.yaml"

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The template as SAM translates it to plain CloudFormation."""
        try:
            return translated(self.root)
        except Exception as error:  # the translator raises many kinds
            raise AuditError(f"{self.template} cannot be translated: {error}") from error

    @cached_property
    def plain_file(self) -> Path:
        path = self.root / "build" / "audit" / "translated.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.plain, indent=1))
        return path

    @cached_property
    def stacks(self) -> tuple[Template, Template]:
        """The stack with all its options, and with none."""
        return Template(self.plain, yes=True), Template(self.plain, yes=False)

    @cached_property
    def policies(self) -> tuple[Document, ...]:
        """Every policy document, once for each way its conditions can be answered."""
        return tuple(dict.fromkeys(d for stack in self.stacks for d in documents(stack)))

    @cached_property
    def machines(self) -> dict[str, dict[str, Any]]:
        """The state machines' definitions, by the names of their files."""
        found = {
            path.name.partition(".")[0]: yaml.safe_load(path.read_text())
            for path in sorted((self.root / "statemachines").glob("*.asl.yaml"))
        }
        if not found:
            raise AuditError(f"no state machine in {self.root / 'statemachines'}")
        return found

    def product(self) -> list[Path]:
        """Return the Python files that ship. Raises AuditError for a folder without any."""
        found = [p for p in self.python() if self.name(p).partition("/")[0] in PRODUCT]
        for folder in PRODUCT:
            if not any(self.name(path).startswith(f"{folder}/") for path in found):
                raise AuditError(f"no Python file in {folder}/")
        return found

    def python(self) -> list[Path]:
        """Return all Python files but the tests, those of folders that are yet to come included."""
        code = (path for path in self.files() if path.suffix == ".py")
        return [path for path in code if not self.name(path).startswith("tests/")]

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def files(self) -> list[Path]:
        """Return every file of ours, inside or outside of a git repository."""
        return self._files

    def copy_to(self, folder: Path) -> None:
        for path in self.files():
            target = folder / self.name(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    @cached_property
    def _files(self) -> list[Path]:
        return list(_ours(self.root))


def _ours(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        hidden = entry.name.startswith(".") and entry.name not in (".ci", ".gitignore")
        if hidden or entry.name in _NOT_OURS or entry.name.endswith(".egg-info"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _ours(entry)
        elif entry.is_file():
            yield entry
