"""Buckets and what is set on them."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError


def code_of(error):
    return error.value.response["Error"]["Code"]


def plain(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def test_buckets_are_made_listed_and_deleted(setting):
    s3 = setting.s3
    s3.create_bucket(Bucket="another.one")
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["another.one", "data"]
    assert s3.head_bucket(Bucket="data")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="data")["LocationConstraint"] is None
    s3.delete_bucket(Bucket="another.one")
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="another.one")
    assert code_of(error) == "404"


def test_creating_ones_own_bucket_again_is_fine_in_the_oldest_region_only(setting):
    setting.s3.create_bucket(Bucket="data")

    there = boto3.client(
        "s3",
        endpoint_url=setting.cloud.url,
        region_name="eu-west-1",
        aws_access_key_id="tester",
        aws_secret_access_key="secret",
    )
    here = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    there.create_bucket(Bucket="mine", **here)
    assert there.get_bucket_location(Bucket="mine")["LocationConstraint"] == "eu-west-1"
    with pytest.raises(ClientError) as error:
        there.create_bucket(Bucket="mine", **here)
    assert code_of(error) == "BucketAlreadyOwnedByYou"
    with pytest.raises(ClientError) as error:
        there.create_bucket(Bucket="other")
    assert code_of(error) == "IllegalLocationConstraintException"


def test_a_bucket_with_anything_in_it_stays(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"")
    with pytest.raises(ClientError) as error:
        setting.s3.delete_bucket(Bucket="data")
    assert code_of(error) == "BucketNotEmpty"
    setting.s3.delete_object(Bucket="data", Key="k")
    upload = setting.s3.create_multipart_upload(Bucket="data", Key="k")["UploadId"]
    with pytest.raises(ClientError) as error:
        setting.s3.delete_bucket(Bucket="data")
    assert code_of(error) == "BucketNotEmpty"
    setting.s3.abort_multipart_upload(Bucket="data", Key="k", UploadId=upload)
    setting.s3.delete_bucket(Bucket="data")


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "1.2.3.4", "-x-", "a..b"])
def test_names_that_s3_refuses_are_refused(setting, name):
    with pytest.raises(ClientError) as error:
        setting.s3.create_bucket(Bucket=name)
    assert code_of(error) == "InvalidBucketName"


def test_a_new_bucket_has_awss_defaults(setting):
    s3 = setting.s3
    blocked = s3.get_public_access_block(Bucket="data")["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    rules = s3.get_bucket_encryption(Bucket="data")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    owner = s3.get_bucket_ownership_controls(Bucket="data")["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert plain(s3.get_bucket_versioning(Bucket="data")) == {}
    assert plain(s3.get_bucket_logging(Bucket="data")) == {}


POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data"}
        ],
    }
)
LIFECYCLE = {
    "Rules": [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": "tmp/"},
            "Expiration": {"Days": 3},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        }
    ]
}
CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}


@pytest.mark.parametrize(
    ("part", "request_", "answer", "missing"),
    [
        ("bucket_policy", {"Policy": POLICY}, {"Policy": POLICY}, "NoSuchBucketPolicy"),
        ("bucket_cors", {"CORSConfiguration": CORS}, CORS, "NoSuchCORSConfiguration"),
        (
            "bucket_tagging",
            {"Tagging": {"TagSet": [{"Key": "a", "Value": "1"}]}},
            {"TagSet": [{"Key": "a", "Value": "1"}]},
            "NoSuchTagSet",
        ),
        (
            "public_access_block",
            {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
            {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
            "NoSuchPublicAccessBlockConfiguration",
        ),
        (
            "bucket_ownership_controls",
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
            "OwnershipControlsNotFoundError",
        ),
    ],
)
def test_configuration_is_kept_and_deleted(setting, part, request_, answer, missing):
    getattr(setting.s3, f"put_{part}")(Bucket="data", **request_)
    assert plain(getattr(setting.s3, f"get_{part}")(Bucket="data")) == answer
    getattr(setting.s3, f"delete_{part}")(Bucket="data")
    with pytest.raises(ClientError) as error:
        getattr(setting.s3, f"get_{part}")(Bucket="data")
    assert code_of(error) == missing


def test_lifecycle_rules_are_kept(setting):
    s3 = setting.s3
    s3.put_bucket_lifecycle_configuration(Bucket="data", LifecycleConfiguration=LIFECYCLE)
    assert s3.get_bucket_lifecycle_configuration(Bucket="data")["Rules"] == LIFECYCLE["Rules"]
    s3.delete_bucket_lifecycle(Bucket="data")
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket="data")
    assert code_of(error) == "NoSuchLifecycleConfiguration"


def test_a_policy_that_is_no_json_is_refused(setting):
    with pytest.raises(ClientError) as error:
        setting.s3.put_bucket_policy(Bucket="data", Policy="{no")
    assert code_of(error) == "MalformedPolicy"


def test_objects_take_the_buckets_encryption(setting):
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}
    setting.s3.put_bucket_encryption(
        Bucket="data", ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    answer = setting.s3.put_object(Bucket="data", Key="k", Body=b"")
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", key)
    assert answer["BucketKeyEnabled"] is True


def test_another_owner_is_not_let_in(setting):
    with pytest.raises(ClientError) as error:
        setting.s3.list_objects_v2(Bucket="data", ExpectedBucketOwner="999999999999")
    assert code_of(error) == "AccessDenied"
