"""A repository of models that a team starts from: what is written, and what its CI really runs."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from job_container import MEAN_PRICE
from waiting import until

from everloop.aws import account, outside, settings, table
from everloop.records import decision
from everloop_cli import stack_files
from everloop_cli.main import everloop, main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "models-repository"
FILES = sorted(p.relative_to(EXAMPLE).as_posix() for p in EXAMPLE.rglob("*") if p.is_file())
SKILL = ".agents/skills/everloop/SKILL.md"
WORKFLOW, GITLAB = ".github/workflows/models.yml", ".gitlab-ci.yml"
HEAD = "id,size,town,price\n"
ROWS = "".join(
    f"a{n},{n % 17}.5,{'xy'[n % 2]},{n % 17 * 3 + n * 7919 % 23}.25\n" for n in range(120)
)
GH = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word" >> "$GH_CALLS"; done
case "$*" in *--paginate*) printf '%s' "$GH_IDS" ;; esac
"""


def document(name: str) -> Any:
    return yaml.safe_load((EXAMPLE / name).read_text())


def step(job: str, name: str) -> str:
    """Return the script of a step of the workflow."""
    (found,) = [s for s in document(WORKFLOW)["jobs"][job]["steps"] if s.get("name") == name]
    return str(found["run"])


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """A team's repository as the command writes it, with two models, committed."""
    assert main(["init", "--repository", str(tmp_path / "team")]) == 0
    for name in ("a", "b"):
        model = tmp_path / "team" / "models" / name
        model.mkdir(parents=True)
        for path in MEAN_PRICE.glob("*.*"):
            (model / path.name).write_bytes(path.read_bytes())
    git(tmp_path / "team", "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path / "team")
    return tmp_path / "team"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=ana", "-c", "user.email=ana@example.org")
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "one more")
    return git(folder, "rev-parse", "HEAD")


def environment(**more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **more}


def run(script: str, folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a step as GitHub and GitLab do: bash that ends at the first failure."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_examples_are_what_the_command_writes(tmp_path: Path, capsys: Any) -> None:
    assert main(["init", "--repository", str(tmp_path / "team"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["wrote"], found["kept"]) == (FILES, [])
    for name in FILES:
        assert (tmp_path / "team" / name).read_text() == (EXAMPLE / name).read_text()
    assert {SKILL, WORKFLOW, GITLAB, "README.md", ".pre-commit-config.yaml"} <= set(FILES)
    assert stack_files.repository() == EXAMPLE


def test_what_is_there_stays_as_it_is(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "README.md").write_text("ours\n")
    assert main(["init", "--repository", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == "ours\n"
    said = capsys.readouterr().out
    assert "kept as they are: README.md" in said and WORKFLOW in said
    assert main(["init", "--repository", str(tmp_path)]) == 0
    assert "nothing new" in capsys.readouterr().out


def test_its_first_model_passes_its_check(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "may.csv").write_text(HEAD + ROWS)
    data = ("--data", str(tmp_path / "may.csv"), "--target", "price")
    assert main(["init", "prices", "--repository", str(tmp_path / "team"), *data]) == 0
    said = capsys.readouterr().out
    assert "everloop check models/prices" in said and "nothing personal" in said
    git(tmp_path, "init", "--quiet", "team")
    commit(tmp_path / "team")
    given = ["check", str(tmp_path / "team" / "models"), "--changed-since", "0" * 40]
    code = main([*given, "--out", str(tmp_path / "out"), "--json"])
    (checked,) = json.loads(capsys.readouterr().out)["models"]
    assert (code, checked["model"], checked["good"]) == (0, "prices", True), checked
    assert {"good"} >= {e["outcome"] for e in checked["findings"] if e["stage"] == "serve"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a model needs FOLDER, --data and --target"),
        (["prices"], "a model needs --data and --target"),
        (["--repository", "team", "prices"], "a model needs --data and --target"),
        (["--repository", "team", "--data", "x.csv"], "a model needs FOLDER and --target"),
        (
            ["--repository", "team", "models/prices", "--data", "x.csv", "--target", "y"],
            "with --repository FOLDER is a name, such as prices",
        ),
    ],
)
def test_half_a_model_is_refused(
    words: list[str], said: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_big_files_sample_ends_with_a_whole_row(tmp_path: Path) -> None:
    lines = [f'a{n},{n % 9}.5,"x\ny",{n % 7}.25\n' for n in range(60_000)]
    (tmp_path / "may.csv").write_text("".join([HEAD, *lines]))
    data = ("--data", str(tmp_path / "may.csv"), "--target", "price")
    assert main(["init", "prices", "--repository", str(tmp_path / "team"), *data]) == 0
    sample = (tmp_path / "team/models/prices/.sample/may.csv").read_text()
    assert 900_000 < len(sample) <= 1_000_000
    assert sample == "".join([HEAD, *lines[: sample.count('"') // 2]])


def test_the_hook_checks_what_was_changed_and_no_more(team: Path) -> None:
    (hook,) = document(".pre-commit-config.yaml")["repos"][0]["hooks"]
    assert run(hook["entry"], team).returncode == 0
    (team / "models/b/train.py").write_text("def x(:\n")
    git(team, "add", "--all")
    done = run(hook["entry"], team)
    assert done.returncode == 1
    assert "checking b" in done.stdout and "checking a" not in done.stdout
    assert re.match(hook["files"], "models/b/train.py") and not hook["pass_filenames"]


def check_of(service: str) -> tuple[str, str]:
    """Return the script by which a service checks, and the variable that says since when."""
    if service == "github":
        return step("check", "Check the models that changed"), "BASE"
    (script,) = document(GITLAB)["check"]["script"]
    return script, "CI_MERGE_REQUEST_DIFF_BASE_SHA"


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_a_request_is_checked_and_its_report_is_kept(team: Path, service: str) -> None:
    script, variable = check_of(service)
    base = git(team, "rev-parse", "HEAD")
    (team / "models/b/train.py").write_text("def x(:\n")
    commit(team)
    done = run(script, team, **{variable: base})
    assert done.returncode == 1, done.stderr
    report, junit = team / "build/check/report.md", team / "build/check/junit.xml"
    assert "**WRONG**" in report.read_text() and 'name="everloop check b"' in junit.read_text()
    assert git(team, "status", "--porcelain") == ""
    if service == "gitlab":
        kept = document(GITLAB)["check"]["artifacts"]
        assert kept["paths"] == ["build/check/"] and kept["when"] == "always"
        assert team / kept["reports"]["junit"] == junit
    else:
        summary = team / "build/summary.md"
        shown = run(step("check", "Show the report"), team, GITHUB_STEP_SUMMARY=str(summary))
        assert shown.returncode == 0 and summary.read_text() == report.read_text()


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ("", ["api", "--silent", "repos/team/models/issues/7/comments"]),
        (
            "41\n42",
            ["api", "--silent", "--method", "PATCH", "repos/team/models/issues/comments/41"],
        ),
    ],
)
def test_a_request_has_one_comment_however_often_it_is_checked(
    team: Path, tmp_path: Path, ids: str, words: list[str]
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    (team / "build/check").mkdir(parents=True)
    (team / "build/check/report.md").write_text("<!-- everloop check -->\n")
    path = f"{tmp_path / 'bin'}{os.pathsep}{environment()['PATH']}"
    calls = tmp_path / "calls"
    given = {"GH_CALLS": str(calls), "GH_IDS": ids, "PATH": path, "NUMBER": "7", "RUN": "https://x"}
    script = step("comment", "Comment, once for each pull request")
    done = run(script, team, GITHUB_REPOSITORY="team/models", **given)
    assert done.returncode == 0, done.stderr
    assert calls.read_text().splitlines()[-len(words) - 2 :] == [
        *words,
        "-F",
        "body=@build/check/report.md",
    ]
    assert "(https://x)" in (team / "build/check/report.md").read_text()


def test_who_runs_the_requests_code_may_only_read() -> None:
    jobs = document(WORKFLOW)["jobs"]
    assert document(WORKFLOW)["permissions"] == {}
    assert jobs["check"]["permissions"] == {"contents": "read"}
    assert jobs["comment"]["permissions"] == {"pull-requests": "write"}
    assert not any("checkout" in s.get("uses", "") for s in jobs["comment"]["steps"])
    assert jobs["push"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert "github.event_name != 'pull_request'" in jobs["push"]["if"]


def test_what_others_made_is_taken_by_its_full_version() -> None:
    jobs = document(WORKFLOW)["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", each) for each in used)
    assert re.fullmatch(r"python:3\.\d+\.\d+-\w+", document(GITLAB)["default"]["image"])
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"everloop[laptop]=={version}\n" in (EXAMPLE / "requirements.txt").read_text()


def test_no_value_of_an_event_is_written_into_a_script() -> None:
    for job in document(WORKFLOW)["jobs"].values():
        for each in job["steps"]:
            assert "${{" not in each.get("run", "")


def push_of(service: str) -> tuple[str, dict[str, str]]:
    """Return the script by which a service pushes, and its variables but since when."""
    if service == "github":
        return step("push", "Push the models that changed"), {"STACK": "everloop"}
    job = document(GITLAB)["push"]
    (token,) = job["id_tokens"]
    return "\n".join(job["script"]), {token: "a token", "AWS_REGION": "us-east-1"}


@pytest.fixture
def reached(deployed: Any) -> Iterator[Callable[[str], Any]]:
    """The clients of a small stack's cloud, which everloop.aws reaches as well."""
    stacks = deployed("cloudformation").describe_stacks(StackName="everloop")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}
    settings.use(settings.of_outputs("everloop", account.reach(), outputs))
    yield deployed
    settings.use(None)
    outside.forget(session=True)


@pytest.mark.parametrize(
    ("service", "since"), [("github", "BEFORE"), ("gitlab", "CI_COMMIT_BEFORE_SHA")]
)
def test_what_is_merged_is_pushed(
    reached: Any, team: Path, tmp_path: Path, service: str, since: str
) -> None:
    script, more = push_of(service)
    before = git(team, "rev-parse", "HEAD")
    (team / "models/b/README.md").write_text(f"{service}\n")
    commit(team)
    key = "models/b/bundle.tar.gz"
    there = versions(reached("s3"), key)
    token = tmp_path / "token"
    files = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token)} if service == "gitlab" else {}
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=team,
        env=environment(**more, **files, **{since: before}),
        stdout=subprocess.PIPE,
        text=True,
    ) as pushing:
        version = uploaded(reached("s3"), key, there, pushing)
        seq = 1 if service == "github" else 2
        id = f"install:b:{version}"
        made = {"seq": seq, "hash": "0", "id": id, "go": True, "reason": "installed"}
        for each in (decision.put("b", made), decision.mark("b", id, seq)):
            table.write(each)
        said = pushing.communicate(timeout=100)[0]
    assert pushing.returncode == 0, said
    assert "pushed b" in said and "installed b" in said and "pushed a" not in said
    if service == "gitlab":
        assert token.read_text() == "a token" and token.stat().st_mode & 0o077 == 0


def uploaded(s3: Any, key: str, before: list[str], pushing: Any) -> str:
    """Wait for a push's upload and return its version, which was not there before."""
    new = until(
        lambda: [each for each in versions(s3, key) if each not in before],
        lambda new: new or pushing.poll() is not None,
    )
    assert new, pushing.stdout.read()
    return new[0]


def versions(s3: Any, key: str) -> list[str]:
    """Return an object's versions, the newest first."""
    found = s3.list_object_versions(Bucket="everloop-data", Prefix=key).get("Versions", [])
    return [str(each["VersionId"]) for each in found]


def commands(name: str) -> list[str]:
    """Return each command that a page of the repository names, its placeholders filled in."""
    found = re.findall(r"everloop (?!check:)[a-z][^`\n;\"')|]*", (EXAMPLE / name).read_text())
    filled = [re.sub(r"\bN\b", "5", each.split(" #")[0]).strip() for each in found]
    return [each for each in filled if each.split()[1] in everloop.commands]


@pytest.mark.parametrize("name", [SKILL, "README.md"])
def test_every_command_of_a_page_is_there_with_its_options(name: str) -> None:
    given = commands(name)
    assert len(given) > 15
    for each in given:
        words = shlex.split(each)[1:]
        command: click.Command = everloop
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if words:
            command.make_context(each, words)


def test_the_skill_is_one_that_agents_find() -> None:
    text = (EXAMPLE / SKILL).read_text()
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["name"] == Path(SKILL).parent.name
    assert 1 <= len(front["description"]) <= 1024
