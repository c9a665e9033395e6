"""What should serve is a function of the registry; how a release ended, of the endpoint."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.release_ends import needed, outcome
from everloop.decisions.releases import Package, Serving, desired_package, release_wanted
from everloop.moments import moment
from everloop.records.release import (
    ERROR,
    INTERRUPTED,
    RELEASED,
    ROLLED_BACK,
    TESTS_FAILED,
    WITHDRAWN,
    Release,
)

T = moment("2026-11-20T10:00:00Z")
CAME = "m-v2-0123abcd"
SEEN = {"started": True, "status": "InService", "config": CAME, "serving_config": CAME}


def package(version, approval="Approved", status="Completed", at=T):
    return Package("m", version, f"arn/{version}", status, approval, at)


def failed(version, how=TESTS_FAILED, at=T, epoch=1):
    return Release(epoch, version, how, "", at, at + timedelta(hours=1))


def serving(version, status="InService"):
    return Serving("m", status, f"m-v{version}-0123abcd", version)


def staged(version):
    """What somebody brought to production by hand, with the config that staging has."""
    return Serving("m", "InService", f"m-v{version}-staging-0123abcd", version, staged=True)


@pytest.mark.parametrize(
    ("packages", "releases", "version"),
    [
        pytest.param([package(1), package(3), package(2)], [], 3, id="highest"),
        pytest.param([package(2, "Rejected"), package(1)], [], 1, id="rejected goes back"),
        pytest.param([package(2, "PendingManualApproval"), package(1)], [], 1, id="not yet"),
        pytest.param([package(2, status="Failed"), package(1)], [], 1, id="incomplete"),
        pytest.param([package(1, "Rejected")], [], None, id="none"),
        pytest.param([package(2), package(1)], [failed(2)], 1, id="failed its tests"),
        pytest.param([package(2), package(1)], [failed(2, ROLLED_BACK)], 1, id="rolled back"),
        pytest.param(
            [package(2, at=T + timedelta(hours=2)), package(1)], [failed(2)], 2, id="approved again"
        ),
        pytest.param([package(2)], [failed(2, ERROR)], 2, id="an error is tried again"),
        pytest.param([package(2)], [failed(2, ERROR)] * 3, None, id="but not for ever"),
        pytest.param([package(2)], [failed(2, WITHDRAWN)], 2, id="withdrawn and approved again"),
    ],
)
def test_the_highest_approved_version_that_has_not_failed_should_serve(packages, releases, version):
    found = desired_package(packages, releases)
    assert (found.version if found else None) == version


@pytest.mark.parametrize(
    ("packages", "now", "go", "said"),
    [
        pytest.param([package(1)], None, True, "nothing does", id="first"),
        pytest.param([package(2), package(1)], serving(1), True, "replaces version 1", id="newer"),
        pytest.param(
            [package(2, "Rejected"), package(1)], serving(2), True, "brings back", id="back"
        ),
        pytest.param([package(2)], serving(2), False, "and it does", id="there"),
        pytest.param([package(2)], staged(2), True, "as in staging", id="by hand"),
        pytest.param([package(2)], serving(1, "Updating"), False, "is Updating", id="busy"),
        pytest.param([package(2)], serving(1, "Creating"), False, "is Creating", id="creating"),
        pytest.param([package(1, "Rejected")], None, False, "no version", id="none at all"),
        pytest.param(
            [package(1, "Rejected")], serving(1), False, "1 serves and is Rejected", id="none left"
        ),
        pytest.param([], serving(1), False, "gone from the registry", id="deleted"),
        pytest.param(
            [package(2)], serving(2, "Failed"), True, "nothing does", id="failed endpoint"
        ),
    ],
)
def test_a_release_is_wanted_where_something_else_should_serve(packages, now, go, said):
    decision = release_wanted(packages, [], now)
    wanted = decision.package
    assert decision.go is go
    assert (wanted is not None) is go
    assert said in decision.reason


def test_what_serves_on_for_want_of_another_is_named():
    packages = [package(2), package(1, "Rejected")]
    decision = release_wanted(packages, [failed(2)], serving(1), paused="paused")
    assert decision.stays == "arn/1"


approvals = st.lists(
    st.sampled_from(["Approved", "Rejected", "PendingManualApproval"]), min_size=1, max_size=8
)


@given(approvals)
def test_nothing_unapproved_is_ever_wanted(states):
    packages = [package(n, state) for n, state in enumerate(states, 1)]
    found = desired_package(packages, [])
    assert (found is None) == ("Approved" not in states)
    if found is not None:
        assert found.approval == "Approved"
        assert all(p.version <= found.version for p in packages if p.deployable)


@pytest.mark.parametrize(
    ("now", "tests", "rollout", "error", "how"),
    [
        pytest.param(
            serving(2), {"passed": True}, {"started": True}, None, RELEASED, id="released"
        ),
        pytest.param(serving(2), {"passed": True}, None, {"Error": "E"}, RELEASED, id="in the end"),
        pytest.param(serving(1), {"passed": False}, None, None, TESTS_FAILED, id="tests failed"),
        pytest.param(
            serving(1), {"passed": True}, {"started": False}, None, WITHDRAWN, id="withdrawn"
        ),
        pytest.param(
            replace(serving(1), failure_reason="alarm"),
            {"passed": True},
            {"started": True},
            None,
            ROLLED_BACK,
            id="rolled back, and says why",
        ),
        pytest.param(
            serving(1),
            {"passed": True},
            {"started": True, "config": CAME, "status": "InService", "reason": "alarm"},
            None,
            ROLLED_BACK,
            id="rolled back, seen when it ended",
        ),
        pytest.param(
            replace(serving(1), last_alarms=(f"everloop-{CAME}-errors",)),
            {"passed": True},
            {"started": True, "config": CAME},
            None,
            ROLLED_BACK,
            id="the last deployment was ours, and it went back",
        ),
        pytest.param(
            serving(1),
            {"passed": True},
            {"started": True, "config": CAME},
            None,
            INTERRUPTED,
            id="elsewhere, and nothing says why",
        ),
        pytest.param(
            serving(1), {"passed": True}, SEEN, None, RELEASED, id="came, and was moved by hand"
        ),
        pytest.param(
            serving(1, "Updating"), {"passed": True}, SEEN, None, RELEASED, id="being moved by hand"
        ),
        pytest.param(None, {"passed": True}, SEEN, None, RELEASED, id="came, and was deleted"),
        pytest.param(
            None,
            {"passed": True},
            {"started": True, "config": CAME, "status": "Deleted", "reason": "m is gone"},
            None,
            INTERRUPTED,
            id="deleted on the way",
        ),
        pytest.param(
            serving(2, "Failed"),
            {"passed": True},
            {**SEEN, "status": "Failed", "reason": "no ping"},
            None,
            ROLLED_BACK,
            id="its first endpoint failed",
        ),
        pytest.param(
            serving(2),
            {"passed": True},
            {"started": True, "config": "m-v2-ffffffff"},
            None,
            INTERRUPTED,
            id="same version, other config",
        ),
        pytest.param(serving(1), None, None, {"Error": "E", "Cause": "c"}, ERROR, id="error"),
        pytest.param(
            staged(2), None, None, {"Error": "E", "Cause": "c"}, ERROR, id="by hand meanwhile"
        ),
        pytest.param(
            staged(2),
            {"passed": True},
            {"started": True},
            None,
            INTERRUPTED,
            id="by hand at its end",
        ),
        pytest.param(
            replace(staged(1), failure_reason="alarm"),
            {"passed": True},
            {"started": True},
            None,
            ROLLED_BACK,
            id="back to what was there by hand",
        ),
        pytest.param(None, None, None, {"Error": "E", "Cause": "c"}, ERROR, id="no endpoint"),
    ],
)
def test_a_release_is_what_its_deployment_says(now, tests, rollout, error, how):
    assert outcome(2, now, tests=tests, rollout=rollout, error=error)[0] == how


@pytest.mark.parametrize(
    ("now", "came"),
    [
        pytest.param(replace(serving(2, "Updating"), pending_config="m-v1-ffffffff"), True),
        pytest.param(replace(serving(1, "Updating"), pending_config=CAME), False, id="on its way"),
        pytest.param(replace(serving(2, "Updating"), pending_config=None), False, id="not told"),
        pytest.param(replace(serving(2, "Creating"), pending_config=None), False, id="creating"),
        pytest.param(serving(2), False, id="at rest"),
    ],
)
def test_a_config_that_is_being_left_has_come(now, came):
    assert now.is_being_replaced(CAME) is came


def pinned(version, stamp, **more):
    return replace(package(version, **more), pinned=stamp)


@pytest.mark.parametrize(
    ("packages", "releases", "version"),
    [
        pytest.param([package(3), pinned(1, "2026-11-20")], [], 1, id="whatever is above"),
        pytest.param(
            [package(3), pinned(2, "2026-11-20"), pinned(1, "2026-11-21")], [], 1, id="the later"
        ),
        pytest.param(
            [package(3), pinned(1, "2026-11-20", approval="Rejected")], [], 3, id="not approved"
        ),
        pytest.param([package(3), pinned(1, "2026-11-20")], [failed(1)], 3, id="it has failed"),
    ],
)
def test_the_pinned_version_should_serve(packages, releases, version):
    found = desired_package(packages, releases)
    assert found is not None and found.version == version


def test_a_failure_counts_from_when_it_was_approved_whatever_stamped_it_since():
    stamped = replace(package(2, at=T + timedelta(days=1)), approved_at=T)
    found = desired_package([stamped, package(1)], [failed(2)])
    assert found is not None and found.version == 1


def test_what_serves_and_what_served_before_stays():
    ended = [failed(version, RELEASED) for version in (3, 2, 1)]
    kept = needed(serving(3), None, ended)
    assert kept.versions == {3, 2}
    assert kept.configs == {"m-v3-0123abcd"}
    configs = ["m-v2-00000000", "m-v1-00000000", "m-v2-staging-00000000"]
    assert [config for config in configs if kept.is_before(config)] == configs[:1]
    assert "m-v4-staging-0123abcd" in needed(serving(3), staged(4), ended).configs
    nothing = needed(None, None, [])
    assert not nothing.versions and not nothing.is_before("m-v1-00000000")
