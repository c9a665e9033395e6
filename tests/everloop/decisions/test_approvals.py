"""Whose word it is, since when and in which words: by what stood there before."""

from datetime import timedelta

import pytest

from everloop.decisions.approvals import seen
from everloop.decisions.releases import Package
from everloop.moments import moment
from everloop.records.approval import Approval
from everloop.records.verdict import Verdict

T = moment("2026-11-20T10:00:00.500Z")
LATER = T + timedelta(hours=1)
POLICYS = Verdict(1, "Rejected", "auc 0.51 misses 0.6")


def package(approval="Approved", at=T, by="ana"):
    return Package("m", 1, "arn/1", "Completed", approval, at, by)


def before(status="Approved", words="mine", by="ana", description="mine"):
    return Approval(1, status, T, by, words, description)


@pytest.mark.parametrize(
    ("now", "description", "was", "verdict", "words", "by"),
    [
        pytest.param(package(), "good", None, None, "good", "ana", id="words of their own"),
        pytest.param(package(), "", None, None, "", "ana", id="none"),
        pytest.param(
            package("Rejected", by="role"),
            POLICYS.description,
            None,
            POLICYS,
            POLICYS.description,
            "policy",
            id="policy",
        ),
        pytest.param(
            package(), POLICYS.description, None, POLICYS, "", "ana", id="the judge's are left"
        ),
        pytest.param(
            package("Rejected"), "mine", before(), None, "", "ana", id="another's are left"
        ),
        pytest.param(
            package("Rejected", by="bob"), "no", before(), None, "no", "bob", id="another word"
        ),
    ],
)
def test_words_are_whose_they_are(now, description, was, verdict, words, by):
    found = seen(now, description, was, verdict)
    assert found is not None
    assert (found.words, found.by, found.at) == (words, by, T)


@pytest.mark.parametrize(
    ("told_at", "said", "new"),
    [
        pytest.param(None, "mine", False, id="a stamp"),
        pytest.param(None, "again", True, id="other words"),
        pytest.param(LATER.replace(microsecond=0), "mine", True, id="its event says so"),
        pytest.param(T.replace(microsecond=0), "mine", False, id="its event, twice"),
        pytest.param(LATER + timedelta(days=1), "mine", False, id="an event of no change"),
    ],
)
def test_the_same_word_is_new_only_where_something_says_so(told_at, said, new):
    found = seen(package(at=LATER), said, before(), None, told_at)
    assert (found is not None) is new


def test_who_stamped_it_since_is_not_who_approved():
    found = seen(package(at=LATER, by="tool"), "mine", None, None, T.replace(microsecond=0))
    assert found is not None
    assert (found.by, found.at) == ("unknown", T.replace(microsecond=0))


def test_a_version_that_nobody_spoke_on_has_no_word():
    assert seen(package("PendingManualApproval"), "", None, None) is None


def test_an_approval_that_is_taken_back_is_a_word():
    found = seen(package("PendingManualApproval", at=LATER), "mine", before(), None)
    assert found is not None and found.status == "PendingManualApproval"
