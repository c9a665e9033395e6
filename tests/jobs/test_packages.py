"""packages.json: what is installed where a model is evaluated, with its licences."""

from pathlib import Path
from typing import Any

from jobs.conftest import job_module

packages: Any = job_module("packages")


def distribution(folder: Path, name: str, *lines: str) -> None:
    place = folder / f"{name}-1.2.dist-info"
    place.mkdir(parents=True)
    told = "\n".join((f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2", *lines))
    (place / "METADATA").write_text(f"{told}\n\nwords\n")


def by_name(code: Path) -> dict[str, dict[str, object]]:
    return {str(each["name"]): each for each in packages.found(code)["packages"]}


def test_what_is_installed_is_named_with_its_version_and_licence(tmp_path: Path) -> None:
    found = by_name(tmp_path / "code")
    assert found["numpy"]["version"] and not found["numpy"]["own"]
    assert "BSD" in str(found["numpy"]["licence"])
    assert packages.found(tmp_path / "code")["python"].count(".") == 2


def test_what_a_model_brought_is_its_own_and_stands_for_what_the_image_has(tmp_path: Path) -> None:
    own = tmp_path / "code-packages"
    distribution(own, "numpy", "License-Expression: MIT")
    distribution(
        own, "Classified", "Classifier: License :: OSI Approved :: Apache Software License"
    )
    distribution(own, "whole-text", "License: Permission is hereby granted", " " * 8 + "x" * 300)
    distribution(own, "silent")
    found = by_name(tmp_path / "code")
    assert (found["numpy"]["version"], found["numpy"]["own"]) == ("1.2", True)
    assert [found[name]["licence"] for name in ("numpy", "Classified", "whole-text", "silent")] == [
        "MIT",
        "Apache Software License",
        "",
        "",
    ]
