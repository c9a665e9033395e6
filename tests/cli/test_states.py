"""Where the state lies, and whose template it was made with."""

import json
from pathlib import Path

import pytest

from everloop_cli import stack_files, states
from everloop_cli.trouble import Trouble

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let the command be one that was installed; returns the folder of a user's state."""
    monkeypatch.setattr(stack_files, "clone", lambda: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def template(tmp_path):
    made = tmp_path / "ours" / "template.yaml"
    made.parent.mkdir()
    made.write_text("Resources: {}")
    return made


def test_in_a_clone_it_is_one_folder_wherever_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert states.default("everloop") == Path(".everloop")
    monkeypatch.chdir(tmp_path)
    assert states.default("everloop") == ROOT / ".everloop"


def test_installed_it_is_one_folder_per_user_and_stack(installed):
    assert states.default("everloop") == installed / "everloop" / "everloop"
    assert states.default("trial") == installed / "everloop" / "trial"


def test_a_relative_xdg_folder_is_none(installed, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("HOME", "/home/ana")
    assert states.default("everloop") == Path("/home/ana/.local/state/everloop/everloop")


@pytest.mark.parametrize("stack", ["../x", "", "a/b", "1a", "a\n", "é"])
def test_what_is_no_name_of_a_stack_is_no_folder(installed, stack):
    with pytest.raises(Trouble, match="no name of a stack"):
        states.default(stack)


def test_a_state_of_before_and_its_own_template_are_taken(tmp_path, template):
    states.check(tmp_path, template)
    states.record(tmp_path, template)
    states.check(tmp_path, template)
    template.write_text("Resources: {A: {}}")  # edited since: the stack is updated
    states.check(tmp_path, template)


def test_a_state_of_another_template_is_refused_in_words(tmp_path, template):
    states.record(tmp_path, template)
    other = tmp_path / "other.yaml"
    other.write_text("Resources: {B: {}}")
    with pytest.raises(Trouble) as told:
        states.check(tmp_path, other)
    for part in (str(template), str(other), "--state", "everloop down --wipe", "--any-template"):
        assert part in str(told.value)


def test_the_same_template_may_have_moved(tmp_path, template):
    states.record(tmp_path, template)
    moved = tmp_path / "moved.yaml"
    template.rename(moved)
    states.check(tmp_path, moved)


@pytest.mark.parametrize(("version", "refused"), [("0.1.0", False), ("9.0.0", True)])
def test_an_older_state_is_updated_and_a_newer_one_refused(tmp_path, template, version, refused):
    states.record(tmp_path, template)
    path = tmp_path / "template.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": version, "place": "x"}))
    template.write_text("Resources: {A: {}}")
    if refused:
        with pytest.raises(Trouble, match=r"9\.0\.0.*an older template would take away"):
            states.check(tmp_path, template)
    else:
        states.check(tmp_path, template)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '{"version": 1}'])
def test_a_record_that_cannot_be_read_stands_in_nobodys_way(tmp_path, template, text):
    (tmp_path / "template.json").write_text(text)
    states.check(tmp_path, template)


def test_a_state_of_an_older_version_is_updated_and_says_so(tmp_path, template):
    assert states.upgrade(tmp_path) is None  # a folder of its own
    (tmp_path / "state.sqlite").touch()
    assert "made with Everloop 0.1: its stack is updated to" in str(states.upgrade(tmp_path))
    states.record(tmp_path, template)
    assert states.upgrade(tmp_path) is None
    record = json.loads((tmp_path / "template.json").read_text())
    (tmp_path / "template.json").write_text(json.dumps({**record, "version": "0.1.9"}))
    assert "Everloop 0.1.9" in str(states.upgrade(tmp_path))
