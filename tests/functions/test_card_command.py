"""everloop card: a version's card as a page, in the pack as well, whatever of it is missing."""

import json
import zipfile

import pytest
from functions.test_audit_command import judged
from functions.test_cards import changed
from functions.test_commands import MODEL, said, stack, told
from functions.test_judge_candidate import judge, plan

from everloop_cli.main import main

__all__ = ["stack"]
SPEC = """
problem = "binary_classification"
[data]
target = "late"
[card]
purpose = "to plan <staff> at gates"
owner = "Ground operations"
"""
MEASURED = {"value": 0.71, "low": 0.7, "high": 0.72}


@pytest.fixture
def carded(stack):
    """A version with a card, that was judged and approved."""
    stack.push(data=stack.bundle(SPEC))
    arn = stack.register()
    stack.put_json(
        f"s3://{stack.artefacts}/runs/{MODEL}/r1/evaluation/evaluation.json",
        {
            "rows": 900,
            "metrics": {"auc": MEASURED},
            "slices": [
                {"column": "carrier", "value": "U&A", "rows": 300, "metrics": {"auc": MEASURED}}
            ],
            "explanations": {
                "metric": "auc",
                "rows": 500,
                "importance": [{"column": "hour", "loss": 0.09, "low": 0.08, "high": 0.1}],
                "suspects": [{"column": "id", "why": "all values are different"}],
            },
        },
    )
    uri = f"s3://{stack.artefacts}/runs/{MODEL}/r1/evaluation/packages.json"
    made = [{"name": "numpy", "version": "2.1", "licence": "BSD-3-Clause"}]
    made.append({"name": "odd", "version": "1", "licence": ""})
    stack.put_json(uri, {"version": 1, "python": "3.12.1", "packages": made})
    plan(stack, arn)
    judge(stack, arn, champion=None, comparison_uri=None)
    changed(stack, arn, "Approved")
    stack.serve(1)
    return arn


def test_the_page_says_what_people_wrote_what_was_measured_and_who_approved(
    stack, carded, capsys, tmp_path
):
    target = tmp_path / "card.html"
    assert main(["card", MODEL, "-o", str(target)]) == 0
    assert f"wrote {target}: {MODEL}, version 1" in " ".join(capsys.readouterr().out.split())
    page = target.read_text()
    for words in (
        "to plan &lt;staff&gt; at gates",
        "owner: Ground operations",
        "not written (card.licence of model.toml)",
        "0.7 to 0.72",
        "carrier = U&amp;A",
        "Suspect: id: all values are different",
        "Not measured: model.toml has no [fairness].",
        "looked at it",
        "image:1 (by its tag only)",
        "2, on Python 3.12.1: 1 BSD-3-Clause, 1 no licence given",
        "in production",
        "from the package&#x27;s own card in the registry",
    ):
        assert words in page, words
    assert "<staff>" not in page


def test_a_card_that_was_changed_after_it_was_judged_is_told(stack, carded, tmp_path):
    content = '{"intended_uses":{"purpose_of_model":"another"}}'
    stack.client("sagemaker").update_model_package(
        ModelPackageArn=carded, ModelCard={"ModelCardContent": content, "ModelCardStatus": "Draft"}
    )
    target = tmp_path / "card.html"
    assert main(["card", MODEL, "--version", "1", "-o", str(target)]) == 0
    assert "Somebody changed the package&#x27;s card" not in target.read_text()
    assert "changed the package's card after the version was judged" in target.read_text()


def test_json_is_the_card_in_aws_schema_and_no_file(stack, carded, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = told(capsys, "card", MODEL)
    assert found["card"]["model_overview"]["model_creator"] == "Ground operations"
    assert (found["version"], found["page"]) == (1, None)
    assert list(tmp_path.glob("*.html")) == []


def test_a_version_of_before_has_a_page_that_says_what_is_missing(
    stack, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    judged(stack)
    assert "without version/model-card.json: the package has no model card" in said(
        capsys, "card", MODEL
    )
    page = (tmp_path / f"{MODEL}-v1-card.html").read_text()
    assert "The version has no card of its own in the registry" in page
    assert "not written (card.owner of model.toml)" in page


def test_what_cannot_be_written_is_told(stack, carded, capsys, tmp_path):
    assert main(["card", MODEL, "-o", str(tmp_path / "no" / "card.html")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert main(["card", MODEL, "-o", str(tmp_path)]) == 2
    assert "name another with -o" in " ".join(capsys.readouterr().err.split())
    assert main(["card", MODEL, "--version", "9"]) == 2
    assert "has no version 9" in capsys.readouterr().err


def test_a_pack_has_the_card_and_its_page_that_links_to_the_documents_beside_it(
    stack, carded, capsys, tmp_path
):
    target = tmp_path / "pack.zip"
    assert main(["audit", MODEL, "-o", str(target), "--no-pdf"]) == 0
    with zipfile.ZipFile(target) as archive:
        card = json.loads(archive.read("version/model-card.json"))
        page = archive.read("card.html").decode()
    assert card["intended_uses"]["purpose_of_model"] == "to plan <staff> at gates"
    assert "Ground operations" in page
    assert main(["audit", "--verify", str(target)]) == 0
