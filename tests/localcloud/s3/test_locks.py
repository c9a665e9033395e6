"""Object Lock: what a bucket's default retention keeps is not deleted for good."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError


def locked(setting, mode="GOVERNANCE", **span):
    s3 = setting.s3
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": mode, **(span or {"Days": 30})}}
    s3.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    return s3.put_object(Bucket="locked", Key="a", Body=b"1")["VersionId"]


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_a_locked_bucket_is_versioned_and_says_what_it_keeps(setting):
    version = locked(setting)
    s3 = setting.s3
    assert s3.get_bucket_versioning(Bucket="locked")["Status"] == "Enabled"
    found = s3.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"]
    assert found["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 30}
    head = s3.head_object(Bucket="locked", Key="a")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert (head["ObjectLockRetainUntilDate"] - head["LastModified"]).days in (29, 30)
    kept = s3.get_object_retention(Bucket="locked", Key="a", VersionId=version)["Retention"]
    assert kept["RetainUntilDate"] == head["ObjectLockRetainUntilDate"]


def test_a_version_is_not_deleted_for_good_but_a_marker_may_lie_on_it(setting):
    version = locked(setting)
    s3 = setting.s3
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket="locked", Key="a", VersionId=version)
    assert code_of(error) == "AccessDenied"
    answer = s3.delete_objects(
        Bucket="locked", Delete={"Objects": [{"Key": "a", "VersionId": version}]}
    )
    assert [each["Code"] for each in answer["Errors"]] == ["AccessDenied"]
    assert s3.delete_object(Bucket="locked", Key="a")["DeleteMarker"]
    assert s3.get_object(Bucket="locked", Key="a", VersionId=version)["Body"].read() == b"1"


@pytest.mark.parametrize(("mode", "goes"), [("GOVERNANCE", True), ("COMPLIANCE", False)])
def test_governance_may_be_bypassed_by_who_may(setting, mode, goes):
    version = locked(setting, mode, Years=1)
    request = {"Bucket": "locked", "Key": "a", "VersionId": version}
    if goes:
        setting.s3.delete_object(**request, BypassGovernanceRetention=True)
        return
    with pytest.raises(ClientError):
        setting.s3.delete_object(**request, BypassGovernanceRetention=True)


def test_a_lock_needs_versions_and_keeps_them(setting):
    configuration = {"ObjectLockEnabled": "Enabled"}
    with pytest.raises(ClientError) as error:
        setting.s3.put_object_lock_configuration(
            Bucket="data", ObjectLockConfiguration=configuration
        )
    assert code_of(error) == "InvalidBucketState"
    locked(setting)
    with pytest.raises(ClientError) as error:
        setting.s3.put_bucket_versioning(
            Bucket="locked", VersioningConfiguration={"Status": "Suspended"}
        )
    assert code_of(error) == "InvalidBucketState"


@pytest.mark.parametrize(
    "rule", [{"Mode": "GOVERNANCE"}, {"Mode": "X", "Days": 1}, {"Mode": "GOVERNANCE", "Days": 0}]
)
def test_a_rule_that_keeps_nothing_is_refused(setting, rule):
    setting.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}}
    with pytest.raises(ClientError) as error:
        setting.s3.put_object_lock_configuration(
            Bucket="locked", ObjectLockConfiguration=configuration
        )
    assert code_of(error) == "MalformedXML"


def test_a_bucket_without_a_lock_says_so(setting):
    with pytest.raises(ClientError) as error:
        setting.s3.get_object_lock_configuration(Bucket="data")
    assert code_of(error) == "ObjectLockConfigurationNotFoundError"


def test_a_version_is_kept_as_its_own_request_says(setting):
    locked(setting)
    until = setting.s3.head_object(Bucket="locked", Key="a")["LastModified"] + timedelta(days=365)
    asked = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    setting.s3.put_object(Bucket="locked", Key="b", Body=b"", **asked)
    head = setting.s3.head_object(Bucket="locked", Key="b")
    assert {name: head[name] for name in asked} == asked


@pytest.mark.parametrize(
    ("bucket", "asked", "code"),
    [
        ("data", {"ObjectLockMode": "GOVERNANCE"}, "InvalidRequest"),
        ("locked", {"ObjectLockMode": "GOVERNANCE"}, "InvalidArgument"),
        (
            "locked",
            {
                "ObjectLockMode": "GOVERNANCE",
                "ObjectLockRetainUntilDate": datetime(2001, 1, 1, tzinfo=UTC),
            },
            "InvalidArgument",
        ),
    ],
)
def test_a_retention_that_cannot_be_is_refused(setting, bucket, asked, code):
    locked(setting)
    with pytest.raises(ClientError) as error:
        setting.s3.put_object(Bucket=bucket, Key="c", Body=b"", **asked)
    assert code_of(error) == code
