"""Who may import whom: what decides cannot reach AWS, and what reaches AWS is one door."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "layers" / "core" / "everloop"


# Of the door, what only a program outside of the stack uses: the layer has no such services.
_OUTSIDE = (
    *("outside", "account", "lambdas", "queues", "quotas", "signing", "simulated"),
    *("masking", "feature_records"),
)


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def breaks(path: Path, *forbidden: str) -> list[str]:
    return sorted(
        name
        for name in imports(path)
        for bad in forbidden
        if name == bad or name.startswith(bad + ".")
    )


def files(folder: Path, *but: str) -> list[Path]:
    return [
        p for p in sorted(folder.rglob("*.py")) if not {*but} & set(p.relative_to(folder).parts)
    ]


def rule(title: str, folder: Path, forbidden: tuple[str, ...], but: tuple[str, ...] = ()):
    return pytest.param(folder, forbidden, but, id=title)


@pytest.mark.parametrize(
    ("folder", "forbidden", "but"),
    [
        rule(
            "the pure core reaches nothing",
            CORE,
            ("boto3", "botocore", "os", "socket", "urllib.request", "time", "everloop.aws"),
            ("aws", "flows", "reading", "bundle.py"),
        ),
        rule(
            "flows reach AWS through the door", CORE / "flows", ("boto3", "botocore", "os", "time")
        ),
        rule("the door decides nothing of its own", CORE / "aws", ("everloop.flows",)),
        rule(
            "what decides and acts knows no views",
            CORE,
            ("everloop.views", "everloop.reading"),
            ("views", "reading"),
        ),
        rule("functions know no views", ROOT / "functions", ("everloop.views", "everloop.reading")),
        rule("views read nothing", CORE / "views", ("everloop.aws", "everloop.reading")),
        rule(
            "what is shown is read through the door",
            CORE / "reading",
            ("boto3", "botocore", "everloop.flows", "everloop.aws.clients", "everloop.aws.outside"),
        ),
        rule(
            "the command reaches AWS through the door",
            ROOT / "cli",
            ("boto3", "botocore", "s3transfer"),
            ("sdk_program.py",),  # run by another Python, offline
        ),
        *(
            rule(
                f"{folder.name} call what their layer's SDK has",
                folder,
                tuple(f"everloop.aws.{name}" for name in _OUTSIDE),
            )
            for folder in (ROOT / "functions", CORE / "flows")
        ),
        rule("the command decides by no flow", ROOT / "cli", ("everloop.flows",)),
        rule(
            "records know the ledger and nothing else",
            CORE / "records",
            ("everloop.decisions", "everloop.flows", "everloop.spec", "everloop.pipelines"),
        ),
        rule(
            "functions reach AWS through the door", ROOT / "functions", ("boto3", "botocore", "os")
        ),
        rule(
            "nobody in the application imports the local cloud",
            ROOT,
            ("everloop_localcloud",),
            (
                "localcloud",
                "tests",
                ".venv",
                ".venv-sam",
                ".venv-audit",
                ".venv-bench",
                ".venv-clients",
                ".venv-mlflow",
                ".venv-shap",
                "build",
                "cli",
                "tools",
                ".everloop",
                "proofs",
            ),
        ),
        rule(
            "models stand alone",
            ROOT / "models",
            ("everloop", "everloop_localcloud", "everloop_cli"),
        ),
        rule(
            "jobs stand alone", ROOT / "jobs", ("everloop", "everloop_localcloud", "everloop_cli")
        ),
        rule("the local cloud stands alone", ROOT / "localcloud", ("everloop", "everloop_cli")),
    ],
)
def test_arrows(folder, forbidden, but):
    broken = {
        str(path.relative_to(ROOT)): bad
        for path in files(folder, *but)
        if (bad := breaks(path, *forbidden))
    }
    assert broken == {}


def test_what_is_for_programs_outside_of_the_stack_is_known():
    users = {path.stem for path in files(CORE / "aws") if breaks(path, "everloop.aws.outside")}
    assert {"outside", *users} == set(_OUTSIDE)


def test_no_decision_and_no_handler_reads_the_clock():
    wrong = []
    for path in [*files(CORE), *files(ROOT / "functions")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in (
                "now",
                "utcnow",
                "today",
                "time_ns",
            ):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}")
    assert [found for found in wrong if "datetime" in found or "date." in found] == []


# What of everloop.aws.clients is no client, and may be known outside of the door.
_CLIENTS = {"everloop.aws.clients", "everloop.aws.outside"}
_NO_CLIENTS = {"FAULTS", "NoCredentials"}


def uses_a_client(path: Path) -> list[str]:
    """Return where a program makes a client of AWS, or takes one of the door's."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in _CLIENTS:
            taken = {alias.name for alias in node.names} - _NO_CLIENTS
        elif isinstance(node, ast.ImportFrom) and node.module == "everloop.aws":
            taken = {alias.name for alias in node.names} & {"clients", "outside"}
        elif isinstance(node, ast.Import):
            taken = {alias.name for alias in node.names} & _CLIENTS
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = {"client", "resource", "create_client", "get_paginator", "get_waiter"}
            taken = {node.func.attr} & called
        else:
            continue
        found += [f"{path.name}:{node.lineno} {name}" for name in sorted(taken)]
    return found


def test_the_command_makes_and_calls_no_client_of_its_own():
    assert [found for path in files(ROOT / "cli") for found in uses_a_client(path)] == []


# What a key of the ledger looks like, an attribute of one, and an expression on one.
_LEDGER = re.compile(r"^(pk|sk)$|^[A-Z]+#|(SET|REMOVE|ADD) #|attribute_(not_)?exists\(#|MODELS$")


def knows_the_ledger(path: Path) -> list[str]:
    return [
        f"{path.name}:{node.lineno} {node.value!r}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _LEDGER.search(node.value)
    ]


def test_only_records_know_how_the_ledgers_table_is_laid_out():
    folders = (ROOT / name for name in ("functions", "jobs", "cli"))
    product = [*files(CORE, "records"), *(path for folder in folders for path in files(folder))]
    assert [found for path in product for found in knows_the_ledger(path)] == []
    assert all(knows_the_ledger(CORE / "records" / f"{name}.py") for name in ("keys", "window"))


def test_the_rules_find_what_they_forbid(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("from boto3.session import Session\nimport os.path\n")
    assert breaks(bad, "boto3", "os") == ["boto3.session", "boto3.session.Session", "os.path"]


@pytest.mark.parametrize(
    "line",
    [
        "from everloop.aws.clients import FAULTS, s3",
        "from everloop.aws import clients, ledger",
        "import everloop.aws.clients",
        "from everloop.aws.outside import sqs",
        "found = session.client('s3')",
        "pages = door.get_paginator('list_objects_v2')",
    ],
)
def test_a_client_of_the_commands_own_is_found(tmp_path, line):
    (tmp_path / "bad.py").write_text(line)
    (tmp_path / "good.py").write_text("from everloop.aws.clients import FAULTS")
    assert uses_a_client(tmp_path / "bad.py") and not uses_a_client(tmp_path / "good.py")
