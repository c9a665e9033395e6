"""A flaw finds its place in a tree, wherever it stands and however it is written."""

from pathlib import Path

import pytest

from proofs.planting import Added, Appended, Code, Entry, NoPlace, Together

CODE = """
def start(run):
    # why
    if run.ended(at=1,
                 by="x") and not run.failed:
        tell(run)  # somebody
    return run


class Package:
    def newest(self):
        return sorted(self.all)[0]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "begin.py").write_text(CODE)
    (tmp_path / "doc.yaml").write_text(
        "A: {B: !Ref X} # why\nL:\n  - {Name: one, V: 1}\n  - {Name: two, V: 2}\nS: [x, y, z]\n"
    )
    return tmp_path


def code(root: Path) -> str:
    return (root / "functions" / "begin.py").read_text()


def document(root: Path) -> str:
    return (root / "doc.yaml").read_text()


def test_an_expression_is_found_however_its_lines_are_cut(root):
    Code("begin.start", "run.ended(at=1, by='x')", "True")(root)
    assert "if (True) and not run.failed:" in code(root)
    assert "# why" in code(root)


def test_dots_are_any_arguments(root):
    Code("functions.begin", "tell(...)", "...\nlog(run)")(root)
    assert "        tell(run)\n        log(run)  # somebody" in code(root)


def test_a_statement_that_goes_leaves_python_behind(root):
    Code("start", "tell(run)")(root)
    assert "        pass  # somebody" in code(root)


def test_a_method_is_found_by_its_class(root):
    Code("Package.newest", "return sorted(...)[0]", "return None")(root)
    assert "        return None\n" in code(root)


def test_dots_are_any_body(root):
    Code("start", "if ... and not run.failed:\n    ...", "return None")(root)
    assert "    # why\n    return None  # somebody\n    return run" in code(root)


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param(Code("start", "run.stopped", "True"), id="expression"),
        pytest.param(Code("begun.start", "tell(run)"), id="function"),
        pytest.param(Code("start", "run", "None"), id="more than one place"),
        pytest.param(Code("start", "run.failed", "return"), id="statement for an expression"),
        pytest.param(Entry("doc.yaml", "A/C"), id="key"),
        pytest.param(Entry("doc.yaml", "L/Name=three/V", "3"), id="element"),
        pytest.param(Entry("doc.yaml", "S/w"), id="scalar"),
        pytest.param(Appended("functions/end.py", ""), id="file"),
        pytest.param(Added("nowhere/end.py", b""), id="folder"),
    ],
)
def test_a_flaw_without_its_place_says_so(root, plant):
    with pytest.raises(NoPlace):
        plant(root)


def test_a_flaw_whose_code_has_moved_says_where_it_is_now(root):
    with pytest.raises(NoPlace, match=r"0 places in begun for  tell\(run\); .* functions.begin$"):
        Code("begun", "tell(run)")(root)


def test_what_stands_at_several_places_can_be_changed_at_all(root):
    Code("functions.begin.start", "run", "it", everywhere=True)(root)
    assert "if (it).ended(" in code(root)
    assert "return (it)" in code(root)


def test_an_entry_is_set_added_and_taken_away(root):
    Entry("doc.yaml", "A/B", "!Sub ${Y}-z")(root)
    Entry("doc.yaml", "A/C", "[1, two]")(root)
    Entry("doc.yaml", "L/Name=two/V", "3")(root)
    Entry("doc.yaml", "L/Name=one")(root)
    Entry("doc.yaml", "S/x|z")(root)
    Entry("doc.yaml", "S/+", '"on"')(root)
    assert document(root) == (
        "A: {B: !Sub '${Y}-z', C: [1, two]}\nL:\n- {Name: two, V: 3}\nS: [y, \"on\"]\n"
    )


def test_each_element_can_be_changed(root):
    Together(Entry("doc.yaml", "L/*/V"), Entry("doc.yaml", "S/0"))(root)
    assert document(root) == "A: {B: !Ref X}\nL:\n- {Name: one}\n- {Name: two}\nS: [y, z]\n"
