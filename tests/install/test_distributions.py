"""Two distributions: what they hold and what they need agrees with the repository."""

import tomllib
from pathlib import Path

import pytest

from everloop_cli import stack_files
from everloop_cli.trouble import Trouble

ROOT = Path(__file__).parents[2]


def project(folder):
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())


def pinned():
    lines = (ROOT / "requirements" / "run.txt").read_text().splitlines()
    return {line.strip() for line in lines if "==" in line and not line.startswith((" ", "#"))}


def without_extras(requirement):
    name, bracket, rest = requirement.partition("[")
    return name + rest.partition("]")[2] if bracket else requirement


@pytest.mark.parametrize("folder", [".", "localcloud"])
def test_what_a_distribution_needs_is_what_the_tests_run_with(folder):
    needed = {without_extras(each) for each in project(folder)["project"]["dependencies"]}
    assert needed - pinned() == set()


def test_the_command_is_light():
    needed = {each.partition("==")[0] for each in project(".")["project"]["dependencies"]}
    assert needed.isdisjoint({"moto", "pandas", "numpy", "scikit-learn", "everloop-localcloud"})


def test_both_have_one_version_and_a_section_of_their_changelog():
    versions = {folder: project(folder)["project"]["version"] for folder in (".", "localcloud")}
    assert len(set(versions.values())) == 1
    for folder, version in versions.items():
        assert f"\n## {version}" in (ROOT / folder / "CHANGELOG.md").read_text()
    extra = project(".")["project"]["optional-dependencies"]["laptop"]
    assert extra == [f"everloop-localcloud=={versions['.']}"]


def test_the_wheel_packs_what_an_export_writes():
    wheel = project(".")["tool"]["hatch"]["build"]["targets"]["wheel"]
    packed = {f"everloop_cli/stack/{name}" for name in stack_files.PARTS}
    packed.add("everloop_cli/examples/models-repository")
    assert set(wheel["force-include"].values()) == packed
    assert all((ROOT / name).exists() for name in wheel["force-include"])
    places = set(stack_files.PACKAGES.values())
    assert set(wheel["packages"]) == {*places, "cli/everloop_cli"}


def test_no_generic_name_is_claimed():
    names = {
        Path(package).name
        for folder in (".", "localcloud")
        for package in project(folder)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    }
    assert all(name == "everloop" or name.startswith("everloop_") for name in names)


def test_an_export_holds_what_the_template_names(tmp_path):
    stack_files.export(tmp_path / "stack")
    folder = tmp_path / "stack"
    assert (folder / "template.yaml").read_bytes() == (ROOT / "template.yaml").read_bytes()
    for tree in ("functions", "statemachines", "layers/core/everloop", "jobs/everloop_jobs"):
        ours = {p.relative_to(ROOT) for p in (ROOT / tree).rglob("*.*") if p.suffix != ".pyc"}
        assert {p.relative_to(folder) for p in (folder / tree).rglob("*.*")} == ours
    assert not list(folder.rglob("__pycache__"))


def test_an_export_replaces_nothing_unless_it_is_told_to(tmp_path):
    (tmp_path / "samconfig.toml").write_text("mine")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "gone.py").write_text("of an older version")
    (tmp_path / "models" / "churn").mkdir(parents=True)
    (tmp_path / "models" / "churn" / "model.toml").write_text("mine")
    with pytest.raises(Trouble, match=r"is there, and not empty.*--force"):
        stack_files.export(tmp_path)
    assert not (tmp_path / "template.yaml").exists()
    written = stack_files.export(tmp_path, force=True)
    assert "template.yaml" in written and "samconfig.toml" not in written
    assert (tmp_path / "samconfig.toml").read_text() == "mine"
    assert (tmp_path / "models" / "churn" / "model.toml").read_text() == "mine"
    assert not (tmp_path / "functions" / "gone.py").exists()


def test_an_export_into_what_is_no_folder_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    for force in (False, True):
        with pytest.raises(Trouble, match="file"):
            stack_files.export(tmp_path / "file", force=force)
