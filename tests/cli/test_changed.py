"""Which models changed since a commit, in real repositories of Git."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from everloop_cli import changed
from everloop_cli.main import main
from everloop_cli.trouble import Trouble

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository with two models in its first commit, and another folder; calls Git in it."""

    def ask(*words: str) -> str:
        identity = ("-c", "user.name=ana", "-c", "user.email=ana@example.org")
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    ask("init", "--quiet", "--initial-branch", "main")
    for name in ("models/a/model.toml", "models/b/model.toml", "models/b/lib/x.py", "lib/y.py"):
        write(tmp_path / name)
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    commit(ask)
    return ask


def write(path: Path, text: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit(git: Git) -> str:
    git("add", "--all")
    git("commit", "--quiet", "--message", "one more")
    return git("rev-parse", "HEAD")


def since(folder: Path, ref: str) -> tuple[list[str], list[str]]:
    found = changed.since(folder, ref)
    return [each.relative_to(folder).as_posix() for each in found.folders], found.gone


def test_nothing_changed_since_the_commit_itself(git: Git, tmp_path: Path) -> None:
    assert since(tmp_path / "models", "HEAD") == ([], [])


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("models/b/lib/x.py", ["b"]),
        ("models/a/.sample/rows.csv", ["a"]),
        ("models/a/with blank é\n.py", ["a"]),
        ("models/c/model.toml", ["c"]),
        ("models/README.md", []),
        ("models/a/x.pyc", []),
        ("models/notes/x.md", []),
        ("models/.hidden/model.toml", []),
        ("lib/y.py", []),
    ],
)
@pytest.mark.parametrize("state", ["new", "staged", "committed"])
def test_a_file_changes_the_model_it_lies_in(
    git: Git, tmp_path: Path, name: str, folders: list[str], state: str
) -> None:
    before = git("rev-parse", "HEAD")
    write(tmp_path / name, "other\n")
    if state == "staged":
        git("add", "--all")
    if state == "committed":
        git("commit", "--quiet", "--allow-empty", "--message", "an empty one")
        commit(git) if git("status", "--porcelain") else None
    assert since(tmp_path / "models", before) == (folders, [])


def test_what_the_other_branch_changed_meanwhile_is_not_this_ones(git: Git, tmp_path: Path) -> None:
    git("checkout", "--quiet", "-b", "mine")
    write(tmp_path / "models/b/train.py")
    commit(git)
    git("checkout", "--quiet", "main")
    write(tmp_path / "models/a/train.py")
    commit(git)
    git("checkout", "--quiet", "mine")
    assert since(tmp_path / "models", "main") == (["b"], [])


def test_a_model_that_moves_is_a_new_one_and_the_old_one_is_gone(git: Git, tmp_path: Path) -> None:
    before = git("rev-parse", "HEAD")
    git("mv", "models/b", "models/c")
    write(tmp_path / "models/b/lib/x.pyc")  # what Git ignores is no model
    commit(git)
    assert since(tmp_path / "models", before) == (["c"], ["b"])


def test_a_model_that_lost_its_toml_is_still_looked_at(git: Git, tmp_path: Path) -> None:
    (tmp_path / "models/b/model.toml").unlink()
    assert since(tmp_path / "models", "HEAD") == (["b"], [])


@pytest.mark.parametrize("ref", ["0" * 40, ""])
def test_everything_changed_since_the_zeros_of_a_first_push(
    git: Git, tmp_path: Path, ref: str
) -> None:
    assert since(tmp_path / "models", ref) == (["a", "b"], [])


def test_everything_changed_before_the_first_commit(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    write(tmp_path / "models/a/model.toml")
    assert since(tmp_path / "models", "HEAD") == (["a"], [])


def test_a_models_own_folder_is_taken_too(git: Git, tmp_path: Path) -> None:
    write(tmp_path / "models/b/lib/x.py", "other\n")
    assert since(tmp_path / "models/b", "HEAD") == (["."], [])
    assert since(tmp_path / "models/a", "HEAD") == ([], [])


def test_what_git_cannot_tell_is_told(git: Git, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"knows no commit 'origin/main' here.*fetch-depth: 0"):
        changed.since(tmp_path / "models", "origin/main")
    with pytest.raises(Trouble, match="knows no commit '--output=x'"):
        changed.since(tmp_path / "models", "--output=x")
    with pytest.raises(Trouble, match="is no folder"):
        changed.since(tmp_path / "nowhere", "HEAD")


def test_a_folder_outside_of_git_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(Trouble, match="Git cannot tell what changed"):
        changed.since(tmp_path, "HEAD")


def test_a_check_looks_at_what_changed_only(git: Git, tmp_path: Path, capsys: Any) -> None:
    write(tmp_path / "models/b/train.py", "def x(:\n")
    write(tmp_path / "models/c/model.toml", "nonsense\n")
    git("rm", "-r", "--quiet", "models/a")
    given = ["check", str(tmp_path / "models"), "--changed-since", "HEAD"]
    kept = {name: tmp_path / "out" / name for name in ("junit.xml", "report.md", "pages")}
    files = ("--junit", str(kept["junit.xml"]), "--summary", str(kept["report.md"]))
    assert main([*given, *files, "--out", str(kept["pages"]), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in document["models"]] == ["b", "c"]
    assert (document["good"], document["gone"]) == (False, ["a"])
    assert kept["junit.xml"].read_text().count("<testsuite ") == 2
    report = kept["report.md"].read_text()
    assert report.startswith("<!-- everloop check -->\n### everloop check: 2 of 2 models are not")
    assert "| syntax | **WRONG** | train.py:1: " in report and "everloop remove a" in report


def test_where_nothing_changed_all_is_good_and_the_files_say_so(
    git: Git, tmp_path: Path, capsys: Any
) -> None:
    kept = tmp_path / "report.md", tmp_path / "junit.xml"
    given = ["check", str(tmp_path / "models"), "--changed-since", "HEAD"]
    assert main([*given, "--summary", str(kept[0]), "--junit", str(kept[1])]) == 0
    assert "no model below" in capsys.readouterr().out
    assert "no model changed" in kept[0].read_text() and "<testsuites" in kept[1].read_text()


def test_one_sample_is_not_that_of_many_models(git: Git, tmp_path: Path, capsys: Any) -> None:
    given = ["check", str(tmp_path / "models"), "--changed-since", "HEAD", "--data", "x.csv"]
    assert main(given) == 2
    assert "--data is for one folder" in capsys.readouterr().err
