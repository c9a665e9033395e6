"""What S3 keeps over a kill and a restart, and whose time it stamps."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import IncompleteReadError, ResponseStreamingError

from everloop_localcloud.cloud import started


def test_everything_is_there_after_a_restart(tmp_path):
    cloud, front = started(tmp_path, services=["s3"])
    storage = cloud.apis["s3"]
    enabled = {"Bucket": "data", "VersioningConfiguration": {"Status": "Enabled"}}
    cloud.call("s3", "CreateBucket", {"Bucket": "data"})
    cloud.call("s3", "PutBucketVersioning", enabled)
    old = storage.write("data", "k", b"old")["VersionId"]
    storage.write("data", "k", b"new")
    storage.write("data", "gone", b"x")
    cloud.call("s3", "DeleteObject", {"Bucket": "data", "Key": "gone"})
    names = {"Bucket": "data", "Key": "big"}
    upload = cloud.call("s3", "CreateMultipartUpload", names)["UploadId"]
    part = {**names, "UploadId": upload, "PartNumber": 1, "Body": b"part"}
    etag = cloud.call("s3", "UploadPart", part)["ETag"]
    before = cloud.call("s3", "ListObjectVersions", {"Bucket": "data"})
    front.stop()
    cloud.stop()

    cloud, front = started(tmp_path, services=["s3"])
    storage = cloud.apis["s3"]
    assert cloud.call("s3", "ListObjectVersions", {"Bucket": "data"}) == before
    assert storage.read("data", "k") == b"new"
    assert storage.read("data", "k", old) == b"old"
    done = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    request = {**names, "UploadId": upload, "MultipartUpload": done}
    cloud.call("s3", "CompleteMultipartUpload", request)
    assert storage.read("data", "big") == b"part"
    front.stop()
    cloud.stop()


def test_leavings_of_interrupted_writes_are_swept(tmp_path):
    cloud, front = started(tmp_path, services=["s3"])
    cloud.call("s3", "CreateBucket", {"Bucket": "data"})
    cloud.apis["s3"].write("data", "k", b"x")
    front.stop()
    cloud.stop()
    torn = tmp_path / "s3" / "ab" / ("0" * 30)
    torn.parent.mkdir(exist_ok=True)
    torn.write_bytes(b"half an obj")

    cloud, front = started(tmp_path, services=["s3"])

    assert not torn.exists()
    assert cloud.apis["s3"].read("data", "k") == b"x"
    front.stop()
    cloud.stop()


@pytest.mark.parametrize("size", [1, 100_000], ids=["small", "large"])
def test_an_overwritten_object_leaves_no_bytes_behind(setting, size):
    for _ in range(5):
        setting.s3.put_object(Bucket="data", Key="k", Body=b"x" * size)
    setting.s3.copy_object(Bucket="data", Key="copy", CopySource="data/k")
    setting.s3.delete_object(Bucket="data", Key="k")
    assert len(setting.cloud.apis["s3"].storage.blobs.names()) == 1
    assert setting.s3.get_object(Bucket="data", Key="copy")["Body"].read() == b"x" * size


def test_an_object_whose_file_lost_its_end_never_passes_for_a_whole_one(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"x" * 100_000)
    blobs = setting.cloud.apis["s3"].storage.blobs
    (name,) = blobs.names()
    os.truncate(blobs.path(name), 60_000)

    body = setting.s3.get_object(Bucket="data", Key="k")["Body"]
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        body.read()
    assert setting.s3.list_objects_v2(Bucket="data")["KeyCount"] == 1  # the cloud answers on


def test_a_piece_of_a_large_object_is_that_piece(setting):
    data = bytes(range(250)) * 800
    setting.s3.put_object(Bucket="data", Key="k", Body=data)
    found = setting.s3.get_object(Bucket="data", Key="k", Range="bytes=70001-199990")
    assert found["Body"].read() == data[70001:199991]


def test_what_was_acknowledged_outlives_a_kill(tmp_path):
    words = [sys.executable, "-m", "everloop_localcloud", "--state", str(tmp_path), "--port", "0"]
    for number in range(2):
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            described = tmp_path / "cloud.json"
            while not (
                described.exists() and json.loads(described.read_text())["pid"] == child.pid
            ):
                time.sleep(0.02)
            s3 = boto3.client(
                "s3",
                endpoint_url=json.loads(described.read_text())["url"],
                region_name="us-east-1",
                aws_access_key_id="tester",
                aws_secret_access_key="tester",
            )
            if number == 0:
                s3.create_bucket(Bucket="data")
                for key, size in {"small": 10, "large": 100_000}.items():
                    s3.put_object(Bucket="data", Key=key, Body=b"x" * size)
            else:
                for key, size in {"small": 10, "large": 100_000}.items():
                    assert s3.get_object(Bucket="data", Key=key)["Body"].read() == b"x" * size
        finally:
            child.kill()  # SIGKILL: nothing is flushed or closed
            child.wait()


def test_times_are_the_clouds(cloud_with):
    cloud, client = cloud_with("s3", speed=100_000)
    s3 = client("s3")
    s3.create_bucket(Bucket="data")
    cloud.clock.sleep(2 * 24 * 3600)
    s3.put_object(Bucket="data", Key="k", Body=b"")
    stamped = s3.head_object(Bucket="data", Key="k")["LastModified"]
    assert stamped > datetime.now(UTC) + timedelta(days=1)
