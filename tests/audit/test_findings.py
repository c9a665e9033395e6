"""What counts as explained, and what never passes for clean."""

from pathlib import Path

import pytest

from proofs.audit.auditors import Report
from proofs.audit.findings import Acceptance, AuditError, Finding, judge, read_acceptances
from proofs.audit.run import run
from proofs.audit.subject import Subject

ROOT = Path(__file__).parents[2]
FOUND = Finding("own", "plain-http", "DataBucket", "no TLS")


def accepting(where: str, *, tool: str = "own", rule: str = "plain-http") -> Acceptance:
    return Acceptance(tool, rule, (where,), "because")


@pytest.mark.parametrize(
    "acceptance",
    [
        pytest.param(accepting("DataBucket"), id="the place"),
        pytest.param(accepting("Data*"), id="a pattern"),
    ],
)
def test_a_finding_with_a_reason_is_accepted(acceptance: Acceptance) -> None:
    verdict = judge([FOUND], [acceptance], ["own"])
    assert (verdict.accepted, verdict.unexplained, verdict.stale) == ((FOUND,), (), ())


@pytest.mark.parametrize(
    "acceptance",
    [
        pytest.param(accepting("ArtefactBucket"), id="another place"),
        pytest.param(accepting("databucket"), id="another case"),
        pytest.param(accepting("DataBucket", rule="open-bus"), id="another rule"),
        pytest.param(accepting("DataBucket", tool="checkov"), id="another tool"),
    ],
)
def test_a_finding_that_no_reason_fits_stays_and_the_reason_is_stale(
    acceptance: Acceptance,
) -> None:
    verdict = judge([FOUND], [acceptance], ["own", "checkov"])
    assert verdict.unexplained == (FOUND,)
    assert len(verdict.stale) == 1


def test_every_place_of_an_acceptance_has_to_be_found() -> None:
    both = Acceptance("own", "plain-http", ("DataBucket", "GoneBucket"), "because")
    assert judge([FOUND], [both], ["own"]).stale == ("own plain-http at GoneBucket",)


def test_what_an_auditor_that_did_not_run_would_find_is_not_stale() -> None:
    assert judge([], [accepting("DataBucket")], []).stale == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[accepted]", "accepted.toml is no TOML"),
        ('[[accepted]]\ntool = "own"\nrule = "r"\nwhere = ["a"]', r"entry 1 \(r\): reason is None"),
        (
            '[[accepted]]\ntool = "own"\nrule = "r"\nwhere = ["a"]\nreason = " "',
            "reason is ' '; write a text",
        ),
        (
            '[[accepted]]\ntool = "own"\nrule = "r"\nwhere = "a"\nreason = "x"',
            "where is 'a'; write a list",
        ),
        (
            '[[accepted]]\ntool = "own"\nrule = "r"\nplace = ["a"]\nreason = "x"',
            "place is no key; there are tool, rule, where and reason",
        ),
    ],
)
def test_a_wrong_acceptance_is_refused_by_its_entry(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text(text)
    with pytest.raises(AuditError, match=message):
        read_acceptances(path)


def test_the_acceptances_of_the_product_can_be_read() -> None:
    assert read_acceptances(ROOT / "proofs" / "audit" / "accepted.toml")


def test_an_auditor_that_cannot_look_is_a_failure_beside_what_others_found() -> None:
    def breaks(subject: Subject) -> Report:
        raise AuditError("no resources")

    def finds(subject: Subject) -> Report:
        return Report("1 file", [FOUND])

    broken, found = run(Subject(ROOT), {"a": breaks, "b": finds}, lambda text: None)
    assert (broken.report, broken.failure) == (None, "AuditError: no resources")
    assert found.findings == [FOUND]


def test_a_template_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources:\n  It: {Type: AWS::Serverless::Function\n")
    with pytest.raises(AuditError, match=r"template\.yaml cannot be translated"):
        _ = Subject(tmp_path).plain


def test_a_folder_without_the_product_is_nothing_to_audit(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no Python file in functions/"):
        Subject(tmp_path).product()
    with pytest.raises(AuditError, match="no state machine"):
        _ = Subject(tmp_path).machines
