"""Two archives with the same members are the same, whatever their times, owners and order say."""

import gzip
import hashlib
import io
import tarfile

import pytest

from everloop.contents import contents_of, differences


def archive(members, *, time=0, mode="w:gz", prefix=""):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(prefix + name)
            info.size, info.mtime, info.uid = len(data), time, time % 1000
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def read(data):
    return contents_of(io.BytesIO(data))


LONG = {"a": b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(200))}
MODEL = {"model.joblib": b"weights" * 1000, "code/inference.py": b"pass\n"}


@pytest.mark.parametrize(
    "other",
    [
        archive(MODEL, time=1_700_000_000),
        archive(dict(reversed(MODEL.items()))),
        archive(MODEL, prefix="./"),
        archive(MODEL, mode="w"),
        archive(MODEL, mode="w:bz2"),
    ],
    ids=["another time and owner", "another order", "./ before names", "no gzip", "bzip2"],
)
def test_times_order_and_compression_say_nothing(other):
    first, second = read(archive(MODEL)), read(other)
    assert first.sha256 != second.sha256
    assert first.digest == second.digest
    assert differences(first, second) == []


def test_members_that_differ_are_named():
    other = {"model.joblib": b"other", "notes.txt": b"new"}
    found = differences(read(archive(MODEL)), read(archive(other)))
    assert found == [
        "code/inference.py is missing",
        "model.joblib has other bytes",
        "notes.txt is new",
    ]


def test_a_name_moved_to_another_member_is_a_difference():
    swapped = {"a": b"2", "b": b"1"}
    assert read(archive({"a": b"1", "b": b"2"})).digest != read(archive(swapped)).digest


def test_links_count_by_where_they_lead():
    def linked(target):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as tar:
            info = tarfile.TarInfo("latest")
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        return read(made.getvalue())

    assert linked("a").digest == linked("a").digest != linked("b").digest


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive at all", archive(LONG)[:3000], gzip.compress(b"no tar"), b"\x1f\x8b" * 40],
    ids=["empty", "text", "cut off", "gzip of no tar", "broken gzip"],
)
def test_what_is_no_archive_is_compared_as_a_whole(data):
    first = read(data)
    assert first.digest == first.sha256 == read(data).digest
    assert differences(first, read(data)) == []
    assert differences(first, read(archive(MODEL)))[0].startswith("the archive as a whole")


def test_a_stream_that_breaks_is_no_broken_archive():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 5000:
                raise ConnectionResetError("the connection was reset")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        contents_of(Broken(archive({"a": bytes(range(256)) * 400}, mode="w")))
