"""The command's public face: help, suggestions, version, and errors for people and programs."""

import inspect
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from everloop_cli import local_cloud
from everloop_cli.main import everloop, main

ROOT = Path(__file__).parents[2]


def commands(group=everloop, before=()):
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name), command


ALL = dict(commands())


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """Have no credentials, and no file that could hold some."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def piped(*words, read=1):
    """Run the command, read so many lines of it, and close the pipe."""
    with subprocess.Popen(
        [sys.executable, "-m", "everloop_cli.main", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        for _ in range(read):
            child.stdout.readline()
        child.stdout.close()
        said = child.stderr.read()
        return child.wait(), said


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_explains_itself(words, capsys):
    assert main([*words, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: everloop {' '.join(words)}")
    for parameter in ALL[words].params:
        if isinstance(parameter, click.Option):
            assert parameter.help and parameter.help.endswith("."), parameter.name
    short = ALL[words].get_short_help_str(200)
    assert short and short in " ".join(said.split())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_speaks_json(words):
    names = {name for parameter in ALL[words].params for name in parameter.opts}
    assert "--json" in names or words == ("completion",)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_that_reaches_aws_takes_a_profile_and_a_region(words):
    names = {name for parameter in ALL[words].params for name in parameter.opts}
    source = inspect.getsource(inspect.getmodule(ALL[words].callback))
    reaches = "open_stack(" in source or "reach_account(" in source
    assert ({"--profile", "--region"} <= names) is reaches


def test_the_help_shows_every_command_in_a_section(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for words in ALL:
        assert f"\n  {words[0]} " in said
    assert "Bring a model and its data:" in said


def test_the_version_is_the_distributions(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"everloop {version('everloop')}\n"


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["puhs"], "push"), (["dcotor"], "doctor"), (["push", "x", "--jsn"], "--json")],
)
def test_what_was_meant_is_suggested(words, meant, capsys):
    assert main(words) == 2
    assert "Did you mean" in (said := capsys.readouterr().err) and meant in said


def test_without_a_command_it_shows_what_there_is(capsys):
    assert main([]) == 2
    said = capsys.readouterr()
    assert "doctor" in said.out + said.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_to_complete(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "_EVERLOOP_COMPLETE" in capsys.readouterr().out


def test_the_shell_is_answered():
    done = subprocess.run(
        [sys.executable, "-m", "everloop_cli.main"],
        cwd=ROOT,
        env={
            **os.environ,
            "_EVERLOOP_COMPLETE": "bash_complete",
            "COMP_WORDS": "everloop doc",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "plain,doctor\n"


@pytest.mark.parametrize(
    ("words", "kind", "command"),
    [
        (["status"], "cannot", "status"),
        (["push"], "usage", "push"),
        (["puhs"], "usage", "puhs"),
        (["push", "/nowhere"], "cannot", "push"),
        (["up", "--port", "x"], "usage", "up"),
        (["down", "--stack", "../x"], "cannot", "down"),
    ],
)
def test_an_error_is_a_line_of_json_where_json_was_asked_for(nobody, words, kind, command, capsys):
    assert main([*words, "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    told = json.loads(said.err)["error"]
    assert (told["kind"], told["command"]) == (kind, command)
    assert told["message"]


def test_a_person_without_credentials_is_told_both_ways(nobody, capsys):
    assert main(["status", "--region", "eu-west-1"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "everloop status: no AWS credentials" in said and "everloop up" in said


@pytest.mark.parametrize("command", ["up", "demo", "services"])
def test_without_the_local_cloud_one_sentence_says_how_to_get_it(command, monkeypatch, capsys):
    monkeypatch.setattr(local_cloud, "is_installed", lambda: False)
    assert main([command]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "pip install ./localcloud" in said and "Traceback" not in said


@pytest.mark.parametrize("words", [("services",), ("services", "sagemaker", "--json")])
def test_a_closed_pipe_is_no_traceback(words):
    code, said = piped(*words)
    assert (code, said) in ((0, ""), (141, ""))


def test_down_says_what_it_did_as_json(tmp_path, capsys):
    assert main(["down", "--state", str(tmp_path), "--wipe", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"state": str(tmp_path), "stopped": False, "wiped": True}
    for line in said.err.splitlines():
        assert json.loads(line)["progress"]


def test_an_export_is_told_as_json(tmp_path, capsys):
    assert main(["template", "export", str(tmp_path / "stack"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "stack") and "template.yaml" in told["written"]
    assert main(["template", "export", str(tmp_path / "stack"), "--json"]) == 2
    assert "--force" in json.loads(capsys.readouterr().err)["error"]["message"]


@pytest.mark.parametrize("words", [["up"], ["template", "export", "there"]])
def test_a_stack_that_no_bucket_could_be_named_after_is_refused_at_once(words, tmp_path, capsys):
    where = ["--state", str(tmp_path)] if words == ["up"] else []
    assert main([*words, "--stack", "Everloop", *where]) == 2
    assert "a stack cannot be called 'Everloop'" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
