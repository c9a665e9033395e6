"""Two persons are two by what AWS says of them; what nobody can know counts as the same one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from everloop.decisions.approvals import UNKNOWN, seen
from everloop.decisions.releases import Package
from everloop.decisions.two_persons import ENDORSED, barred, makers, names, pending, same
from everloop.moments import moment
from everloop.records.approval import Approval
from everloop.records.endorsement import Endorsement

AT = moment("2026-11-20T10:00:00Z")
USER = "arn:aws:iam::123456789012:user/{}"
SSO = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Approver_0123abcd/{}"
ROLE = "arn:aws:sts::123456789012:assumed-role/{}/{}"
ANA, BOB, EVE = (USER.format(name) for name in ("ana", "bob", "eve"))
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/m/3"


def word(by=BOB, **more):
    more = {"by_event": True, "two_persons": True, **more}
    return Approval(3, "Approved", AT, by, "", "", **more)


def endorsed(by=ANA, makers=(EVE,), **more):
    return Endorsement(3, AT, by, makers=makers, **more)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (ANA, BOB, False),
        (ANA, ANA, True),
        (ANA, USER.format("people/ana"), True),
        (ANA, "ana", True),
        ("ana", "bob", False),
        (SSO.format("ana@example.com"), SSO.format("bob@example.com"), False),
        (SSO.format("ana@example.com"), SSO.format("Ana@example.com"), True),
        (SSO.format("ana@example.com"), ANA, True),
        (ROLE.format("Approver", "ana"), ROLE.format("Approver", "bob"), True),
        (ROLE.format("First", "ana"), ROLE.format("Second", "bob"), False),
        (ROLE.format("First", "ana"), ROLE.format("Second", "ana"), True),
        (ROLE.format("First", "ana"), ANA, True),
        ("arn:aws:iam::123456789012:root", BOB, True),
        (UNKNOWN, BOB, True),
        ("policy", BOB, True),
        ("", "", True),
    ],
)
def test_who_may_be_the_same_person(one, other, is_same):
    assert same(names(one), names(other)) is is_same
    assert same(names(other), names(one)) is is_same


def test_a_source_identity_tells_sessions_of_one_role_apart():
    session = ROLE.format("Approver", "shared")
    one, other = names(session, "ana"), names(ROLE.format("Approver", "other"), "bob")
    assert not same(one, other)
    assert same(one, names(session, "bob")), "the session's name is the same"


@pytest.mark.parametrize(
    ("approval", "endorsement", "stage", "said"),
    [
        pytest.param(word(), endorsed(), ENDORSED, "", id="two persons"),
        pytest.param(word(), None, "", f"waits for a second person (first: {BOB})", id="one"),
        pytest.param(word(), endorsed(), "Development/Approved", "(first: ", id="its stage moved"),
        pytest.param(word(), endorsed(void="rejected"), ENDORSED, "(first: ", id="void"),
        pytest.param(word(ANA), endorsed(), ENDORSED, "may be one", id="the same twice"),
        pytest.param(
            word(by_event=False), endorsed(), ENDORSED, "nobody knows who approved", id="no event"
        ),
        pytest.param(word(), endorsed(UNKNOWN), ENDORSED, "who set its stage", id="unknown"),
        pytest.param(word(), endorsed(makers=(BOB,)), ENDORSED, f"{BOB} made it", id="his push"),
        pytest.param(word(), endorsed(makers=(EVE, ANA)), ENDORSED, f"{ANA} made it", id="trained"),
        pytest.param(word(), endorsed(makers=("",)), ENDORSED, "who pushed its code", id="whose"),
        pytest.param(word(two_persons=False), None, "", "", id="approved before two were asked"),
        pytest.param(None, None, "", "", id="not approved"),
    ],
)
def test_an_approval_counts_where_two_said_yes_who_did_not_make_it(
    approval, endorsement, stage, said
):
    found = barred("m", approval, endorsement, stage)
    assert said in found
    assert bool(found) is bool(said)
    assert not found or "waits for a second person" in found


def test_one_yes_waits_visibly():
    assert pending("m", endorsed(), ENDORSED, "PendingManualApproval") == (
        f"version 3 waits for a second person (first: {ANA}): everloop approve m --version 3"
    )
    assert pending("m", endorsed(), ENDORSED, "Rejected") == ""
    assert pending("m", None, "", "PendingManualApproval") == ""


def decision(kind, actor="everloop", go=True, **facts):
    return {"kind": kind, "go": go, "actor": actor, "facts": facts}


@pytest.mark.parametrize(
    ("metadata", "decisions", "who"),
    [
        pytest.param({"bundle-digest": "b"}, [], ("",), id="nobody knows"),
        pytest.param(
            {"bundle-digest": "b"},
            [
                decision("install", bundle_digest="b", pushed_by=ANA),
                decision("install", bundle_digest="c", pushed_by=BOB),
                decision("install", bundle_digest="b", pushed_by=EVE, go=False),
            ],
            (ANA,),
            id="who pushed this code",
        ),
        pytest.param(
            {"bundle-digest": "b", "cause": "request"},
            [
                decision("install", bundle_digest="b", pushed_by=ANA),
                decision("request", BOB, window=2),
                decision("request", EVE, window=1),
                decision("train-end", package_arn=ARN, window=2),
            ],
            (ANA, BOB),
            id="who asked for its training",
        ),
        pytest.param(
            {"bundle-digest": "b", "cause": "request"},
            [decision("install", bundle_digest="b", pushed_by=ANA)],
            (ANA, ""),
            id="trained by a hand nobody knows",
        ),
    ],
)
def test_makers_are_who_pushed_the_code_and_who_asked_for_the_training(metadata, decisions, who):
    assert makers(metadata, ARN, decisions) == who


def test_whose_an_approval_is_counts_as_known_once_its_event_told():
    approved = Package("m", 3, ARN, "Completed", "Approved", AT, ANA, "ana")
    first = seen(approved, "yes", None, None)
    assert first is not None
    assert (first.by, first.source, first.by_event) == (ANA, "ana", False)
    confirmed = seen(approved, "yes", first, None, AT)
    assert confirmed == replace(first, by_event=True)
    assert seen(approved, "yes", confirmed, None, AT) is None
    stamped = replace(approved, modified_at=AT + timedelta(minutes=1), modified_by=BOB)
    assert seen(stamped, "yes", first, None, AT) is None, "another's stamp came before its event"
    late = seen(stamped, "yes", None, None, AT)
    assert late is not None
    assert (late.by, late.source) == (UNKNOWN, "")
