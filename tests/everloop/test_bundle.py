"""A model's folder as a bundle: the same bytes for the same folder, and opened safely."""

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.bundle import MAX_BYTES, MAX_FILES, open_bundle, pack
from everloop.errors import BadInput

FILES = ("model.toml", "train.py", "inference.py")

Member = tuple[tarfile.TarInfo, bytes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "model")


def written(folder: Path) -> Path:
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(f"# {name}\n")
    (folder / "more").mkdir()
    (folder / "more" / "été.csv").write_text("a,b\n1,2\n")
    return folder


def plain(name: str, content: bytes = b"x") -> Member:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name: str, kind: bytes, target: str = "") -> Member:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member, b""


def bundled(*members: Member, required: bool = True) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, content in [*(plain(name) for name in FILES if required), *members]:
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue())


def refusal(data: bytes) -> str:
    with pytest.raises(BadInput) as error:
        open_bundle(data)
    return str(error.value)


def test_a_folder_comes_back_as_it_was(folder: Path) -> None:
    data = pack(folder)
    bundle = open_bundle(data)
    assert bundle.digest == hashlib.sha256(data).hexdigest()
    assert sorted(bundle.files) == sorted([*FILES, "more/été.csv"])
    assert bundle.text("train.py") == "# train.py\n"


def test_identical_folders_give_identical_bytes(folder: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "elsewhere")
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "train.cpython-311.pyc").write_bytes(b"x")
    (other / "old.pyc").write_bytes(b"x")
    (other / ".git").mkdir()
    (other / ".git" / "HEAD").write_text("x")
    (other / ".env").write_text("SECRET=1")
    assert pack(other) == pack(folder)


def test_another_byte_gives_another_digest(folder: Path) -> None:
    before = open_bundle(pack(folder)).digest
    (folder / "train.py").write_text("# train.py \n")
    assert open_bundle(pack(folder)).digest != before


def test_the_archive_says_nothing_of_when_where_and_who(folder: Path) -> None:
    data = pack(folder)
    assert data[4:8] == b"\0\0\0\0"
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
            assert (member.uname, member.gname) == ("", "")


def test_a_link_in_the_folder_is_refused(folder: Path) -> None:
    (folder / "data.csv").symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match=r"data\.csv is a link; put the file itself"):
        pack(folder)


def test_a_link_to_a_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "secret.py").write_text("x")
    (folder / "shared").symlink_to(tmp_path / "shared")
    with pytest.raises(BadInput, match="shared is a link"):
        pack(folder)


def test_a_folder_without_its_files_is_refused_naming_them(folder: Path) -> None:
    (folder / "model.toml").unlink()
    with pytest.raises(BadInput, match=r"lacks model\.toml; a model's folder"):
        pack(folder)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        pack(tmp_path / "nowhere")


def test_an_archive_made_by_tar_itself_opens() -> None:
    members = [plain(f"./{name}") for name in FILES]
    folder = tarfile.TarInfo("./")
    folder.type = tarfile.DIRTYPE
    bundle = open_bundle(bundled((folder, b""), *members, required=False))
    assert sorted(bundle.files) == sorted(FILES)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        pytest.param(plain("../evil.py"), "lies outside", id="parent"),
        pytest.param(plain("a/../../evil.py"), "lies outside", id="parent, hidden"),
        pytest.param(plain("/etc/cron.d/evil"), "lies outside", id="absolute"),
        pytest.param(plain("a\\..\\evil.py"), "lies outside", id="backslashes"),
        pytest.param(plain("."), "give it a name", id="no name"),
        pytest.param(plain("\udcff.py"), "a name in UTF-8", id="no UTF-8"),
        pytest.param(special("x", tarfile.SYMTYPE, "/etc/passwd"), "is a link", id="symbolic link"),
        pytest.param(special("x", tarfile.LNKTYPE, "train.py"), "is a link", id="hard link"),
        pytest.param(special("x", tarfile.CHRTYPE), "no regular file", id="device"),
        pytest.param(special("x", tarfile.FIFOTYPE), "no regular file", id="pipe"),
        pytest.param(special("../d", tarfile.DIRTYPE), "lies outside", id="folder outside"),
        pytest.param(plain("train.py"), "train.py twice", id="twice"),
        pytest.param(plain("./train.py"), "train.py twice", id="twice, spelt otherwise"),
    ],
)
def test_a_dangerous_member_is_refused(member: Member, words: str) -> None:
    assert words in refusal(bundled(member))


def test_a_sparse_file_of_any_size_is_refused() -> None:
    member, content = plain("huge.bin", b"")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.size": str(10**13)}
    member.pax_headers |= {"GNU.sparse.map": "0,0"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member, io.BytesIO(content))
    assert "no regular file" in refusal(gzip.compress(buffer.getvalue()))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "cut off", id="nothing"),
        pytest.param(b"PK\x03\x04 a zip file", "no tar.gz", id="a zip"),
        pytest.param(gzip.compress(b"print('hello')" * 100), "no tar archive", id="gzip of text"),
        pytest.param(bundled()[:-20], "cut off", id="cut off"),
        pytest.param(bundled() + b"tail", "goes on after its end", id="a tail"),
        pytest.param(bundled() + bundled(), "goes on after its end", id="a second archive"),
        pytest.param(bundled(required=False), "lacks model.toml", id="empty"),
    ],
)
def test_what_is_no_bundle_is_refused(data: bytes, words: str) -> None:
    assert words in refusal(data)


def test_a_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(bytes(MAX_BYTES + 1024), compresslevel=9)
    assert len(bomb) < 100_000
    assert "unpacks to more than" in refusal(bomb)


def test_too_many_files_are_refused() -> None:
    many = [plain(f"f{number}") for number in range(MAX_FILES)]
    assert f"more than {MAX_FILES} files" in refusal(bundled(*many))


def test_text_that_is_none_is_refused() -> None:
    bundle = open_bundle(bundled(plain("notes.txt", b"\xff\xfe")))
    with pytest.raises(BadInput, match=r"notes\.txt is no UTF-8"):
        bundle.text("notes.txt")
    with pytest.raises(BadInput, match=r"has no missing\.py"):
        bundle.text("missing.py")


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), wrap=st.sampled_from(["tar", "gzip"]))
def test_damage_is_refused_or_harmless(at: int, byte: int, wrap: str) -> None:
    data = bytearray(gzip.decompress(bundled(plain("more/x.csv"))) if wrap == "tar" else bundled())
    data[at % len(data)] = byte
    seal: Callable[[bytes], bytes] = gzip.compress if wrap == "tar" else bytes
    try:
        bundle = open_bundle(seal(bytes(data)))
    except BadInput:
        return
    assert "model.toml" in bundle.files  # the scripts are required by what it says


def test_a_script_that_the_spec_makes_necessary_is_named() -> None:
    bundle = open_bundle(bundled())
    bundle.require(("train.py",))
    with pytest.raises(BadInput, match="the bundle lacks preprocess"):
        bundle.require(("preprocess.py",))
