"""`make new-operation`: stubs that fit where they are put, and words for what cannot be."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from new_operation import Trouble, begin  # noqa: E402


@pytest.fixture
def clone(tmp_path):
    """The rooms of three services, as they stand."""
    for service in ("sqs", "sts", "sagemaker"):
        room = Path("localcloud") / "everloop_localcloud" / service
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_operation_gets_a_method_a_declaration_and_a_test(clone):
    files = begin(clone, "sts", "GetSessionToken")
    assert [str(path.relative_to(clone)) for path in files] == [
        "localcloud/everloop_localcloud/sts/api.py",
        "localcloud/everloop_localcloud/sts/reads.py",
        "tests/localcloud/sts/test_get_session_token.py",
    ]
    method, declaration, test = (path.read_text() for path in files)
    assert "    @operation\n    def get_session_token(self, call: Call, request" in method
    assert declaration.index("GetCallerIdentity:") < declaration.index("GetSessionToken:\n")
    assert 'client("sts").get_session_token()' in test
    for text in (method, declaration, test):
        ast.parse(text)
    styled = [sys.executable, "-m", "ruff", "format", "--check", *map(str, files[:2])]
    subprocess.run(styled, cwd=clone, check=True, capture_output=True)


def test_a_service_of_parts_is_told_which(clone):
    files = begin(clone, "sagemaker", "CreateProject", "registry")
    assert files[0].name == "registry.py"
    assert "\nCreateProject:\n" in files[1].read_text()
    assert "create_project(ProjectName=...)" in files[2].read_text()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("dynamodb", "ListImports"), "SERVICE=dynamodb: the local cloud itself answers sts, s3"),
        (("sqs", "ListQueue"), r"sqs has no such operation; did you mean ListQueues"),
        (("sqs", "ListQueues"), r"NAME=ListQueues: .*queue_operations.py answers it already"),
        (("sagemaker", "CreateProject"), r"PART=: choose one of .*registry"),
        (("sagemaker", "CreateProject", "projects"), r"PART=projects: choose one of .*registry"),
    ],
)
def test_what_cannot_be_begun_says_why(clone, given, told):
    with pytest.raises(Trouble, match=told):
        begin(clone, *given)
