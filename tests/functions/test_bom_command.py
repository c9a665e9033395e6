"""everloop bom: what a version is made of, and which of its vulnerabilities are known, or not."""

import json
import zipfile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from functions.test_audit_command import judged
from functions.test_commands import MODEL, said, stack, told

from everloop_cli.advisories import judged as judge
from everloop_cli.main import main

__all__ = ["stack"]
PACKAGES = [
    {"name": "Left_Pad", "version": "1.4", "licence": "MIT", "own": True},
    {"name": "numpy", "version": "2.1", "licence": "BSD-3-Clause", "own": False},
    {"name": "odd", "version": "not a version", "licence": "", "own": False},
]


def advisory(id_="PYSEC-1", name="left-pad", events=None, versions=(), **more):
    ranges = [{"type": "ECOSYSTEM", "events": events}] if events else []
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges}
    return {
        "id": id_,
        "modified": "2026-11-01T00:00:00Z",
        "summary": "it pads on the left",
        "affected": [{**affected, "versions": list(versions)}],
        **more,
    }


@pytest.fixture
def made(stack):
    judged(stack)
    uri = f"s3://{stack.artefacts}/runs/{MODEL}/r1/evaluation/packages.json"
    stack.put_json(uri, {"version": 1, "python": "3.12.1", "packages": PACKAGES})
    return stack


def source(folder, *records):
    path = folder / "advisories.json"
    path.write_text(json.dumps(list(records)))
    return path


def test_a_bill_is_what_cyclonedx_takes_and_says_that_nothing_was_judged(made, capsys, tmp_path):
    target = tmp_path / "bom.json"
    shown = said(capsys, "bom", MODEL, "-o", str(target))
    assert "vulnerabilities: could not judge: no source of advisories was given" in shown
    text = target.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert "pkg:pypi/left-pad@1.4" in text


def test_a_known_vulnerability_with_a_fix_is_named_with_it_and_ends_with_one(
    made, capsys, tmp_path
):
    path = source(tmp_path, advisory(events=[{"introduced": "0"}, {"fixed": "1.5"}]))
    target = tmp_path / "bom.json"
    assert main(["bom", MODEL, "-o", str(target), "--advisories", str(path)]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "PYSEC-1 in pkg:pypi/left-pad@1.4: update Left_Pad to 1.5" in shown
    assert "1 known in 3 packages, 1 with a fix, by advisories.json (sha256" in shown
    assert "the newest of 2026-11-01T00:00:00Z" in shown
    assert "could not judge odd not a version" in shown
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(target.read_text()) is None


def test_a_version_of_before_has_a_bill_and_is_not_judged(stack, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    judged(stack)
    found = told(capsys, "bom", MODEL, "--advisories", str(source(tmp_path, advisory())))
    words = {each["name"]: each["value"] for each in found["metadata"]["properties"]}
    assert words["everloop:vulnerabilities"] == (
        "could not judge: which packages the version has is not known"
    )
    assert list(tmp_path.glob("*.cdx.json")) == []


@pytest.mark.parametrize(
    ("events", "versions", "known", "fixable"),
    [
        ([{"introduced": "0"}], (), 1, 0),
        ([{"introduced": "0"}, {"fixed": "1.4"}], (), 0, 0),
        ([{"introduced": "1.4"}, {"fixed": "1.4.1"}], (), 1, 1),
        ([{"introduced": "1.5"}], (), 0, 0),
        ([{"introduced": "0"}, {"last_affected": "1.4"}], (), 1, 0),
        ([{"introduced": "0"}, {"last_affected": "1.3"}], (), 0, 0),
        (
            [{"fixed": "1.2"}, {"introduced": "1.3"}, {"introduced": "0"}, {"fixed": "1.10"}],
            (),
            1,
            1,
        ),
        (None, ("1.4.0",), 1, 0),
        (None, ("1.3", "x"), 0, 0),
    ],
)
def test_a_range_is_read_as_osv_says(tmp_path, events, versions, known, fixable):
    path = source(tmp_path, advisory(events=events, versions=versions))
    found = judge(PACKAGES[:1], path)
    assert (len(found.found), found.fixable) == (known, fixable)


def test_what_is_withdrawn_or_of_another_ecosystem_counts_for_nothing(tmp_path):
    npm = advisory("GHSA-1", events=[{"introduced": "0"}])
    npm["affected"][0]["package"]["ecosystem"] = "npm"
    gone = advisory("PYSEC-2", events=[{"introduced": "0"}], withdrawn="2026-01-01T00:00:00Z")
    other = advisory("PYSEC-3", name="another", events=[{"introduced": "0"}])
    assert judge(PACKAGES, source(tmp_path, npm, gone)).verdict == (
        "could not judge: advisories.json has no advisories of PyPI"
    )
    assert judge(PACKAGES[:1], source(tmp_path, npm, gone, other)).verdict.startswith("0 known in")


def test_an_archive_and_a_folder_are_read_too(tmp_path):
    record = json.dumps(advisory(events=[{"introduced": "0"}]))
    folder = tmp_path / "osv"
    folder.mkdir()
    (folder / "PYSEC-1.json").write_text(record)
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("PYSEC-1.json", record)
    assert len(judge(PACKAGES, folder).found) == len(judge(PACKAGES, archive).found) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "is no JSON"), ('[{"x": 1}]', "something without an id"), (None, "give a file")],
)
def test_a_source_that_cannot_be_read_is_said(made, capsys, tmp_path, content, words):
    path = tmp_path / "advisories.json"
    if content is not None:
        path.write_text(content)
    assert main(["bom", MODEL, "--advisories", str(path)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
