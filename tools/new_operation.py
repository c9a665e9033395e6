"""Begin an operation of the local cloud: its method, its declaration and its test.

`make new-operation SERVICE=sqs NAME=ListQueues`, and PART=registry where a service has parts.
"""

import argparse
import ast
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore import xform_name

from everloop_localcloud.cloud import SERVICES
from everloop_localcloud.kernel import wire

ROOT = Path(__file__).parents[1]
_METHOD = """
    @operation
    def {method}(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError("{name}")
"""
_TEST = '''"""{name}: what AWS's documentation says of it, one test for each sentence."""


def test_{method}(cloud_with):
    _, client = cloud_with("{service}")
    answer = client("{service}").{method}({required})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
'''


class Trouble(Exception):
    """Why an operation cannot be begun, and what to give instead."""


def begin(root: Path, service: str, name: str, part: str | None = None) -> list[Path]:
    """Write the stubs; returns the files that were changed or made. Raises Trouble."""
    if service not in SERVICES:
        there = ", ".join(SERVICES)
        raise Trouble(f"SERVICE={service}: the local cloud itself answers {there}")
    known = wire.service_model(service).operation_names
    if name not in known:
        near = difflib.get_close_matches(name, known, 3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise Trouble(f"NAME={name}: {service} has no such operation{hint}")
    module = SERVICES[service].partition(":")[0]
    own = root / "localcloud" / Path(*module.split(".")).with_suffix(".py")
    folder = own.parent
    method = xform_name(name)
    for path in folder.glob("*.py"):
        if re.search(rf"\bdef {method}\(", path.read_text()):
            raise Trouble(f"NAME={name}: {path.relative_to(root)} answers it already")
    home = _home(folder, own, part, root)
    home.write_text(_with_method(home.read_text(), _METHOD.format(method=method, name=name)))
    reads = folder / "reads.py"
    declaration = _declaration(own.read_text())
    reads.write_text(_declared(reads.read_text(), declaration, name))
    test = root / "tests" / "localcloud" / folder.name / f"test_{method}.py"
    test.parent.mkdir(parents=True, exist_ok=True)
    shape = wire.service_model(service).operation_model(name).input_shape
    required = ", ".join(f"{each}=..." for each in (shape.required_members if shape else ()))
    test.write_text(_TEST.format(name=name, method=method, service=service, required=required))
    return [home, reads, test]


def _home(folder: Path, own: Path, part: str | None, root: Path) -> Path:
    """Return the file that the method belongs into: that of the service, or of its part."""
    having = {path.stem: path for path in sorted(folder.glob("*.py")) if _class(path.read_text())}
    if part is None and own.stem in having:
        return own
    if part in having:
        return having[part]
    raise Trouble(
        f"PART={part or ''}: choose one of {', '.join(having)}: {folder.relative_to(root)}"
    )


def _class(text: str) -> ast.ClassDef | None:
    """Return the class of a file that has operations."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and any(_is_operation(each) for each in node.body):
            return node
    return None


def _is_operation(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(each, ast.Name) and each.id == "operation" for each in node.decorator_list
    )


def _with_method(text: str, method: str) -> str:
    """Put a method behind the last operation of a file's class."""
    found = _class(text)
    assert found is not None
    last = max(each.end_lineno or 0 for each in found.body if _is_operation(each))
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:last], method, *lines[last:]])


def _declaration(text: str) -> str:
    """Return the name in reads.py that a service's class takes."""
    found = re.search(r"^    reads = (\w+)$", text, flags=re.MULTILINE)
    assert found is not None
    return found[1]


def _declared(text: str, declaration: str, name: str) -> str:
    """Add an operation that reads nothing yet, where it belongs in the alphabet."""
    head, _, rest = text.partition(f'{declaration} = declared(\n    """\n')
    body, _, tail = rest.partition('"""\n')
    rows = re.split(r"\n(?! )", body.rstrip("\n"))
    rows = sorted([*rows, f"{name}:"], key=lambda row: row.partition(":")[0])
    return f'{head}{declaration} = declared(\n    """\n' + "\n".join(rows) + f'\n"""\n{tail}'


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make new-operation", description=__doc__)
    parser.add_argument("service", help="as boto3 names it: sqs, s3, sagemaker, ...")
    parser.add_argument("name", help="as AWS names it: ListQueues")
    parser.add_argument("part", nargs="?", help="the file of the service that it belongs into")
    given = parser.parse_args(arguments)
    try:
        files = begin(ROOT, given.service, given.name, given.part or None)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    for path in files:
        print(path.relative_to(ROOT))
    print("Write the test, then the method. CONTRIBUTING.md walks through the rest.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
