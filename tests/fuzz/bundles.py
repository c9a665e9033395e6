"""Bundles: archives that lie, reach outside, explode, or hold what runs when it is looked at.

A bundle is opened in memory or refused with a reason; nothing of it is imported, run, or written to
this machine. Pushed, it is installed, or its refusal is recorded and people are told.
"""

import gzip
import io
import os
import pickle
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from functions.conftest import SPEC, new_clients, opened
from fuzz.hostile import TEXTS
from fuzz.target import Check, Target
from hypothesis import strategies as st

import install_model
from everloop.aws import table
from everloop.bundle import MAX_BYTES, MAX_FILES, open_bundle
from everloop.errors import BadInput
from everloop.records import decision

MODEL = "flight-delays"
_RAN = "EVERLOOP_FUZZ_RAN"  # what hostile code sets if anything runs it
_CODE = f"import os\nos.environ[{_RAN!r}] = 'yes'\n".encode()


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.putenv, (_RAN, "yes")


_REQUIRED = {
    "model.toml": SPEC.encode(),
    "preprocess.py": _CODE,
    "train.py": _CODE,
    "inference.py": _CODE,
}
_NAMES = st.one_of(
    st.sampled_from(
        [
            *("../x", "../../etc/passwd", "/etc/passwd", "a/../../x", "./model.toml", "a//b", "."),
            *("..", "", "a/", "C:\\x", "..\\x", "model.toml", "train.py", "sitecustomize.py"),
            *("conftest.py", "everloop/__init__.py", "x.pth", "a" * 300, "d/" * 120 + "f", "é"),
            *("pipeline.py", "pipeline.json", "requirements.txt", "x\0y", "\u202etxt.py"),
        ]
    ),
    TEXTS,
)
_CONTENTS = st.one_of(
    st.binary(max_size=50),
    st.just(_CODE),
    st.just(pickle.dumps(_Evil())),
    st.sampled_from([b"0" * 100_000, b"", b"\xff\xfe", b"{}", b"[" * 10_000]),
)
_KINDS = st.sampled_from(
    [
        *([tarfile.REGTYPE] * 8), tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE,
        tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE,
        tarfile.GNUTYPE_SPARSE, b"Z",
    ]
)  # fmt: skip
_LINKS = st.sampled_from(["/etc/passwd", "../../x", "model.toml", "", "train.py"])


@st.composite
def archives(draw: Any, bombs: bool = True) -> bytes:
    """Return the bytes of an archive: mostly whole, mostly with what every model has."""
    buffer = io.BytesIO()
    kind = draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]))
    files = list(_REQUIRED.items()) if draw(st.integers(0, 9)) else []
    extra = draw(st.lists(st.tuples(_NAMES, _CONTENTS, _KINDS, _LINKS), max_size=4))
    with tarfile.open(fileobj=buffer, mode="w", format=kind, errors="replace") as archive:
        for name, content in files:
            _add(archive, name, content)
        for name, content, type_, link in extra:
            try:
                _add(archive, name, content, type_, link, draw(_HEADERS))
            except (ValueError, UnicodeError):  # this format cannot say it
                continue
    return _damaged(draw, buffer.getvalue(), bombs)


_HEADERS = st.dictionaries(
    st.sampled_from(["path", "size", "linkpath", "GNU.sparse.size", "GNU.sparse.map", "mtime"]),
    st.sampled_from(["../x", "9" * 30, "-1", "", "x", "1,2", "nan"]),
    max_size=2,
)


def _add(
    archive: tarfile.TarFile,
    name: str,
    content: bytes,
    kind: bytes = tarfile.REGTYPE,
    link: str = "",
    headers: dict[str, str] | None = None,
) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.pax_headers = kind, link, headers or {}
    holds = kind in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
    member.size = len(content) if holds else 0
    archive.addfile(member, io.BytesIO(content))


def _damaged(draw: Any, plain: bytes, bombs: bool) -> bytes:
    ways = ["whole"] * 12 + ["cut", "flip", "twice", "more", "plain"] * 2 + ["bomb"] * bombs
    how = draw(st.sampled_from(ways))
    if how == "plain":
        return plain
    if how == "bomb":
        return gzip.compress(plain[:-1024] + b"\0" * (MAX_BYTES + 1024), 1)
    if how == "flip":
        changed = bytearray(plain)
        for _ in range(draw(st.integers(1, 4))):
            changed[draw(st.integers(0, len(changed) - 1))] ^= 1 << draw(st.integers(0, 7))
        plain = bytes(changed)
    packed = gzip.compress(plain, 1)
    if how == "cut":
        return packed[: draw(st.integers(0, len(packed) - 1))]
    if how == "twice":
        return packed + packed
    if how == "more":
        return packed + draw(st.binary(min_size=1, max_size=20))
    return packed


def _untouched(folder: Path, modules: set[str]) -> None:
    """Raise AssertionError where something of a bundle ran, was imported, or was written."""
    assert _RAN not in os.environ, "code of a bundle ran"
    new = {name for name in set(sys.modules) - modules if "everloop" not in name}
    assert not new & {"preprocess", "train", "inference", "sitecustomize", "conftest"}, new
    assert list(folder.iterdir()) == [], "a file of a bundle was written"


@contextmanager
def _opened(folder: Path) -> Iterator[Check]:
    before, modules = Path.cwd(), set(sys.modules)
    os.chdir(folder)

    def check(data: bytes) -> None:
        try:
            bundle = open_bundle(data)
        except BadInput as refused:
            assert str(refused).strip()
        else:
            assert len(bundle.files) <= MAX_FILES
            assert sum(len(content) for content in bundle.files.values()) <= MAX_BYTES
            for name in bundle.files:
                path = PurePosixPath(name)
                assert not path.is_absolute() and ".." not in path.parts and name != ".", name
        _untouched(folder, modules)

    try:
        yield check
    finally:
        os.chdir(before)


@contextmanager
def _pushed(folder: Path) -> Iterator[Check]:
    work, before = folder / "work", Path.cwd()
    work.mkdir()
    with new_clients(), opened(folder) as account:
        modules = {*sys.modules, *_warm(account)}
        os.chdir(work)

        def check(data: bytes) -> None:
            key = f"models/{MODEL}/bundle.tar.gz"
            account.client("s3").put_object(Bucket=account.data, Key=key, Body=data)
            known = _last()["seq"]
            event = account.event("s3-object-created-bundle")
            answer = install_model.handler(event, account.context)
            decision = _last()
            assert decision["seq"] == known + 1, "no decision, or more than one"
            assert (decision["kind"], decision["go"]) == ("install", answer["go"])
            assert decision["reason"].strip()
            told = [] if answer["go"] else [f"{MODEL}: was not installed"]
            assert account.mails() == told, "people were told something else"
            _untouched(work, modules)

        try:
            yield check
        finally:
            os.chdir(before)


def _last() -> dict[str, Any]:
    """Return the model's latest decision."""
    head = table.get(decision.head_key(MODEL)) or {}
    return table.get(decision.key(MODEL, head["seq"])) or {}


def _warm(account: Any) -> set[str]:
    """Install a good model once, so that what an installation imports is known."""
    account.push(MODEL)
    return set(sys.modules)


TARGETS = [
    Target("bundles", archives(), _opened, share=25),
    Target("bundles pushed", archives(bombs=False), _pushed, share=2),
]
