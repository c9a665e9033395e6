"""Check a dropped file, before anything is computed from it: by its format, compressed or not."""

from pathlib import Path

from .compressed import Unreadable, head_of, kind_of
from .expected import Expected
from .format import named
from .recognise import HEAD, what_it_is
from .seen import FileCheck

_BLANK = b" \t\r\n\xef\xbb\xbf"


def check(path: Path, name: str, expected: Expected) -> FileCheck:
    """Read a file and return what it is; every reason names the file by `name`."""
    return _seen(path, expected).named(name)


def _seen(path: Path, expected: Expected) -> FileCheck:
    form, size = named(expected.format), path.stat().st_size
    if not size:
        return FileCheck(rows=0, empty="is empty")
    if not form.is_read:
        return FileCheck()
    try:
        compressed = kind_of(path)
        if compressed and expected.names_only:
            how = f"is compressed with {compressed}; reading it is left to preprocess.py"
            return FileCheck(notes=[how])
        if compressed:
            wrong = _office(path, expected) if form.may_be_compressed else _packed(path, expected)
            if wrong:
                return FileCheck(bad=[wrong])
        head = head_of(path, HEAD)
        if not head.strip(_BLANK) and len(head) < HEAD:
            return FileCheck(rows=0, empty="is empty")
        return form.check(path, expected)
    except Unreadable as error:
        return FileCheck(bad=[str(error)])


def _office(path: Path, expected: Expected) -> str:
    """Return what a zip archive is that an office program wrote; nothing for others."""
    with path.open("rb") as file:
        what, fix = what_it_is(file.read(HEAD), expected.dialect.encoding, expected.format)
    return f"is {what}; {fix}" if "office" in what or "OpenDocument" in what else ""


def _packed(path: Path, expected: Expected) -> str:
    with path.open("rb") as file:
        what, fix = what_it_is(file.read(HEAD), wanted=expected.format)
    return f"is {what}; {fix}"
