"""The layer of the functions: compiled for whichever processor a stack chooses."""

import ast
import re
import struct
from pathlib import Path

import pytest

from everloop.aws import clients
from everloop_localcloud.cloudformation.template import read
from tools.check_layer import MACHINES, problems

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core"
TAGS = "Tag: cp313-cp313-manylinux2014_x86_64\nTag: cp313-cp313-manylinux2014_aarch64\n"


def elf(machine):
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + bytes(44)


@pytest.fixture
def layer(tmp_path):
    """A layer as the Makefile leaves it."""
    package, facts = tmp_path / "python" / "core", tmp_path / "python" / "core-1.dist-info"
    package.mkdir(parents=True)
    facts.mkdir()
    (package / "__init__.py").write_text("")
    for word, processor in (("x86_64", "x86_64"), ("aarch64", "arm64")):
        name = f"fast.cpython-313-{word}-linux-gnu.so"
        (package / name).write_bytes(elf(MACHINES[processor]))
    (facts / "WHEEL").write_text(TAGS)
    return tmp_path


def test_a_layer_that_has_both_is_right(layer):
    assert problems(layer) == []


def test_a_module_that_one_processor_lacks_is_named(layer):
    (arm,) = layer.rglob("*aarch64*.so")
    arm.unlink()
    assert problems(layer) == ["python/core/fast: not compiled for arm64"]


def test_the_header_is_believed_and_not_the_name(layer):
    (arm,) = layer.rglob("*aarch64*.so")
    arm.write_bytes(elf(MACHINES["x86_64"]))
    assert problems(layer) == [
        "python/core/fast.cpython-313-aarch64-linux-gnu.so: its header says x86_64",
        "python/core/fast: not compiled for arm64",
    ]


@pytest.mark.parametrize("name", ["libfast.so.1", "fast.cpython-312-x86_64-linux-gnu.so"])
def test_what_python_could_not_tell_apart_is_refused(layer, name):
    (layer / "python" / "core" / name).write_bytes(elf(MACHINES["x86_64"]))
    assert problems(layer) == [
        f"python/core/{name}: compiled, and not named for python 313 and a machine"
    ]


def test_a_wheel_for_one_processor_only_is_named(layer):
    (wheel,) = layer.rglob("WHEEL")
    wheel.write_text(TAGS.splitlines()[0] + "\n")
    assert problems(layer) == ["core-1.dist-info: no wheel for arm64"]


def test_the_template_offers_the_processors_that_the_layers_are_made_for():
    template = read((ROOT / "template.yaml").read_text())
    offered = template["Parameters"]["Architecture"]["AllowedValues"]
    assert set(offered) == set(MACHINES)
    layers = {
        name: found
        for name, found in template["Resources"].items()
        if not name.startswith("Fn::") and found["Type"] == "AWS::Serverless::LayerVersion"
    }
    for found in layers.values():
        assert set(found["Properties"]["CompatibleArchitectures"]) == set(offered)
    made = (CORE / "Makefile").read_text()
    assert (
        "build-CoreLayer:" in made and layers["CoreLayer"]["Metadata"]["BuildMethod"] == "makefile"
    )
    # Whatever is not made by that Makefile is for one processor: it may compile nothing.
    others = [
        Path(found["Properties"]["ContentUri"])
        for name, found in layers.items()
        if name != "CoreLayer"
    ]
    assert [folder for folder in others if (ROOT / folder / "requirements.txt").exists()] == []


def test_the_layer_keeps_of_the_sdk_what_the_functions_call():
    kept = re.search(r"^SERVICES := (.+)$", (CORE / "Makefile").read_text(), re.MULTILINE)
    tree = ast.parse(Path(clients.__file__).read_text())
    called = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_client"
    }
    assert kept and set(kept[1].split()) == called


def test_the_sdk_of_the_layer_is_the_one_that_the_tests_run_with():
    pinned = set((ROOT / "requirements" / "run.txt").read_text().split())
    lines = (CORE / "aws-sdk.txt").read_text().splitlines()
    wanted = {line for line in lines if not line.startswith("#")}
    assert wanted <= pinned and any(line.startswith("botocore==") for line in wanted)
