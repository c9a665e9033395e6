"""Who may import whom: what decides cannot reach AWS, and what reaches AWS is one door."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "layers" / "core" / "everloop"


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
            ("aws", "flows", "bundle.py"),
        ),
        rule(
            "flows reach AWS through the door", CORE / "flows", ("boto3", "botocore", "os", "time")
        ),
        rule("the door decides nothing of its own", CORE / "aws", ("everloop.flows",)),
        rule("what decides and acts knows no views", CORE, ("everloop.views",), ("views",)),
        rule("functions know no views", ROOT / "functions", ("everloop.views",)),
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
